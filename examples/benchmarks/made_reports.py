"""Reports of any length that no audit wrote: valid, repeatable, and drawn a slice of rows at a time.

    run = write_made_run(Path("runs/million"), rows=1_000_000)

Every value of a row follows from its number alone, so neither chunks nor the length of the report change it, and
nothing of length N is held. A fifth of the rows is in the queue, some are unreadable or undetermined, some are copies
under two labels. The first rows of the queue show drawn faces that lie in the run's dataset; the rest has no picture.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from labelaudit.faces import draw_dataset, write_dataset
from labelaudit.labels import LabelSpace
from labelaudit.pixels.chunks import content_sha256
from labelaudit.records import Evidence, PixelFacts, Reason, SampleTable, ThresholdHistory, Verdict, VerdictTable
from labelaudit.report.metadata import Estimate, ReportMetadata
from labelaudit.report.neighbours import SHOWN, write_neighbours
from labelaudit.report.summary import summarise_run, write_summary
from labelaudit.report.table import write_report
from labelaudit.rundir import RunDir, write_json
from labelaudit.settings import AuditSettings, ThresholdRule, VerdictSettings
from labelaudit.source.detect import open_source
from labelaudit.source.options import SourceOptions
from labelaudit.source.origin import Origin, write_origin

PICTURED = 240
"""Rows at the head of the queue that show a face, unless other is asked for."""
_EVERY = 5
"""One row in so many is in the queue."""
_SLICE = 65_536
_SPLITS = ("train",) * 8 + ("val", "test")

Rows = NDArray[np.int64]


class Drawn(Sequence[Any]):
    """A column that is made when it is looked at, a slice at a time; stands where a list or an array of N would.

    Args:
        rows: N.
        make: Row numbers (n,) -> their n values, a list or an array.
    """

    def __init__(self, rows: int, make: Callable[[Rows], Any]) -> None:
        self._rows = rows
        self._make = make

    def __len__(self) -> int:
        return self._rows

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> Any: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return self._make(np.arange(*place.indices(self._rows), dtype=np.int64))
        return self._make(np.array([place], dtype=np.int64))[0]

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, self._rows, _SLICE):
            yield from self[start : start + _SLICE]


@dataclass(frozen=True)
class MadeReport:
    """The columns of a report.

    Attributes:
        rows: N.
        classes: Their names.
        digests: SHA-256 of the pictures of the first rows of the queue.
        seed: Of everything that looks random.
        relabelled: So many rows of the head of the queue carry the suggested label: a later audit of the same set.
    """

    rows: int
    classes: tuple[str, ...]
    digests: tuple[str, ...] = ()
    seed: int = 0
    relabelled: int = 0

    @cached_property
    def _queued(self) -> int:
        return -(-self.rows // _EVERY)

    @cached_property
    def _step(self) -> int:
        """Takes the rows of the queue in an order that no file has: a step without a common divisor."""
        others = max(self._queued - len(self.digests), 1)
        return next(step for step in itertools.count(others // 3 + 1) if math.gcd(step, others) == 1)

    def uniform(self, rows: Rows, column: int) -> NDArray[np.float64]:
        """A number in [0, 1) a row that follows from the row alone (splitmix64)."""
        x = (rows.astype(np.uint64) << np.uint64(8)) + np.uint64(column + 131 * self.seed)
        x = x * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found: NDArray[np.float64] = ((x ^ (x >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / 2.0**53
        return found

    def rank(self, rows: Rows) -> Rows:
        """``queue_rank``, (n,), -1 = not in the queue."""
        place, head = rows // _EVERY, len(self.digests)
        others = max(self._queued - head, 1)
        behind = head + (place - head) * self._step % others
        return np.where(rows % _EVERY == 0, np.where(place < head, place, behind) + 1, -1)

    def given(self, rows: Rows) -> NDArray[np.int32]:
        """Class of the given label."""
        first = self._first_given(rows)
        put_right = (rows % _EVERY == 0) & (rows // _EVERY < self.relabelled)
        return np.where(put_right, self._likely(rows), first).astype(np.int32)

    def _first_given(self, rows: Rows) -> NDArray[np.int32]:
        return (self.uniform(rows, 1) * len(self.classes)).astype(np.int32)

    def _likely(self, rows: Rows) -> NDArray[np.int32]:
        """The class that the picture shows: of rows of the queue another than the given one."""
        given = self._first_given(rows)
        other = (given + 1 + (self.uniform(rows, 2) * (len(self.classes) - 1)).astype(np.int32)) % len(self.classes)
        return np.where(rows % _EVERY == 0, other, given).astype(np.int32)

    def verdict(self, rows: Rows) -> NDArray[np.int32]:
        """Index among ``Verdict``."""
        rank = self.rank(rows)
        put_right = (rank > 0) & (rank <= self.relabelled)
        found = np.where(rank < 0, 0, np.where(rank <= 0.4 * self._queued, 2, 1))
        found = np.where(put_right, 0, found)
        return np.where(rows % 1_000 == 7, 4, np.where(rows % 1_000 == 8, 3, found)).astype(np.int32)

    def p(self, rows: Rows) -> NDArray[np.float32]:
        """``p_mislabelled``; falls along the queue."""
        rank = self.rank(rows)
        wrong = np.where(rank > 0, 0.999 - 0.75 * (rank - 1) / self._queued, 0.2 * self.uniform(rows, 3))
        return np.where(self.verdict(rows) > 2, np.nan, wrong).astype(np.float32)

    def posterior(self, rows: Rows) -> NDArray[np.float32]:
        """(n, K), rows sum to 1."""
        size = len(self.classes)
        top = 0.5 + 0.45 * self.uniform(rows, 4)
        found = np.repeat(((1.0 - top) / (size - 1))[:, None], size, axis=1)
        found[np.arange(len(rows)), self._likely(rows)] = top
        found[self.verdict(rows) > 2] = np.nan
        return found.astype(np.float32)

    def suggested(self, rows: Rows) -> NDArray[np.int32]:
        """Class of ``suggested_label``, -1 = none."""
        return np.where(np.isin(self.verdict(rows), (1, 2)), self._likely(rows), -1).astype(np.int32)

    def sample_id(self, rows: Rows) -> list[str]:
        """Also the path."""
        return [f"faces/{row // 1_000:05d}/{row:09d}.png" for row in rows.tolist()]

    def digest(self, rows: Rows) -> list[str | None]:
        """``content_sha256``."""
        high = (self.uniform(rows, 5) * 2.0**52).astype(np.int64).tolist()
        found: list[str | None] = [
            f"{each:016x}" * 3 + f"{row:016x}" for each, row in zip(high, rows.tolist(), strict=True)
        ]
        for place in np.flatnonzero((rows % _EVERY == 0) & (rows // _EVERY < len(self.digests))).tolist():
            found[place] = self.digests[rows[place] // _EVERY]
        return found

    def reason(self, rows: Rows) -> list[Reason]:
        """As of each verdict."""
        return [_REASONS[code] for code in self.verdict(rows).tolist()]

    def detail(self, rows: Rows) -> list[str | None]:
        """For people."""
        pairs = zip(self.verdict(rows).tolist(), self.p(rows).tolist(), strict=True)
        return [None if code == 0 else "not judged" if code > 2 else f"at {1 - p:.3f}" for code, p in pairs]

    def group(self, rows: Rows) -> NDArray[np.int32]:
        """Two rows in a hundred are copies of each other."""
        return np.where((rows % 100 == 11) | (rows % 100 == 12), rows // 100, -1).astype(np.int32)

    def nearest(self, rows: Rows) -> NDArray[np.int32]:
        """Rows of the nearest faces, (n, 8): others of the head of the queue."""
        head = max(len(self.digests), 1)
        return ((rows[:, None] + np.arange(1, SHOWN + 1)) % head * _EVERY).astype(np.int32)

    def records(self) -> dict[str, Any]:
        """What ``write_report`` takes beside the path."""

        def drawn(make: Callable[[Rows], Any]) -> Any:  # the writer only slices, and lists and arrays slice alike
            return cast(Any, Drawn(self.rows, make))

        verdicts, nothing = list(Verdict), drawn(lambda rows: np.zeros(len(rows), dtype=np.int32))
        suspect = drawn(
            lambda rows: np.where(np.isin(self.verdict(rows), (1, 2)), self._likely(rows), -1).astype(np.int32)
        )
        posterior = drawn(self.posterior)
        return {
            "table": SampleTable(
                sample_id=drawn(self.sample_id),
                given_label=drawn(lambda rows: [self.classes[k] for k in self.given(rows).tolist()]),
                path=drawn(self.sample_id),
                split=drawn(lambda rows: [_SPLITS[row % len(_SPLITS)] for row in rows.tolist()]),
                labels=LabelSpace(self.classes),
            ),
            "evidence": Evidence(
                posterior=posterior,
                peer1=posterior,
                peer2=posterior,
                epochs_clean=nothing,
                epochs_ambiguous=nothing,
                epochs_noisy=nothing,
                history=ThresholdHistory.empty(),
                ridge=posterior,
                neighbours=posterior,
                outlier_score=drawn(lambda rows: (4.0 * self.uniform(rows, 6)).astype(np.float32)),
            ),
            "facts": PixelFacts(
                error=drawn(lambda rows: ["broken" if row % 1_000 == 7 else None for row in rows.tolist()]),
                content_sha256=drawn(self.digest),
                width=nothing,
                height=nothing,
                sharpness=drawn(lambda rows: (900.0 * self.uniform(rows, 7)).astype(np.float32)),
                brightness=drawn(lambda rows: self.uniform(rows, 8).astype(np.float32)),
                duplicate_group=drawn(self.group),
                conflict=drawn(lambda rows: np.zeros(len(rows), dtype=bool)),
            ),
            "verdicts": VerdictTable(
                verdict=drawn(lambda rows: [verdicts[code] for code in self.verdict(rows).tolist()]),
                reason=drawn(self.reason),
                reason_detail=drawn(self.detail),
                suggested=suspect,
                suggested_confidence=drawn(lambda rows: self.posterior(rows).max(axis=1)),
                p_mislabelled=drawn(self.p),
                label_score=drawn(lambda rows: 1.0 - self.p(rows)),
                clean_threshold=drawn(lambda rows: np.full(len(rows), 0.6, dtype=np.float32)),
                noisy_threshold=drawn(lambda rows: np.full(len(rows), 0.3, dtype=np.float32)),
                queue_rank=drawn(self.rank),
            ),
            "metadata": self.metadata(),
        }

    def metadata(self) -> ReportMetadata:
        """As of an audit."""
        return ReportMetadata(
            tool_version="0",
            dataset="made",
            dataset_fingerprint=f"{self.rows} {self.seed}",
            source_format="manifest",
            source_why="made",
            classes=self.classes,
            settings=AuditSettings(folds=5, verdict=VerdictSettings(rule=ThresholdRule.CALIBRATED)).to_json(),
            seed=self.seed,
            device="cpu",
            weights="none",
            torch_version="0",
            model_hash="0123456789abcdef",
            mislabelled_precision=Estimate(0.8, 0.75, 0.85),
            queue_precision=Estimate(0.95, 0.9, 0.98),
            noise_rate=Estimate(0.15, 0.12, 0.18),
        )


_REASONS = (
    Reason.ABOVE_CLEAN_THRESHOLD,
    Reason.BETWEEN_THRESHOLDS,
    Reason.BELOW_NOISY_THRESHOLD,
    Reason.CLASS_TOO_SMALL,
    Reason.DECODE_ERROR,
)


def made_report(rows: int, *, classes: int = 8, seed: int = 0, relabelled: int = 0) -> MadeReport:
    """A report without pictures."""
    return MadeReport(rows, tuple(f"class {k:02d}" for k in range(classes)), (), seed, relabelled)


def write_made_run(
    root: Path, *, rows: int, classes: int = 8, seed: int = 0, relabelled: int = 0, pictured: int = PICTURED
) -> RunDir:
    """Writes a finished run and the dataset that it speaks of, ``root`` and ``root`` with ``-faces`` at its end.

    Args:
        root: The folder to be.
        rows: N, more than five times ``pictured``.
        classes: K.
        seed: Of everything that looks random.
        relabelled: As of ``MadeReport``.
        pictured: Faces that are drawn.
    """
    faces = root.with_name(f"{root.name}-faces")
    made = made_report(rows, classes=classes, seed=seed, relabelled=relabelled)
    made = MadeReport(rows, made.classes, _write_pictures(faces, made, pictured), seed, relabelled)
    _write_manifest(faces / "labels.csv", made)
    run = RunDir(root)
    root.mkdir(parents=True)
    write_json(run.mark, {"labelaudit": "0"})
    write_report(run.report, **made.records())
    write_neighbours(run.neighbours, cast(Any, Drawn(rows, made.nearest)))
    write_origin(run, Origin(str(faces / "labels.csv"), SourceOptions(label_column="label")))
    write_summary(run.summary, summarise_run(run))
    return run


def _write_pictures(faces: Path, made: MadeReport, count: int) -> tuple[str, ...]:
    """Draws the faces at the head of the queue into the dataset; their digests."""
    drawn = faces.with_name(f".{faces.name}.drawn")
    write_dataset(draw_dataset(count, seed=made.seed, size=48), drawn)
    source = open_source(drawn)
    digests = []
    for place, name in enumerate(made.sample_id(np.arange(count) * _EVERY)):
        content = source.read(place)
        assert isinstance(content, bytes)
        (faces / name).parent.mkdir(parents=True, exist_ok=True)
        (faces / name).write_bytes(content)
        digests.append(content_sha256(content) or "")
    return tuple(digests)


def _write_manifest(path: Path, made: MadeReport) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write("path,label,split\n")
        for start in range(0, made.rows, _SLICE):
            rows = np.arange(start, min(start + _SLICE, made.rows))
            cells = zip(made.sample_id(rows), made.given(rows).tolist(), rows.tolist(), strict=True)
            file.writelines(f"{name},{made.classes[k]},{_SPLITS[row % len(_SPLITS)]}\n" for name, k, row in cells)
