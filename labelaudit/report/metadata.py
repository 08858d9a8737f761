"""What a report says about itself: the JSON under the key ``labelaudit`` of its Parquet schema.

Nothing here changes from one run to the next on the same input, settings, seed and machine: times stand in
``summary.json`` only. No absolute paths, no user or host names.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from labelaudit.errors import ReportError
from labelaudit.jsontext import check_kinds, parse_json
from labelaudit.likeness import Scored
from labelaudit.records import FloatArray, JsonDict
from labelaudit.report.estimate import Estimate as Estimate
from labelaudit.report.estimate import Matrix, read_estimate, read_matrix
from labelaudit.report.poor_pictures import PoorPictures
from labelaudit.report.slices import SliceColumn, read_slices

REPORT_SCHEMA_VERSION = 1
"""Grows when a column changes its name, type or meaning; new columns and new metadata keys leave it alone."""

METADATA_KEY = b"labelaudit"


@dataclass(frozen=True)
class EpochThreshold:
    """One class's thresholds in the last mined epoch, averaged over folds.

    Attributes:
        label: Class name.
        mean_confidence: Mean confidence of that class's given labels, in [0, 1].
        clean, noisy: In [0, 1], noisy <= clean.
    """

    label: str
    mean_confidence: float
    clean: float
    noisy: float


@dataclass(frozen=True)
class ReportMetadata:
    """Where a report comes from and what holds for all of its rows.

    Attributes:
        tool_version: Version of labelaudit that wrote it.
        dataset: A name for people, such as the last part of the dataset's path.
        dataset_fingerprint: Hex digest of the dataset's rows and labels.
        source_format: Registered name of the format, such as ``folder``.
        source_why: The sentence that says why this format was chosen.
        classes: The K class names in the order of ``posterior``.
        settings: All settings as they were decided.
        seed: Seed of everything random.
        device: ``cpu``, ``cuda`` ... as used.
        weights: Where the network started, for people: ``face``, ``none``, or a file's name.
        torch_version: Version of torch that trained it.
        model_hash: Hex digest of the model that the audit left behind, or None.
        assumed: What was assumed rather than told, one sentence each.
        distrust: Why the verdicts are not to be trusted, one sentence each; () where nothing speaks against them.
        mislabelled_precision: Share of the ``mislabelled`` rows that are wrong, or None for the mean of p_mislabelled.
        queue_precision: The same for the head of the queue.
        precision_levels: The same for groups of rows of about equal p_mislabelled, from low to high; () = not known.
        noise_rate: Share of all given labels that are wrong, or None.
        noise_matrix: P(given | true), K rows (true) of K columns (given), None where a class was not audited; or None.
        noise_matrix_low, noise_matrix_high: Ends of its entries' intervals, or None.
        class_noise: Share of wrong labels among the rows of each given class, K of them, None where it was not
            audited; () = not known.
        slices: The same of the slices that were asked for, and which of them differ; () = none were.
        poor_pictures: Classes and slices that hold many of the blurred and dark pictures.
        planted: What the planted errors measured; name -> figure.
        scored: Where no training stands behind the report but a finished audit's model: which, and how the rows compare
            with what it was trained on. None for an audit.
        last_thresholds: Thresholds of the last mined epoch; ``write_report`` fills them in.
        schema_version: ``REPORT_SCHEMA_VERSION`` of the writer.
    """

    tool_version: str
    dataset: str
    dataset_fingerprint: str
    source_format: str
    source_why: str
    classes: tuple[str, ...]
    settings: JsonDict
    seed: int
    device: str
    weights: str
    torch_version: str
    model_hash: str | None = None
    assumed: tuple[str, ...] = ()
    distrust: tuple[str, ...] = ()
    mislabelled_precision: Estimate | None = None
    queue_precision: Estimate | None = None
    precision_levels: tuple[Estimate, ...] = ()
    noise_rate: Estimate | None = None
    noise_matrix: Matrix | None = None
    noise_matrix_low: Matrix | None = None
    noise_matrix_high: Matrix | None = None
    class_noise: tuple[Estimate | None, ...] = ()
    slices: tuple[SliceColumn, ...] = ()
    poor_pictures: tuple[PoorPictures, ...] = ()
    planted: JsonDict = field(default_factory=dict)
    scored: Scored | None = None
    last_thresholds: tuple[EpochThreshold, ...] = ()
    schema_version: int = REPORT_SCHEMA_VERSION

    @property
    def trusted(self) -> bool:
        """False where training went wrong, or nothing could be learned."""
        return not self.distrust

    def to_bytes(self) -> bytes:
        """JSON in UTF-8, with ``trusted`` in it; the same metadata gives the same bytes."""
        value = plain({**asdict(self), "trusted": self.trusted})
        return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, content: bytes, *, where: str) -> ReportMetadata:
        """Reads what ``to_bytes`` wrote; keys of later writers are passed over.

        Args:
            content: JSON in UTF-8.
            where: The report's path, for messages.

        Raises:
            ReportError: It has another schema version, is no JSON, or lacks a key.
        """
        try:
            value = parse_json(content)
            version = value["schema_version"]
            if version != REPORT_SCHEMA_VERSION:
                raise ReportError(
                    f"{where} has report schema {version!r}, this labelaudit reads {REPORT_SCHEMA_VERSION}; "
                    "read it with the version that wrote it, or audit again"
                )
            for name, read in _TYPED.items():
                if name in value:
                    value[name] = read(value[name])
            found = cls(**{name: value[name] for name in cls.__dataclass_fields__ if name in value})
            _check(found)
            return found
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ReportError(f"{where} has damaged metadata ({error}); audit again") from error


def _check(found: ReportMetadata) -> None:
    """Looks whether what was read is what the rest of the package takes it for.

    Raises:
        TypeError, ValueError: It is not.
    """
    check_kinds(found)
    for matrix in (found.noise_matrix, found.noise_matrix_low, found.noise_matrix_high):
        if matrix is not None and {len(found.classes)} != {len(matrix), *map(len, matrix)}:
            raise ValueError(f"a noise matrix is not {len(found.classes)} x {len(found.classes)}")
    groups = [found.settings.get(name, {}) for name in ("nets", "asm", "verdict")]
    if not all(isinstance(each, dict) for each in groups):
        raise TypeError("a group of settings is none")
    if not isinstance(found.settings.get("folds", 1), int | None):
        raise TypeError("the number of folds is none")
    figures = [figure for name, figure in found.planted.items() if name != "kind"]
    if not all(isinstance(each, int | float | None) for each in figures):
        raise TypeError("a figure of the planted errors is no number")


def expected_precision(p: FloatArray, levels: Sequence[Estimate]) -> Estimate:
    """Share of some rows whose label is expected to be wrong.

    The ends of the interval are the means of what holds at each row's level, as if all levels erred the same way at
    once, as they mostly do.

    Args:
        p: Their p_mislabelled, (n,), n > 0.
        levels: ``ReportMetadata.precision_levels``; without any there is no interval.
    """
    value = round(float(p.mean()), 4)
    if not levels:
        return Estimate(value)
    at = [each.value for each in levels]
    low, high = (
        float(np.interp(p, at, np.maximum.accumulate(ends)).mean())
        for ends in ([each.low or 0.0 for each in levels], [1.0 if each.high is None else each.high for each in levels])
    )
    return Estimate(value, round(min(low, value), 4), round(max(high, value), 4))


def plain(value: Any) -> Any:
    """The value as JSON knows it: NaN is None, tuples are lists."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _estimates(value: Any) -> tuple[Estimate, ...]:
    return tuple(Estimate(**each) for each in value)


def _scored(value: Any) -> Scored | None:
    return None if value is None else Scored.from_json(value)


def _class_noise(value: Any) -> tuple[Estimate | None, ...]:
    return tuple(map(read_estimate, value))


def _poor_pictures(value: Any) -> tuple[PoorPictures, ...]:
    return tuple(PoorPictures(**each) for each in value)


def _epoch_thresholds(value: Any) -> tuple[EpochThreshold, ...]:
    return tuple(EpochThreshold(**row) for row in value)


_TYPED: dict[str, Callable[[Any], Any]] = {
    "classes": tuple,
    "assumed": tuple,
    "distrust": tuple,
    "mislabelled_precision": read_estimate,
    "queue_precision": read_estimate,
    "precision_levels": _estimates,
    "noise_rate": read_estimate,
    "noise_matrix": read_matrix,
    "noise_matrix_low": read_matrix,
    "noise_matrix_high": read_matrix,
    "class_noise": _class_noise,
    "slices": read_slices,
    "poor_pictures": _poor_pictures,
    "scored": _scored,
    "last_thresholds": _epoch_thresholds,
}
"""How to read what JSON has no type for."""
