"""Records -> Arrow columns, a slice of rows at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelaudit.labels import NO_CLASS
from labelaudit.records import Evidence, FloatArray, IntArray, PixelFacts, Reason, SampleTable, Verdict, VerdictTable
from labelaudit.report.schema import SLICE_PREFIX


@dataclass(frozen=True)
class Names:
    """Values of the dictionary columns that the dataset decides, fixed once so that all row groups share them.

    Attributes:
        labels: The K classes, then every given label outside them.
        splits: The dataset's splits.
        slices: The values of each slice.
    """

    labels: tuple[str, ...]
    splits: tuple[str, ...]
    slices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, table: SampleTable) -> Names:
        """Collects them from a dataset."""
        outside = {table.given_label[row] for row in np.flatnonzero(table.given == NO_CLASS).tolist()}
        extra = sorted(label for label in outside if label is not None)
        splits = sorted({split for split in table.split if split is not None})
        slices = {
            name: tuple(sorted({value for value in values if value is not None}))
            for name, values in table.slices.items()
        }
        return cls((*table.labels.names, *extra), tuple(splits), slices)


def sample_columns(table: SampleTable, rows: slice, names: Names) -> dict[str, pa.Array]:
    """What the source gave."""
    return {
        "sample_id": text(table.sample_id[rows]),
        "path": text(table.path[rows]),
        "split": named(codes(table.split[rows], names.splits), names.splits),
        "given_label": named(codes(table.given_label[rows], names.labels), names.labels),
        **{
            f"{SLICE_PREFIX}{name}": named(codes(values[rows], names.slices[name]), names.slices[name])
            for name, values in table.slices.items()
        },
    }


def verdict_columns(verdicts: VerdictTable, rows: slice, classes: Sequence[str]) -> dict[str, pa.Array]:
    """What was concluded."""
    count = len(verdicts.suggested[rows])
    decided = np.full(count, NO_CLASS, dtype=np.int32) if verdicts.decided is None else verdicts.decided[rows]
    return {
        "verdict": named(codes(verdicts.verdict[rows], list(Verdict)), list(Verdict)),
        "reason": named(codes(verdicts.reason[rows], list(Reason)), list(Reason)),
        "reason_detail": text(verdicts.reason_detail[rows]),
        "suggested_label": named(verdicts.suggested[rows], classes),
        "suggested_confidence": real(verdicts.suggested_confidence[rows]),
        "p_mislabelled": real(verdicts.p_mislabelled[rows]),
        "label_score": real(verdicts.label_score[rows]),
        "clean_threshold": real(verdicts.clean_threshold[rows]),
        "noisy_threshold": real(verdicts.noisy_threshold[rows]),
        "queue_rank": whole(verdicts.queue_rank[rows]),
        "decided_label": named(decided, classes),
    }


def evidence_columns(evidence: Evidence, given: IntArray, rows: slice) -> dict[str, pa.Array]:
    """What the models say, with the given labels (n,) of these rows."""
    posterior = evidence.posterior[rows]  # (n, K)
    unknown = np.full(len(given), np.nan, dtype=np.float32)
    outlier = evidence.outlier_score
    return {
        "confidence": at_given(posterior, given),
        "confidence_peer1": at_given(evidence.peer1[rows], given),
        "confidence_peer2": at_given(evidence.peer2[rows], given),
        "confidence_ridge": real(unknown) if evidence.ridge is None else at_given(evidence.ridge[rows], given),
        "confidence_neighbours": (
            real(unknown) if evidence.neighbours is None else at_given(evidence.neighbours[rows], given)
        ),
        "epochs_clean": pa.array(evidence.epochs_clean[rows], pa.uint16()),
        "epochs_ambiguous": pa.array(evidence.epochs_ambiguous[rows], pa.uint16()),
        "epochs_noisy": pa.array(evidence.epochs_noisy[rows], pa.uint16()),
        "entropy": real(entropy(posterior)),
        "posterior": vectors(posterior),
        "outlier_score": real(unknown if outlier is None else outlier[rows]),
    }


def fact_columns(facts: PixelFacts, rows: slice) -> dict[str, pa.Array]:
    """What decoding found."""
    return {
        "duplicate_group": whole(facts.duplicate_group[rows]),
        "sharpness": real(facts.sharpness[rows]),
        "brightness": real(facts.brightness[rows]),
        "content_sha256": text(facts.content_sha256[rows]),
    }


def entropy(posterior: FloatArray) -> FloatArray:
    """Entropy of each row in nats, (N,), with 0 log 0 = 0; NaN rows stay NaN."""
    found: FloatArray = -(posterior * np.log(np.where(posterior > 0, posterior, 1))).sum(axis=1)
    return np.abs(found)  # a certain row gives -0.0


def text(values: Sequence[str | None]) -> pa.Array:
    """Strings; None becomes null."""
    return pa.array(list(values), pa.string())


def named(indices: IntArray, names: Sequence[str]) -> pa.DictionaryArray:
    """Names by their index; a negative index becomes null."""
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32(), mask=indices < 0), pa.array(names, pa.string()))


def real(values: FloatArray) -> pa.Array:
    """Numbers; NaN becomes null."""
    return pa.array(values, pa.float32(), mask=np.isnan(values))


def whole(values: NDArray[np.integer]) -> pa.Array:
    """Whole numbers; a negative one becomes null."""
    return pa.array(values, pa.int64(), mask=values < 0)


def vectors(rows: FloatArray) -> pa.FixedSizeListArray:
    """Rows of (N, K); one that holds a NaN becomes null."""
    values = pa.array(rows.ravel(), pa.float32())
    return pa.FixedSizeListArray.from_arrays(values, rows.shape[1], mask=pa.array(np.isnan(rows).any(axis=1)))


def at_given(posterior: FloatArray, given: IntArray) -> pa.Array:
    """What each row of (N, K) gives the given label; null where that is no class."""
    values = posterior[np.arange(len(given)), given]  # NO_CLASS picks the last class, and is masked next
    return real(np.where(given == NO_CLASS, np.nan, values))


def codes(values: Sequence[str | None], names: Sequence[str]) -> IntArray:
    """Index of each value among the names, (N,); None becomes -1.

    Raises:
        KeyError: A value is none of the names.
    """
    index: dict[str | None, int] = {name: position for position, name in enumerate(names)}
    index[None] = -1
    return np.fromiter((index[value] for value in values), dtype=np.int32, count=len(values))
