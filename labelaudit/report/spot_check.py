"""The spot check of a run: which rows were drawn, with what chance, and what people's decisions on them tell.

``spot_check.json`` in the run's folder keeps the draw, so that what is estimated later rests on the chances with which
rows were really drawn, and then the findings, which the report page shows. It belongs to one audit and says which.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelaudit.errors import ReportError
from labelaudit.jsontext import parse_json
from labelaudit.records import JsonDict, Verdict
from labelaudit.report.counts import codes_among, floats
from labelaudit.report.metadata import Estimate, ReportMetadata
from labelaudit.report.summary import QUEUE_HEAD
from labelaudit.report.table import Report
from labelaudit.rundir import RunDir, write_json
from labelaudit.verdict.recalibration import Recalibration, fit_recalibration
from labelaudit.verdict.spot_check import STRATA, SpotCheck, draw_spot_check, estimate_precision, strata_of

COLUMNS = ("sample_id", "given_label", "verdict", "p_mislabelled", "queue_rank")
"""Columns of a report that a spot check needs."""

_VERSION = 1
_LENGTHS = (100, QUEUE_HEAD, 500, 1_000, 5_000, 20_000, 100_000)
_DIGITS = 4


@dataclass(frozen=True)
class Cut:
    """Rows that somebody may work through, and how many of their labels are wrong.

    Attributes:
        name: For people: ``first 200``, ``likely mislabelled``.
        rows: How many.
        looks: Rows of them that were decided.
        said: Share of wrong labels that the audit expects: the mean of p_mislabelled.
        found: The share by people's looks, with its 90 % interval.
        recalibrated: Mean of p_mislabelled as the looks correct it.
    """

    name: str
    rows: int
    looks: int
    said: float
    found: Estimate
    recalibrated: float


@dataclass(frozen=True)
class SpotFindings:
    """What people's decisions on a spot check tell.

    Attributes:
        drawn: Rows of it.
        decided: Those that somebody decided.
        wrong: Those whose label was found wrong; half a row where people are split evenly.
        ambiguous: Those called ambiguous by most.
        split: Those on which people differ.
        ambiguous_is_wrong: Whether an ambiguous row counts as wrong.
        cuts: Heads of the queue by length, the whole queue, and the rows called mislabelled.
        noise_rate: All judged labels.
        recalibration: Correction of p_mislabelled.
    """

    drawn: int
    decided: int
    wrong: float
    ambiguous: int
    split: int
    ambiguous_is_wrong: bool
    cuts: tuple[Cut, ...]
    noise_rate: Cut
    recalibration: Recalibration

    @property
    def head(self) -> Cut | None:
        """The head of the queue that a first sitting takes in; None where nothing is queued."""
        named = [each for each in self.cuts if each.name == _first(QUEUE_HEAD)]
        return next(iter([*named, *(each for each in self.cuts if each.name == _QUEUE)]), None)


@dataclass(frozen=True)
class RunSpotCheck:
    """A spot check as it stands in a run's folder.

    Attributes:
        sample_ids: The rows that were drawn.
        check: The draw; its row numbers are those of the report.
        seed: Of the draw.
        audit: Digest of the audit that it was drawn from.
        findings: None until something was decided.
    """

    sample_ids: tuple[str, ...]
    check: SpotCheck
    seed: int
    audit: str
    findings: SpotFindings | None = field(default=None)

    def to_json(self) -> JsonDict:
        """Plain values."""
        columns = (self.sample_ids, self.check.rows, self.check.stratum, self.check.inclusion)
        looks = np.bincount(self.check.stratum, minlength=len(STRATA))
        return {
            "schema_version": _VERSION,
            "audit": self.audit,
            "seed": self.seed,
            "strata": [
                {"name": name, "rows": int(rows), "looks": int(count)}
                for name, rows, count in zip(STRATA, self.check.sizes, looks, strict=True)
            ],
            "rows": [
                {"sample_id": each, "row": int(row), "stratum": int(stratum), "inclusion": float(chance)}
                for each, row, stratum, chance in zip(*columns, strict=True)
            ],
            "findings": None if self.findings is None else asdict(self.findings),
        }


def spot_check_of(report: Report, *, size: int, seed: int) -> RunSpotCheck:
    """Draws a spot check from a report.

    Args:
        report: With at least ``COLUMNS``.
        size: Rows to look at.
        seed: Of the draw.

    Raises:
        SettingsError: ``size`` is too small, or no row was judged.
    """
    table = report.table
    p, rank = floats(table["p_mislabelled"]), floats(table["queue_rank"])
    check = draw_spot_check(p, rank, size=size, head=QUEUE_HEAD, seed=seed)
    sample_ids = tuple(table["sample_id"].take(check.rows).to_pylist())
    return RunSpotCheck(sample_ids, check, seed, _digest(report.metadata))


def spot_check_path(run: RunDir) -> Path:
    """Where a run keeps its spot check."""
    return run.root / "spot_check.json"


def write_spot_check(run: RunDir, spot: RunSpotCheck) -> None:
    """Writes ``spot_check.json`` into a run's folder.

    Raises:
        ReportError: It cannot be written.
    """
    path = spot_check_path(run)
    try:
        write_json(path, spot.to_json())
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror}; free some space") from error


def read_spot_check(run: RunDir, metadata: ReportMetadata) -> RunSpotCheck | None:
    """Reads the spot check of a run; None where it has none, or one that was drawn from an earlier audit there.

    Args:
        run: The run.
        metadata: Of its report.

    Raises:
        ReportError: The file is damaged.
    """
    path = spot_check_path(run)
    if not path.is_file():
        return None
    try:
        spot = _from_json(parse_json(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReportError(f"{path} is damaged ({error}); draw another with --spot-check and --force") from error
    return spot if spot.audit == _digest(metadata) else None


def measure(
    report: Report,
    spot: RunSpotCheck,
    wrong: NDArray[np.float64],
    *,
    ambiguous: int = 0,
    split: int = 0,
    ambiguous_is_wrong: bool = False,
) -> RunSpotCheck:
    """Estimates what people's decisions tell of the whole report.

    Args:
        report: With at least ``COLUMNS``.
        spot: The draw.
        wrong: What was found of each drawn row: 1 wrong, 0 right, NaN not decided, (n,).
        ambiguous: Rows called ambiguous, to be kept in the findings.
        split: Rows on which people differ, to be kept in the findings.
        ambiguous_is_wrong: How ambiguous rows were counted, to be kept in the findings.

    Returns:
        The spot check with its findings.

    Raises:
        ReportError: A whole stratum has no decision, so that nothing can be said of all labels.
    """
    table, check = report.table, spot.check
    p, rank = floats(table["p_mislabelled"]), floats(table["queue_rank"])
    stratum = strata_of(p, rank, head=QUEUE_HEAD)
    decided = ~np.isnan(wrong)
    recalibration = fit_recalibration(p[check.rows[decided]], wrong[decided])
    better = recalibration.probability(p)

    def cut(name: str, rows: NDArray[np.bool_]) -> Cut | None:
        found = estimate_precision(check, wrong, stratum=stratum, cut=rows, seed=spot.seed)
        if found is None:
            return None
        rows = rows & (stratum >= 0)
        ends = (round(end, _DIGITS) for end in (found.share.value, found.share.low, found.share.high))
        said, corrected = (round(float(each[rows].mean()), _DIGITS) for each in (p, better))
        return Cut(name, int(rows.sum()), found.looks, said, Estimate(*ends), corrected)

    queued = ~np.isnan(rank)
    lengths = [length for length in _LENGTHS if length < np.count_nonzero(queued)]
    cuts = [cut(_first(length), rank <= length) for length in lengths]
    cuts += [cut(_QUEUE, queued), cut(_FLAGGED, codes_among(table["verdict"], [Verdict.MISLABELLED]) == 0)]
    everything = cut(_EVERY_LABEL, stratum >= 0)
    if everything is None:
        undecided = [
            name for h, name in enumerate(STRATA) if check.sizes[h] and not (decided & (check.stratum == h)).any()
        ]
        raise ReportError(
            f"no row of the spot check was decided of these parts: {', '.join(undecided)}; decide more of its rows"
        )
    findings = SpotFindings(
        drawn=len(check),
        decided=int(decided.sum()),
        wrong=float(np.nansum(wrong)),
        ambiguous=ambiguous,
        split=split,
        ambiguous_is_wrong=ambiguous_is_wrong,
        cuts=tuple(each for each in cuts if each is not None),
        noise_rate=everything,
        recalibration=recalibration,
    )
    return replace(spot, findings=findings)


_QUEUE, _FLAGGED, _EVERY_LABEL = "whole queue", "likely mislabelled", "every judged label"


def _digest(metadata: ReportMetadata) -> str:
    """What tells one audit from another: the dataset, how it was audited and the model it left."""
    told = (metadata.dataset_fingerprint, metadata.model_hash, metadata.settings, metadata.seed, metadata.tool_version)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _first(length: int) -> str:
    return f"first {length:,}"


def _from_json(value: Any) -> RunSpotCheck:
    if value["schema_version"] != _VERSION:
        raise ValueError(f"version {value['schema_version']}, this labelaudit reads {_VERSION}")
    rows = value["rows"]
    check = SpotCheck(
        rows=np.array([each["row"] for each in rows], dtype=np.int64),
        stratum=np.array([each["stratum"] for each in rows], dtype=np.int64),
        inclusion=np.array([each["inclusion"] for each in rows], dtype=np.float64),
        sizes=np.array([each["rows"] for each in value["strata"]], dtype=np.int64),
    )
    return RunSpotCheck(
        sample_ids=tuple(each["sample_id"] for each in rows),
        check=check,
        seed=value["seed"],
        audit=value["audit"],
        findings=None if value["findings"] is None else _findings(value["findings"]),
    )


def _findings(value: JsonDict) -> SpotFindings:
    return SpotFindings(
        **{
            **value,
            "cuts": tuple(_cut(each) for each in value["cuts"]),
            "noise_rate": _cut(value["noise_rate"]),
            "recalibration": Recalibration(**value["recalibration"]),
        }
    )


def _cut(value: JsonDict) -> Cut:
    return Cut(**{**value, "found": Estimate(**value["found"])})
