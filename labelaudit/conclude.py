"""From gathered evidence to everything a run leaves behind: verdicts, report, thresholds, model and summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelaudit._version import __version__
from labelaudit.decided import Decided
from labelaudit.evidence.gather import Gathered
from labelaudit.evidence.health import find_faults
from labelaudit.evidence.known import remember
from labelaudit.evidence.model import save_model
from labelaudit.evidence.plan import Plan
from labelaudit.labels import NO_CLASS
from labelaudit.pixels.store import PixelStore
from labelaudit.records import FloatArray, SampleTable, Verdict
from labelaudit.report.metadata import Estimate, ReportMetadata
from labelaudit.report.neighbours import write_neighbours
from labelaudit.report.poor_pictures import find_poor_pictures
from labelaudit.report.slices import SliceColumn, SliceEstimate
from labelaudit.report.summary import QUEUE_HEAD, Summary, summarise_run, write_summary
from labelaudit.report.table import write_report, write_thresholds
from labelaudit.rundir import RunDir
from labelaudit.settings import ThresholdRule
from labelaudit.source.interface import LabelSource
from labelaudit.verdict.decide import decide
from labelaudit.verdict.frozen import FrozenRule
from labelaudit.verdict.interval import Interval
from labelaudit.verdict.noise import NoiseEstimate, estimate_noise
from labelaudit.verdict.planted import Calibration
from labelaudit.verdict.pools import judge_pools
from labelaudit.verdict.slices import Judged, estimate_slices


def write_conclusion(
    run: RunDir,
    source: LabelSource,
    *,
    name: str,
    fingerprint: str,
    plan: Plan,
    store: PixelStore,
    gathered: Gathered,
    audited: NDArray[np.bool_],
    decided: Decided,
    notes: tuple[str, ...],
    passing_note: str | None,
    seconds: dict[str, float],
) -> Summary:
    """Judges, and writes the files of a run; the summary last.

    How many labels are wrong is asked of the plain pool of all evidence, which ones come first of the balanced one
    (``evidence.combine``): the calibration is learned on the first and carried over to the second.

    Args:
        run: The run folder.
        source: The dataset, N rows.
        name: What people call it.
        fingerprint: Hex digest of it.
        plan: What was done.
        store: Its pixels.
        gathered: The evidence.
        audited: Rows that evidence was gathered for, (N,).
        decided: What people decided of the rows.
        notes: What else is to be said to the report's readers.
        passing_note: What concerns this run and not its results: how many processes there were.
        seconds: Stage -> how long it took.
    """
    table, settings, evidence = source.table, plan.settings, gathered.evidence
    labels = decided.relabelled(table)
    plain = gathered.plain[audited]
    given = np.where(table.given == NO_CLASS, labels.given, table.given)
    before = decided.undone(given)[audited]
    pooled = judge_pools(labels, store.facts, evidence, plain=plain, before=before, audited=audited, settings=settings)
    calibration = pooled.calibration
    verdicts = decide(pooled.verdicts, table, evidence, decided, calibration=pooled.ranked)
    rank = verdicts.queue_rank[audited]
    noise = estimate_noise(
        plain,
        given[audited],
        pooled.opinion,
        verdicts.p_mislabelled[audited],
        known=decided.known[audited],
        before=before,
        flagged=np.array(verdicts.verdict, dtype=object)[audited] == Verdict.MISLABELLED,
        head=(rank > 0) & (rank <= QUEUE_HEAD),
        power=calibration.power,
        seed=settings.seed,
    )
    judged = Judged(
        plain,
        given[audited],
        calibration.margins(plain, given[audited]),
        verdicts.p_mislabelled[audited],
        decided.known[audited],
        calibration,
    )
    classes = table.labels.names
    known = remember(store, table, evidence, seed=settings.seed)
    distrust = tuple(fault.sentence for fault in find_faults(gathered.figures, classes))
    facts = _model_facts(name, classes, plan, FrozenRule(pooled.rule, pooled.ranked, settings), distrust)
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
        assumed=(
            *gathered.figures.setbacks,
            *source.assumed,
            *plan.assumed,
            *notes,
            *gathered.notes,
            *noise.caveats,
        ),
        distrust=distrust,
        mislabelled_precision=_estimate(noise.flagged_precision) if calibrated else None,
        queue_precision=_estimate(noise.head_precision) if calibrated else None,
        precision_levels=tuple(Estimate(each.value, each.low, each.high) for each in noise.levels)
        if calibrated
        else (),
        noise_rate=_estimate(noise.rate) if calibrated else None,
        noise_matrix=_rows(noise.transition) if calibrated else None,
        noise_matrix_low=_rows(noise.transition_low) if calibrated else None,
        noise_matrix_high=_rows(noise.transition_high) if calibrated else None,
        class_noise=tuple(map(_estimate, noise.class_rates)) if calibrated else (),
        slices=_slices(table, np.flatnonzero(audited), judged, noise, settings.seed) if calibrated else (),
        poor_pictures=find_poor_pictures(
            store.facts.sharpness, store.facts.brightness, {"class": table.given_label, **table.slices}
        ),
        planted=_planted(calibration),
    )
    write_report(run.report, table=table, evidence=evidence, facts=store.facts, verdicts=verdicts, metadata=metadata)
    write_thresholds(run.thresholds, history=evidence.history, classes=classes)
    if evidence.nearest is not None:
        write_neighbours(run.neighbours, evidence.nearest)
    summary = summarise_run(run, seconds=seconds, files=run.file_names)
    # only here: the report must not tell how often a run was interrupted
    passing = [note for note in (store.note, passing_note) if note is not None]
    summary = replace(summary, assumed=(*summary.assumed, *passing))
    write_summary(run.summary, summary)
    return summary


def _slices(
    table: SampleTable, rows: NDArray[np.int64], judged: Judged, noise: NoiseEstimate, seed: int
) -> tuple[SliceColumn, ...]:
    """The slices that were asked for, from what was said of the audited rows."""
    columns = {name: [values[row] for row in rows.tolist()] for name, values in table.slices.items()}
    return tuple(
        SliceColumn(
            name,
            tuple(
                SliceEstimate(
                    value=each.value,
                    rows=each.rows,
                    noise_rate=None if each.rate is None else _levels([each.rate])[0],
                    others=None if each.others is None else round(each.others, 4),
                    chance=each.chance,
                    differs=each.differs,
                    small=each.small,
                    noise_matrix=None if each.transition is None else _rows(each.transition),
                )
                for each in slices
            ),
        )
        for name, slices in estimate_slices(columns, judged, noise=noise, seed=seed).items()
    )


def _model_facts(
    name: str, classes: tuple[str, ...], plan: Plan, rule: FrozenRule, distrust: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "labelaudit": __version__,
        "dataset": name,
        "classes": list(classes),
        "backbone": plan.settings.nets.backbone,
        "weights": _weights_name(plan),
        "weights_sha256": None if plan.weights is None else plan.weights.sha256,
        "distrust": list(distrust),
        **rule.to_json(),
    }


def _weights_name(plan: Plan) -> str:
    return "none" if plan.weights is None else plan.weights.name


def _planted(calibration: Calibration) -> dict[str, Any]:
    return {
        "kind": "every possible error of every audited row, weighted; none in the training set",
        "second_opinion_share": round(calibration.second_opinion, 4),
        "margin_power": round(calibration.power, 4),
        "recall_at_half": round(calibration.planted_recall, 4),
    }


def _estimate(interval: Interval | None) -> Estimate | None:
    return None if interval is None else Estimate(interval.value, interval.low, interval.high)


def _levels(intervals: Sequence[Interval]) -> tuple[Estimate, ...]:
    return tuple(Estimate(*(round(end, 4) for end in (each.value, each.low, each.high))) for each in intervals)


def _rows(matrix: FloatArray) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(_floats(row)) for row in matrix)


def _floats(values: FloatArray) -> list[float | None]:
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]
