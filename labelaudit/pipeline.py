"""Joins the rooms into one audit: source -> pixels -> evidence -> verdicts -> report. Holds no logic of its own."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelaudit._version import __version__
from labelaudit.clock import Clock
from labelaudit.errors import SourceError
from labelaudit.evidence.gather import Gathered, gather_evidence
from labelaudit.evidence.known import remember
from labelaudit.evidence.model import save_model
from labelaudit.evidence.plan import Plan, make_plan
from labelaudit.labels import NO_CLASS
from labelaudit.pixels.build import build_store
from labelaudit.pixels.store import PixelStore
from labelaudit.records import FloatArray, Progress, SampleTable, Stage, Verdict, no_progress
from labelaudit.report.metadata import Estimate, ReportMetadata
from labelaudit.report.neighbours import write_neighbours
from labelaudit.report.summary import QUEUE_HEAD, Summary, summarise, write_summary
from labelaudit.report.table import read_report, write_report, write_thresholds
from labelaudit.rundir import RunDir, cache_folder, opened_run
from labelaudit.settings import AuditSettings, ThresholdRule
from labelaudit.source.fingerprint import dataset_fingerprint, dataset_name
from labelaudit.source.given import source_from
from labelaudit.source.interface import LabelSource
from labelaudit.source.options import SourceOptions
from labelaudit.source.origin import Origin, write_origin
from labelaudit.verdict.frozen import FrozenRule
from labelaudit.verdict.interval import Interval
from labelaudit.verdict.judge import judge
from labelaudit.verdict.noise import estimate_noise
from labelaudit.verdict.opinion import second_opinion
from labelaudit.verdict.planted import Calibration, calibrate


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
    progress: Progress = no_progress,
) -> AuditResult:
    """Audits a dataset and writes a run folder.

    Args:
        data: A path, a Hugging Face name, a pandas or Arrow table, a pair (images, labels), or an opened source.
        out: The run folder to be.
        settings: None = decide everything.
        options: What opening the dataset is to be told.
        name: What people call the dataset; None = the last part of its path.
        force: Replace an earlier run.
        resume: Go on with an interrupted one.
        progress: Told of every stage.

    Raises:
        LabelAuditError: The audit cannot run; the text says what, where, and what to do.
    """
    is_place = isinstance(data, str | os.PathLike)
    return run_audit(
        source_from(data, options),
        out=Path(out),
        settings=settings,
        name=dataset_name(data) if name is None else name,
        origin=Origin(os.fspath(data), options or SourceOptions()) if is_place else None,
        force=force,
        resume=resume,
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
    progress: Progress = no_progress,
) -> AuditResult:
    """``audit`` of a source that is open already; ``origin`` is where later commands find it again."""
    settings = settings or AuditSettings()
    cache_dir = cache_folder(settings.cache_dir)
    table = source.table
    clock = Clock(progress)
    plan = make_plan(settings, rows=int((table.given != NO_CLASS).sum()), cache_dir=cache_dir)
    fingerprint = dataset_fingerprint(source)
    with opened_run(out, fingerprint=_mark(fingerprint, plan), force=force, resume=resume) as run:
        if origin is not None:
            write_origin(run, origin)
        if run.is_finished():
            summary = summarise(read_report(run), files=run.file_names)
        else:
            size = plan.settings.nets.size
            assert size is not None
            store = build_store(source, size=size, cache_dir=cache_dir, workers=settings.workers, progress=clock)
            audited = _audited(table, store.facts.readable, settings.verdict.min_class_size)
            rows = np.flatnonzero(audited)
            gathered = gather_evidence(
                store,
                rows=rows,
                given=table.given[rows],
                num_classes=len(table.labels),
                plan=plan,
                cache_dir=cache_dir,
                checkpoint=run.checkpoint,
                progress=clock,
            )
            clock(Stage("verdicts", 0, len(table), "faces"))
            summary = _conclude(
                run,
                source,
                name=name,
                fingerprint=fingerprint,
                plan=plan,
                store=store,
                gathered=gathered,
                audited=audited,
                clock=clock,
            )
            clock(Stage("verdicts", len(table), len(table), "faces"))
        shutil.rmtree(run.checkpoint, ignore_errors=True)  # after the summary: until then a killed run needs it
    return AuditResult(run, summary)


def _conclude(
    run: RunDir,
    source: LabelSource,
    *,
    name: str,
    fingerprint: str,
    plan: Plan,
    store: PixelStore,
    gathered: Gathered,
    audited: NDArray[np.bool_],
    clock: Clock,
) -> Summary:
    """Judges, and writes everything a run leaves behind; the summary last."""
    table, settings, evidence = source.table, plan.settings, gathered.evidence
    given = table.given[audited]
    posterior = evidence.posterior[audited]
    opinion = second_opinion(posterior, given)
    calibration = calibrate(posterior, given, opinion)
    verdicts, rule = judge(table, store.facts, evidence, audited=audited, calibration=calibration, settings=settings)
    rank = verdicts.queue_rank[audited]
    noise = estimate_noise(
        posterior,
        given,
        opinion,
        calibration,
        flagged=np.array(verdicts.verdict, dtype=object)[audited] == Verdict.MISLABELLED,
        head=(rank > 0) & (rank <= QUEUE_HEAD),
        seed=settings.seed,
    )
    classes = table.labels.names
    known = remember(store, table, evidence, seed=settings.seed)
    facts = _model_facts(name, classes, plan, FrozenRule(rule, calibration, settings))
    model_hash = save_model(run, gathered, known, facts, seed=settings.seed)
    calibrated = settings.verdict.rule is ThresholdRule.CALIBRATED
    metadata = ReportMetadata(
        tool_version=__version__,
        dataset=name,
        dataset_fingerprint=fingerprint,
        source_format=source.format,
        source_why=source.why,
        classes=classes,
        settings=settings.to_json(),
        seed=settings.seed,
        device=plan.device.type,
        weights=_weights_name(plan),
        torch_version=version("torch"),
        model_hash=model_hash,
        assumed=(*source.assumed, *plan.assumed, *gathered.notes, *noise.caveats),
        mislabelled_precision=_estimate(noise.flagged_precision) if calibrated else None,
        queue_precision=_estimate(noise.head_precision) if calibrated else None,
        noise_rate=_estimate(noise.rate) if calibrated else None,
        noise_matrix=_rows(noise.transition) if calibrated else None,
        planted=_planted(calibration),
    )
    write_report(run.report, table=table, evidence=evidence, facts=store.facts, verdicts=verdicts, metadata=metadata)
    write_thresholds(run.thresholds, history=evidence.history, classes=classes)
    if evidence.nearest is not None:
        write_neighbours(run.neighbours, evidence.nearest)
    summary = summarise(read_report(run), seconds=clock.seconds(), files=run.file_names)
    if store.note is not None:  # only here: the report must not tell how often a run was interrupted
        summary = replace(summary, assumed=(*summary.assumed, store.note))
    write_summary(run.summary, summary)
    return summary


def _audited(table: SampleTable, readable: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Rows with a readable picture and a label of a class that is large enough, (N,)."""
    usable = readable & (table.given != NO_CLASS)
    sizes = np.bincount(table.given[usable], minlength=len(table.labels))
    large = sizes >= least
    if np.count_nonzero(large) < 2:
        found = f"only {table.labels.names[int(large.argmax())]}" if large.any() else "no class"
        raise SourceError(
            f"{found} has {least} or more readable samples, "
            "an audit needs two classes; add samples, or lower --min-class-size"
        )
    audited: NDArray[np.bool_] = usable & large[np.maximum(table.given, 0)]
    return audited


def _mark(fingerprint: str, plan: Plan) -> dict[str, Any]:
    """What must be equal for an interrupted run to go on."""
    return {
        "labelaudit": __version__,
        "dataset": fingerprint,
        "device": plan.device.type,
        "weights_sha256": None if plan.weights is None else plan.weights.sha256,
        "settings": plan.settings.to_json(),
    }


def _model_facts(name: str, classes: tuple[str, ...], plan: Plan, rule: FrozenRule) -> dict[str, Any]:
    return {
        "labelaudit": __version__,
        "dataset": name,
        "classes": list(classes),
        "backbone": plan.settings.nets.backbone,
        "weights": _weights_name(plan),
        "weights_sha256": None if plan.weights is None else plan.weights.sha256,
        **rule.to_json(),
    }


def _weights_name(plan: Plan) -> str:
    return "none" if plan.weights is None else plan.weights.name


def _planted(calibration: Calibration) -> dict[str, Any]:
    return {
        "kind": "every possible error of every audited row, weighted; none in the training set",
        "second_opinion_share": round(calibration.second_opinion, 4),
        "recall_at_half": round(calibration.planted_recall, 4),
    }


def _estimate(interval: Interval | None) -> Estimate | None:
    return None if interval is None else Estimate(interval.value, interval.low, interval.high)


def _rows(matrix: FloatArray) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(_floats(row)) for row in matrix)


def _floats(values: FloatArray) -> list[float | None]:
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]
