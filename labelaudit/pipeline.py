"""Joins the rooms into one audit: source -> pixels -> evidence -> verdicts -> report. Holds no logic of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelaudit._version import __version__
from labelaudit.asm.ranks import Ranks, joined_ranks
from labelaudit.clock import Clock
from labelaudit.conclude import write_conclusion
from labelaudit.decision import Decision, Ruling
from labelaudit.errors import SettingsError, SourceError
from labelaudit.evidence.gather import gather_evidence
from labelaudit.evidence.plan import Plan, make_plan
from labelaudit.evidence.together import help_to_gather, sharing_note
from labelaudit.labels import NO_CLASS, LabelSpace
from labelaudit.pixels.build import build_store
from labelaudit.queue.settle import settle
from labelaudit.records import IntArray, Progress, Stage, no_progress
from labelaudit.report.summary import Summary, summarise_run
from labelaudit.rundir import RunDir, cache_folder, differing
from labelaudit.runstart import joined_run, opened_run
from labelaudit.scale.run_url import run_to_publish
from labelaudit.settings import AuditSettings
from labelaudit.source.fingerprint import dataset_fingerprint, dataset_name
from labelaudit.source.given import source_from
from labelaudit.source.interface import LabelSource
from labelaudit.source.options import SourceOptions
from labelaudit.source.origin import Origin, write_origin


@dataclass(frozen=True)
class AuditResult:
    """A finished audit.

    Attributes:
        run: The run folder and its files.
        summary: The figures of the run.
    """

    run: RunDir
    summary: Summary

    @property
    def report(self) -> Path:
        """The Parquet report."""
        return self.run.report


def audit(
    data: Any,
    *,
    out: Path | str,
    settings: AuditSettings | None = None,
    options: SourceOptions | None = None,
    name: str | None = None,
    force: bool = False,
    resume: bool = False,
    decisions: Sequence[Decision] = (),
    progress: Progress = no_progress,
) -> AuditResult:
    """Audits a dataset and writes a run folder.

    Args:
        data: A path, a Hugging Face name, a pandas or Arrow table, a pair (images, labels), or an opened source.
        out: The run folder to be, or its URL: it is made on this machine then, and published when it is finished.
        settings: None = decide everything.
        options: What opening the dataset is to be told.
        name: What people call the dataset; None = the last part of its path.
        force: Replace an earlier run.
        resume: Go on with an interrupted one.
        decisions: What people decided of these rows (``read_decisions``): trusted as the truth from then on.
        progress: Told of every stage.

    Raises:
        LabelAuditError: The audit cannot run; the text says what, where, and what to do.
    """
    is_place = isinstance(data, str | os.PathLike)
    cache_dir = None if settings is None else settings.cache_dir
    with run_to_publish(out, cache_dir=cache_dir, force=force, progress=progress) as folder:
        return run_audit(
            source_from(data, options),
            out=folder,
            settings=settings,
            name=dataset_name(data) if name is None else name,
            origin=Origin(os.fspath(data), options or SourceOptions()) if is_place else None,
            force=force,
            resume=resume,
            decisions=decisions,
            progress=progress,
        )


def run_audit(
    source: LabelSource,
    *,
    out: Path,
    settings: AuditSettings | None = None,
    name: str = "dataset",
    origin: Origin | None = None,
    force: bool = False,
    resume: bool = False,
    decisions: Sequence[Decision] = (),
    progress: Progress = no_progress,
) -> AuditResult:
    """``audit`` of a source that is open already; ``origin`` is where later commands find it again.

    Where a launcher started several processes, all call this: the first one writes, the others help it.
    """
    settings = settings or AuditSettings()
    cache_dir = cache_folder(settings.cache_dir)
    table = source.table
    with joined_ranks() as ranks, contextlib.ExitStack() as held:
        clock = Clock(progress if ranks.is_first else no_progress)
        count = int((table.given != NO_CLASS).sum())
        plan = ranks.first_then_others(lambda: make_plan(settings, rows=count, cache_dir=cache_dir))
        fingerprint = dataset_fingerprint(source)
        mark = _mark(fingerprint, plan, decisions)
        firsts = ranks.tell(mark)
        ranks.agree(lambda: _check_same(mark, firsts))

        def open_run() -> RunDir:
            if ranks.is_first:
                return held.enter_context(opened_run(out, fingerprint=mark, force=force, resume=resume))
            return joined_run(out, fingerprint=mark)

        run = ranks.first_then_others(open_run)
        summary: Summary | None = None
        if not ranks.tell(run.is_finished()):
            if origin is not None and ranks.is_first:
                write_origin(run, origin)
            summary = _audit_in(
                run,
                source,
                name=name,
                fingerprint=fingerprint,
                plan=plan,
                cache_dir=cache_dir,
                decisions=decisions,
                ranks=ranks,
                clock=clock,
            )
        ranks.agree(lambda: None)  # what the first one wrote is there
        if ranks.is_first:
            shutil.rmtree(run.checkpoint, ignore_errors=True)  # after the summary: until then a killed run needs it
        return AuditResult(run, summary or summarise_run(run, files=run.file_names))


def _audit_in(
    run: RunDir,
    source: LabelSource,
    *,
    name: str,
    fingerprint: str,
    plan: Plan,
    cache_dir: Path,
    decisions: Sequence[Decision],
    ranks: Ranks,
    clock: Clock,
) -> Summary | None:
    """The audit itself, in a run folder that is open; None in a process that helped."""
    table, settings = source.table, plan.settings
    size = settings.nets.size
    assert size is not None
    store = ranks.first_then_others(
        lambda: build_store(source, size=size, cache_dir=cache_dir, workers=settings.workers, progress=clock)
    )
    settled = settle(decisions, table, store.facts)
    decided = settled.decided
    given = decided.over(table.given)
    usable = store.facts.readable & ~decided.rows(Ruling.NOT_A_FACE)
    audited = ranks.agree(lambda: _audited(given, usable, table.labels, settings.verdict.min_class_size))
    rows = np.flatnonzero(audited)
    if not ranks.is_first:
        help_to_gather(
            store,
            rows=rows,
            given=given[rows],
            num_classes=len(table.labels),
            plan=plan,
            checkpoint=run.checkpoint,
            cache_dir=cache_dir,
            ranks=ranks,
        )
        return None
    gathered = gather_evidence(
        store,
        rows=rows,
        given=given[rows],
        decided=decided.known[rows],
        num_classes=len(table.labels),
        plan=plan,
        cache_dir=cache_dir,
        checkpoint=run.checkpoint,
        ranks=ranks,
        progress=clock,
    )
    clock(Stage("verdicts", 0, len(table), "faces"))
    summary = write_conclusion(
        run,
        source,
        name=name,
        fingerprint=fingerprint,
        plan=plan,
        store=store,
        gathered=gathered,
        audited=audited,
        decided=decided,
        notes=settled.notes,
        passing_note=sharing_note(ranks, settings.folds or 1),
        seconds=clock.seconds(),
    )
    clock(Stage("verdicts", len(table), len(table), "faces"))
    return summary


def _check_same(mark: dict[str, Any], firsts: dict[str, Any]) -> None:
    """Refuses a process that was started with another command or sees another dataset than the first one."""
    changed = differing(firsts, mark)
    if changed:
        raise SettingsError(f"it was started with other {', '.join(changed)}; start all processes with one command")


def _audited(given: IntArray, usable: NDArray[np.bool_], labels: LabelSpace, least: int) -> NDArray[np.bool_]:
    """Rows with a usable picture and a label of a class that is large enough, (N,)."""
    usable = usable & (given != NO_CLASS)
    sizes = np.bincount(given[usable], minlength=len(labels))
    large = sizes >= least
    if np.count_nonzero(large) < 2:
        found = f"only {labels.names[int(large.argmax())]}" if large.any() else "no class"
        raise SourceError(
            f"{found} has {least} or more readable samples, "
            "an audit needs two classes; add samples, or lower --min-class-size"
        )
    audited: NDArray[np.bool_] = usable & large[np.maximum(given, 0)]
    return audited


def _mark(fingerprint: str, plan: Plan, decisions: Sequence[Decision]) -> dict[str, Any]:
    """What must be equal for an interrupted run to go on."""
    said = json.dumps([asdict(each) for each in decisions])
    return {
        "labelaudit": __version__,
        "dataset": fingerprint,
        "device": plan.device.type,
        "weights_sha256": None if plan.weights is None else plan.weights.sha256,
        "settings": plan.settings.to_json(),
        "decisions": hashlib.sha256(said.encode()).hexdigest() if decisions else None,
    }
