"""Labels put right: decisions -> the dataset's labels in their own form in a new place, with a ledger beside them.

Everything is checked before anything is written: that the decisions belong to the report and the report to the dataset,
that the pictures are those that people saw, that every new label can be written. The new folder appears whole or not
at all.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from labelaudit._version import __version__
from labelaudit.decision import Decision, time_text
from labelaudit.errors import DecisionError
from labelaudit.queue.applied import ApplyResult, Opening, flags_of, said
from labelaudit.queue.aside import folder_aside
from labelaudit.queue.escape import escaped
from labelaudit.queue.fit import check_pictures, check_same_dataset
from labelaudit.queue.how import ApplyAs
from labelaudit.queue.ledger import APPLY, CONFLICT, earlier_ledger, write_ledger
from labelaudit.queue.merge import merge_decisions
from labelaudit.queue.outcome import OUTCOME_COLUMNS, Choices, Outcome, Outcomes, settle
from labelaudit.queue.place import check_place
from labelaudit.queue.rewrite.neutral import pictures_as_files, write_neutral
from labelaudit.queue.rewrite.plan import Plan, default_form, plan_labels
from labelaudit.queue.rewrite.write import write_plan
from labelaudit.records import JsonDict, Progress, no_progress
from labelaudit.report.metadata import ReportMetadata
from labelaudit.report.table import read_report
from labelaudit.rundir import RunDir
from labelaudit.source.finish import OpenedSource
from labelaudit.source.interface import LabelSource
from labelaudit.source.origin import read_origin
from labelaudit.source.pictures import FilePictures

CONFLICTS_NAME = "conflicts.csv"
_GIVEN = ".given"


def apply_decisions(
    run: RunDir,
    decisions: Sequence[Decision],
    *,
    source: LabelSource,
    out: Path,
    choices: Choices | None = None,
    how: ApplyAs | None = None,
    dataset: str | None = None,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress = no_progress,
) -> ApplyResult:
    """Writes labels as people decided them.

    Args:
        run: A finished run.
        decisions: In the order in which they were made.
        source: The dataset of the run.
        out: The folder to be.
        choices: What becomes of conflicts, ambiguous rows and rows of the test split.
        how: In which form; None = the plainest that the dataset allows.
        dataset: Where the dataset is, so that nothing is written into it; None = where it was audited.
        force: Replace labels that an earlier call wrote there.
        dry_run: Check everything, and write nothing.
        progress: Told how it goes.

    Raises:
        DecisionError: Decisions, report, dataset and pictures do not belong together, the labels cannot be written so,
            or ``out`` is refused.
        ReportError: The report cannot be read.
    """
    report = read_report(run, columns=OUTCOME_COLUMNS)
    merged = merge_decisions(decisions, report)
    outcomes = settle(merged, report.table, choices or Choices())
    check_same_dataset(source, report.table)
    _check_place(out, run, source, _on_disk(run, dataset), force=force)
    check_pictures(source, outcomes.changed(), progress)
    job = _Job(source, outcomes, how)
    result = ApplyResult(
        dataset=report.metadata.dataset,
        decisions=sum(len(each.words) for each in merged),
        people=len({word.annotator for each in merged for word in each.words}),
        outcomes=outcomes,
        how=job.how,
        why=job.why,
        out=out,
        written=not dry_run,
        opening=job.opening(),
        renumbered=job.numbered and bool(outcomes.left_out()),
    )
    if not dry_run:
        try:
            with folder_aside(out) as folder:
                files = job.write_labels(folder, progress)
                if outcomes.conflicts:
                    _write_conflicts(folder / CONFLICTS_NAME, outcomes)
                about = _about(report.metadata, choices or Choices(), result) | files
                earlier = earlier_ledger(job.root) if job.root is not None else b""
                rows = _ledger_rows(outcomes.settled, job.written, about)
                write_ledger(folder, earlier=earlier, about=about, rows=rows)
        except OSError as error:
            raise DecisionError(
                f"cannot write {out}: {error.strerror or error}; free some space, or name another folder"
            ) from error
    return result


class _Job:
    """New labels for a dataset, planned when it is made.

    Attributes:
        how: In which form.
        why: Why it is not the dataset's own.
        written: Of each row of the report that changes what the ledger has to know; whole once all is written.
    """

    def __init__(self, source: LabelSource, outcomes: Outcomes, how: ApplyAs | None) -> None:
        labels = source.written if isinstance(source, OpenedSource) else None
        self._source = source
        self._labels = labels
        self._changes = {each.merged.row: each.new for each in outcomes.changed()}
        self._ids = {each.merged.row: each.sample_id for each in outcomes.changed()}
        self.how = how or default_form(labels)
        self.written: dict[int, JsonDict] = {row: {} for row in self._changes}
        self._plan: Plan | None = None
        refused = "" if labels is not None and labels.places is not None else _why_not(source)
        self.why = refused if self.how is ApplyAs.MANIFEST else ""
        if self.how is ApplyAs.MANIFEST:
            return
        if labels is None or refused:
            raise DecisionError(f"--as {self.how}: {refused}; --as manifest writes a table of them")
        rows = self._draft_rows()
        plan = plan_labels(
            labels,
            {rows[row]: label for row, label in self._changes.items()},
            how=self.how,
            pictures=None if self._files is None else self._files.paths,
            sample_id={rows[row]: name for row, name in self._ids.items()},
        )
        self._log({row: plan.written[rows[row]] for row in self._changes})
        self._plan = plan

    @property
    def numbered(self) -> bool:
        """Whether ids shift when rows are left out; a table has them in a column."""
        return self.how is not ApplyAs.MANIFEST and self._labels is not None and self._labels.numbered

    @property
    def root(self) -> Path | None:
        """The folder that the dataset's own labels lie in."""
        places = None if self._labels is None else self._labels.places
        return None if places is None else places.layout.root

    @property
    def _files(self) -> FilePictures | None:
        pictures = self._source.pictures if isinstance(self._source, OpenedSource) else None
        return pictures if isinstance(pictures, FilePictures) else None

    def opening(self) -> Opening:
        """How the new labels are opened."""
        if self._plan is None or self.how is ApplyAs.PLAN:
            named = pictures_as_files(self._source)
            return Opening(root=None if named is None else named.root)
        layout, files = self._plan.places.layout, self._files
        elsewhere = files is not None and self.how is ApplyAs.LABELS
        return Opening(
            name="" if layout.file is None else layout.file.name,
            flags=flags_of(layout.options),
            root=files.root if files is not None and elsewhere else None,
        )

    def write_labels(self, folder: Path, progress: Progress) -> JsonDict:
        """Writes the labels; gives what the ledger has to know of the files."""
        found: JsonDict = {"files": []}
        if self._plan is not None:
            found = write_plan(self._plan, folder, pictures=self._files, progress=progress)
        if self.how in (ApplyAs.MANIFEST, ApplyAs.PLAN):
            given = folder / _GIVEN
            given.mkdir()
            labels = write_neutral(self._source, given, progress)
            plan = plan_labels(labels, self._changes, how=ApplyAs.LABELS, pictures=None, sample_id=self._ids)
            found = write_plan(plan, folder, pictures=None, progress=progress)
            shutil.rmtree(given)
            self._log(plan.written)
        return found

    def _draft_rows(self) -> Mapping[int, int]:
        """Row of the dataset as it was read for each row that changes."""
        chosen = self._source.rows if isinstance(self._source, OpenedSource) else None
        return {row: row if chosen is None else int(chosen[row]) for row in self._changes}

    def _log(self, written: Mapping[int, JsonDict]) -> None:
        for row, about in written.items():
            self.written[row] |= about


def _why_not(source: LabelSource) -> str:
    if isinstance(source, OpenedSource) and source.written is not None:
        return source.written.why_not
    return "the dataset is not on disk"


def _on_disk(run: RunDir, dataset: str | None) -> Path | None:
    """The dataset's file or folder, where it has one."""
    origin = read_origin(run) if dataset is None else None
    named = dataset if origin is None else origin.dataset
    return None if named is None or not Path(named).exists() else Path(named)


def _check_place(out: Path, run: RunDir, source: LabelSource, dataset: Path | None, *, force: bool) -> None:
    over: list[Path] = [run.root]
    into: list[Path] = []
    if dataset is not None:
        (into if dataset.is_dir() else over).append(dataset)
    pictures = source.pictures if isinstance(source, OpenedSource) else None
    if isinstance(pictures, FilePictures):
        over.append(pictures.root)
    check_place(out, over=over, into=into, force=force)


def _about(metadata: ReportMetadata, choices: Choices, result: ApplyResult) -> JsonDict:
    """The first line of an act, but for the files."""
    return {
        "act": APPLY,
        "when": time_text(datetime.now(UTC)),
        "as": result.how,
        "dataset": metadata.dataset,
        "dataset_fingerprint": metadata.dataset_fingerprint,
        "model_hash": metadata.model_hash,
        "tool_version": __version__,
        "on_conflict": choices.on_conflict,
        "drop": sorted(choices.drop),
        "include_test": bool(choices.include_test),
        "opening": result.opening.to_json(result.out),
    }


def _ledger_rows(
    outcomes: Sequence[Outcome], written: Mapping[int, JsonDict], about: Mapping[str, str]
) -> Iterator[JsonDict]:
    belonging = {name: about[name] for name in ("model_hash", "dataset_fingerprint", "tool_version")}
    for each in outcomes:
        words = each.merged.words
        line: JsonDict = {
            "sample_id": each.sample_id,
            "content_sha256": each.content_sha256,
            "old": each.given,
            "new": each.new,
            "ruling": each.merged.ruling or CONFLICT,
            "who": each.merged.who,
            "when": max(word.decided_at for word in words),
            "tool": sorted({word.tool for word in words}),
            **belonging,
        }
        if each.left_out:
            line["left_out"] = True
        yield line | ({"written": written[each.merged.row]} if each.changes else {})


def _write_conflicts(path: Path, outcomes: Outcomes) -> None:
    """Writes what people disagree about; a spreadsheet opens it."""
    settled = {each.sample_id for each in outcomes.settled}
    with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("sample", "given", "said", "outcome"))
        for each in outcomes.conflicts:
            words = "; ".join(f"{who}: {word}" for who, word in said(each).items())
            kept = "left out" if each.left_out else "kept"
            outcome = kept if each.sample_id in settled else "open"
            writer.writerow([escaped(cell) for cell in (each.sample_id, each.given or "", words, outcome)])
