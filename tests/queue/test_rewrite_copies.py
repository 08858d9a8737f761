"""Labels put right in every layout that datasets come in, opened again, and taken back."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from finished_runs import finished_run
from PIL import Image, UnidentifiedImageError
from source.all_copies import COPIES
from source.copies import Album, Copy, Write

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError, PixelError
from labelaudit.faces import DrawnFaces
from labelaudit.queue.applied import ApplyResult
from labelaudit.queue.apply import apply_decisions
from labelaudit.queue.how import ApplyAs
from labelaudit.queue.ledger import read_ledger
from labelaudit.queue.outcome import Choices
from labelaudit.queue.undo import apply_undo
from labelaudit.records import Reason
from labelaudit.rundir import RunDir
from labelaudit.source.detect import open_source
from labelaudit.source.interface import LabelSource
from labelaudit.source.options import SourceOptions
from labelaudit.source.origin import open_run_source

VOTED = {"fer2013_with_votes", "ferplus", "ferplus_table", "rafdb_with_shares"}
NAMED = {"fer2013_folders", "affectnet_folders", "utkface"}
APART = {"affectnet_npy", "ckplus", "rafdb_reshipped"}
"""A file a label, or labels in files and in names: the whole dataset is written."""
NUMBERED = {"fer2013", "fer2013_kaggle", "fer2013_halves", "parquet_shards", "huggingface"}
"""Ids are row numbers."""

FIELDS = {
    "--format": "format",
    "--label-column": "label_column",
    "--root": "root",
}


def expected_form(name: str) -> ApplyAs:
    if name in VOTED:
        return ApplyAs.MANIFEST
    if name in NAMED:
        return ApplyAs.PLAN
    return ApplyAs.LINKS if name in APART else ApplyAs.LABELS


def opened(words: tuple[str, ...]) -> LabelSource:
    """What the words that follow ``labelaudit audit`` open."""
    location, *flags = words
    told = dict(zip(flags[::2], flags[1::2], strict=True))
    pairs = dict(pair.split("=") for pair in told.pop("--label-map", "").split(",") if pair)
    given = {FIELDS[flag]: Path(value) if flag == "--root" else value for flag, value in told.items()}
    return open_source(location, SourceOptions(label_map=pairs, **given))


def digests(folder: Path) -> dict[str, str]:
    """Every file of a folder and what is in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Case:
    """A copy with a run of it, and decisions about some of its rows."""

    def __init__(self, write: Write, folder: Path, drawn: DrawnFaces) -> None:
        self.name = write.__name__
        self.folder = folder
        self.copy: Copy = write(folder / "set", Album(drawn))
        self.run: RunDir = finished_run(folder / "run", self.copy.location, self.copy.source_options())
        self.source = open_run_source(self.run)
        self.before = digests(folder / "set")

    def change(self, *rows: int) -> list[Decision]:
        """Decisions that give rows the class that follows theirs."""
        names = self.source.table.labels.names
        given = self.source.table.given
        return [
            Decision(self.source.table.sample_id[row], Ruling.LABEL, names[(given[row] + 1) % len(names)], "ann")
            for row in rows
        ]

    def judged(self) -> list[int]:
        """Rows with a class and a picture."""
        odd = {name for name, reason in self.copy.odd.items() if reason is not Reason.CLASS_TOO_SMALL}
        ids = self.source.table.sample_id
        return [row for row in range(len(ids)) if ids[row] not in odd]

    def apply(self, decisions: list[Decision], **more) -> ApplyResult:
        out = self.folder / "out"
        choices = more.pop("choices", Choices(include_test=True))
        return apply_decisions(self.run, decisions, source=self.source, out=out, choices=choices, **more)

    def moved(self, ledger: Path) -> dict[str, str]:
        """New sample ids of rows whose picture has another name now."""
        rows = (row.get("written", {}) | {"id": row["sample_id"]} for row in read_ledger(ledger)[-1].rows)
        return {row["id"]: row["moved"] for row in rows if row.get("moved")}


@pytest.fixture(params=COPIES, ids=lambda write: write.__name__)
def case(request: pytest.FixtureRequest, tmp_path: Path, drawn: DrawnFaces) -> Case:
    return Case(request.param, tmp_path, drawn)


Labels = dict[str, str | None]


def labels_of(source: LabelSource) -> Labels:
    return dict(zip(source.table.sample_id, source.table.given_label, strict=True))


def as_table(labels: Labels, source: LabelSource) -> Labels:
    """What a table of class names has: a label that is no class is none."""
    return {name: label if label in source.table.labels else None for name, label in labels.items()}


def test_exactly_the_decided_labels_change_and_come_back(case: Case) -> None:
    rows = case.judged()
    decisions = case.change(rows[0], rows[len(rows) // 2], rows[-1])
    result = case.apply(decisions)
    assert result.how is expected_form(case.name)
    assert bool(result.why) == (case.name in VOTED)
    _check_round_trip(case, result, labels_of(case.source) | {each.sample_id: each.label for each in decisions})


@pytest.mark.parametrize("how", [ApplyAs.MANIFEST, ApplyAs.LINKS])
def test_forms_that_are_chosen_and_rows_that_are_left_out(case: Case, how: ApplyAs) -> None:
    if case.name in VOTED and how is not ApplyAs.MANIFEST:
        with pytest.raises(DecisionError, match=rf"--as {how}: the given labels are the plurality of .*--as manifest"):
            case.apply([*case.change(0)], how=how)
        return
    rows = case.judged()
    gone = [case.source.table.sample_id[row] for row in (rows[1], rows[-2])]
    decisions = [*case.change(rows[0], rows[-1]), *(Decision(name, Ruling.AMBIGUOUS, None, "bo") for name in gone)]
    choices = Choices(include_test=True, drop=frozenset({Ruling.AMBIGUOUS}))
    result = case.apply(decisions, how=how, choices=choices)
    assert result.how is how
    expected = labels_of(case.source) | {each.sample_id: each.label for each in decisions[:2]}
    for name in gone:
        if case.name in ("affectnet_npy", "ckplus") and how is not ApplyAs.MANIFEST:
            expected[name] = None  # a picture whose label file is left out stays, without a label
        else:
            del expected[name]
    if how is not ApplyAs.MANIFEST:
        assert "--root" not in result.opening.words(result.out)
    if case.name in NUMBERED and how is not ApplyAs.MANIFEST:
        _check_by_rows(case, result, expected)
    else:
        _check_round_trip(case, result, expected)


def _check_by_rows(case: Case, result: ApplyResult, expected: Labels) -> None:
    """Ids that are row numbers shift when rows are left out: what is left has its order."""
    assert result.renumbered
    new = opened(result.opening.words(result.out))
    assert list(new.table.given_label) == list(expected.values())
    kept = [row for row, name in enumerate(case.source.table.sample_id) if name in expected]
    for row, before in enumerate(kept):
        assert np.array_equal(pixels(new, row), pixels(case.source, before))
    assert digests(case.folder / "set") == case.before
    back = apply_undo(result.out, out=case.folder / "back")
    assert labels_of(opened(back.opening.words(back.out))) == labels_of(case.source)
    _check_bytes(case, back.out)


def _check_round_trip(case: Case, result: ApplyResult, expected: Labels) -> None:
    new = opened(result.opening.words(result.out))
    in_table = result.how in (ApplyAs.MANIFEST, ApplyAs.PLAN)
    given = labels_of(case.source)
    if in_table:
        expected, given = as_table(expected, case.source), as_table(given, case.source)
    moved = {} if in_table else case.moved(result.out / "ledger.jsonl")
    assert labels_of(new) == {moved.get(name, name): label for name, label in expected.items()}
    assert set(new.table.labels.names) == set(case.source.table.labels.names)
    if not moved:
        assert list(new.table.sample_id) == list(expected)
    assert not result.renumbered
    if not in_table:
        assert new.format == case.source.format
    _check_pictures(case, new, {name: moved.get(name, name) for name in expected})
    assert digests(case.folder / "set") == case.before
    back = apply_undo(result.out / "ledger.jsonl", out=case.folder / "back")
    old = opened(back.opening.words(back.out))
    assert labels_of(old) == given
    assert list(old.table.sample_id) == list(given)
    if not in_table:
        _check_bytes(case, back.out)


def _check_pictures(case: Case, new: LabelSource, names: dict[str, str]) -> None:
    """Every row still shows its picture."""
    row_of = {name: row for row, name in enumerate(new.table.sample_id)}
    for row, name in enumerate(case.source.table.sample_id):
        if name in names:
            assert np.array_equal(pixels(new, row_of[names[name]]), pixels(case.source, row))


def pixels(source: LabelSource, row: int) -> np.ndarray | None:
    """A row's picture, decoded; None where it cannot be."""
    try:
        picture = source.read(row)
        return np.asarray(Image.open(io.BytesIO(picture))) if isinstance(picture, bytes) else picture
    except (PixelError, UnidentifiedImageError):
        return None


def _check_bytes(case: Case, back: Path) -> None:
    """Every file that came back is the one that was there, byte for byte; tables of libraries are read instead."""
    root = case.copy.location if case.copy.location.is_dir() else case.copy.location.parent
    before, after = digests(root), digests(back)
    del after["ledger.jsonl"]
    assert after
    for name, digest in after.items():
        if not name.endswith((".parquet", ".arrow", "state.json", "dataset_info.json")):
            assert before[name] == digest, name
