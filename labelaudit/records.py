"""What a sample becomes on its way through the rooms.

``SampleTable`` (what a source gives) -> ``Evidence`` (what the models that never saw a label say of it)
-> ``VerdictTable`` (what we conclude) -> the Parquet report. All are columns, not objects a row, so that a
million samples cost arrays and not a million Python objects.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelaudit.ballots import Ballots
from labelaudit.labels import NO_CLASS, LabelSpace

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]


class Verdict(StrEnum):
    """The final word on one sample."""

    CLEAN = "clean"
    AMBIGUOUS = "ambiguous"
    MISLABELLED = "mislabelled"
    UNDETERMINED = "undetermined"
    UNREADABLE = "unreadable"


class Reason(StrEnum):
    """Why a sample has its verdict. A closed list: code may match on it.

    The first three: the evidence against the given class's thresholds; ``no_convincing_class``: below the noisy one,
    but no other is likely; ``duplicate_conflict``: the same picture under another label; ``decided``: a person said so.
    Not audited: ``class_too_small``, ``no_label``, ``not_a_class`` (a code for "no expression"), ``class_unknown`` (to
    the model that judged), ``off_topic`` (no class fits), ``decode_error`` (cannot be read).
    """

    ABOVE_CLEAN_THRESHOLD = "above_clean_threshold"
    BETWEEN_THRESHOLDS = "between_thresholds"
    BELOW_NOISY_THRESHOLD = "below_noisy_threshold"
    NO_CONVINCING_CLASS = "no_convincing_class"
    DUPLICATE_CONFLICT = "duplicate_conflict"
    CLASS_TOO_SMALL = "class_too_small"
    NO_LABEL = "no_label"
    NOT_A_CLASS = "not_a_class"
    CLASS_UNKNOWN = "class_unknown"
    OFF_TOPIC = "off_topic"
    DECIDED = "decided"
    DECODE_ERROR = "decode_error"


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of a dataset.

    Attributes:
        sample_id: Stable and unique in its dataset.
        given_label: Class name as people gave it; None where the dataset has none.
        path: Relative to the dataset's root with ``/`` between parts; None where the image is embedded.
        split: ``train``, ``val``, ``test`` or whatever the source calls it; None where it has none.
    """

    sample_id: str
    given_label: str | None
    path: str | None
    split: str | None


@dataclass(frozen=True)
class SampleTable:
    """All rows of a dataset in input order, as columns of equal length N.

    Attributes:
        sample_id: Unique ids.
        given_label: Class names, or None. A row with a name outside ``labels`` ("no face") is kept and not audited.
        path, split: Path relative to the root, and name of the split; None where there is none.
        labels: The K classes that are audited.
        votes: Annotators' votes a class, shape (N, K), or None where the dataset has one label a sample.
        votes_outside: Votes that fall on no class of ``labels`` (unknown, not a face), shape (N,), or None.
        ballots: The same votes with who cast them, choices as indices of ``labels``; None where that is not known.
        slices: What the dataset says of each row beside its label, such as its annotator: name -> a value a row, None
            where there is none. Only those that were asked for.
        given: Index of each given label in ``labels``, ``NO_CLASS`` where it has none. Derived.
    """

    sample_id: Sequence[str]
    given_label: Sequence[str | None]
    path: Sequence[str | None]
    split: Sequence[str | None]
    labels: LabelSpace
    votes: FloatArray | None = None
    votes_outside: FloatArray | None = None
    ballots: Ballots | None = None
    slices: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    given: IntArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lengths = {len(self.sample_id), len(self.given_label), len(self.path), len(self.split)}
        lengths |= {len(values) for values in self.slices.values()}
        if len(lengths) != 1:
            raise ValueError(f"columns differ in length: {sorted(lengths)}")
        if self.votes is not None and self.votes.shape != (len(self.sample_id), len(self.labels)):
            raise ValueError(f"votes have shape {self.votes.shape}, not ({len(self.sample_id)}, {len(self.labels)})")
        object.__setattr__(self, "given", self.labels.indices(self.given_label))

    def __len__(self) -> int:
        return len(self.sample_id)

    def __getitem__(self, row: int) -> Sample:
        return Sample(self.sample_id[row], self.given_label[row], self.path[row], self.split[row])

    def class_counts(self) -> IntArray:
        """Rows a class, shape (K,)."""
        return np.bincount(self.given[self.given != NO_CLASS], minlength=len(self.labels)).astype(np.int32)


@dataclass(frozen=True)
class ThresholdHistory:
    """Every class's thresholds in every mined epoch, one row an (epoch, class, fold, peer run).

    All arrays have equal length R.

    Attributes:
        epoch: Epochs done when the thresholds were learned, from 1.
        fold: Fold of the run, 0 where there is one.
        class_index: Class in [0, K).
        mean_confidence: Mean confidence of that class's given labels, in [0, 1].
        clean_threshold, noisy_threshold: In [0, 1], noisy <= clean.
        clean, ambiguous, noisy: Samples of the class in each partition.
    """

    epoch: IntArray
    fold: IntArray
    class_index: IntArray
    mean_confidence: FloatArray
    clean_threshold: FloatArray
    noisy_threshold: FloatArray
    clean: IntArray
    ambiguous: IntArray
    noisy: IntArray

    @classmethod
    def empty(cls) -> ThresholdHistory:
        """That of evidence behind which no epoch of training stands."""
        none, numbers = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
        return cls(none, none, none, numbers, numbers, numbers, none, none, none)


@dataclass(frozen=True)
class Evidence:
    """What models that never trained on a sample's label say about it. Rows are samples, in input order.

    A row that could not be judged (unreadable, without a label, class too small) is NaN throughout.

    Attributes:
        posterior: Combined and calibrated, (N, K), rows sum to 1.
        peer1, peer2: Each peer's posterior, (N, K).
        ridge, neighbours: Other sources' posterior, (N, K), or None where not run.
        epochs_clean, epochs_ambiguous, epochs_noisy: How many mined epochs held the sample in each partition, (N,).
        history: Thresholds through the epochs.
        outlier_score: How odd the picture is among all, (N,), higher = odder, or None.
        outlier_threshold: Off topic from this score on; infinite where no picture is to be called so.
        nearest: Row numbers of the nearest faces, nearest first, (N, M), -1 = none; or None where not run.
    """

    posterior: FloatArray
    peer1: FloatArray
    peer2: FloatArray
    epochs_clean: IntArray
    epochs_ambiguous: IntArray
    epochs_noisy: IntArray
    history: ThresholdHistory
    ridge: FloatArray | None = None
    neighbours: FloatArray | None = None
    outlier_score: FloatArray | None = None
    outlier_threshold: float = math.inf
    nearest: IntArray | None = None


@dataclass(frozen=True)
class PixelFacts:
    """What decoding found out about every image, as columns of length N.

    Attributes:
        error: The decoder's message, or None where the image is readable.
        content_sha256: Hex digest of the encoded bytes; None where there were none.
        width, height: Of the decoded picture, in pixels; 0 where unreadable.
        sharpness: Variance of the Laplacian of the grey picture in [0, 255], float32; NaN where unreadable.
        brightness: Mean grey value in [0, 1]; NaN where unreadable.
        duplicate_group: Rows that show the same picture share a number >= 0; -1 = no twin.
        conflict: True where a row's group holds different given labels.
    """

    error: Sequence[str | None]
    content_sha256: Sequence[str | None]
    width: IntArray
    height: IntArray
    sharpness: FloatArray
    brightness: FloatArray
    duplicate_group: IntArray
    conflict: NDArray[np.bool_]

    @property
    def readable(self) -> NDArray[np.bool_]:
        """True where the image could be decoded, shape (N,)."""
        return np.array([message is None for message in self.error], dtype=bool)


@dataclass(frozen=True)
class VerdictTable:
    """The verdicts, as columns of length N in input order. NaN, None and -1 mean "not known".

    Attributes:
        verdict: ``Verdict`` a row.
        reason: ``Reason`` a row.
        reason_detail: For people: the numbers, or the decoder's message.
        suggested: Class index in [0, K), ``NO_CLASS`` where no other class is convincing.
        suggested_confidence: Calibrated probability of the suggestion.
        p_mislabelled: Calibrated probability that the given label is wrong.
        label_score: (1 - margin) / 2, in [0, 1], lower = worse; 0.5 = the best other class is as likely. The margin is
            taken on the scale that suits the errors (``verdict.planted``).
        clean_threshold, noisy_threshold: Of the given class, those that decided the row.
        queue_rank: 1 = ask about this first; -1 = not in the queue.
        decided: Class that a person decided, ``NO_CLASS`` elsewhere; None = nothing was.
    """

    verdict: Sequence[Verdict]
    reason: Sequence[Reason]
    reason_detail: Sequence[str | None]
    suggested: IntArray
    suggested_confidence: FloatArray
    p_mislabelled: FloatArray
    label_score: FloatArray
    clean_threshold: FloatArray
    noisy_threshold: FloatArray
    queue_rank: NDArray[np.int64]
    decided: IntArray | None = None


@dataclass(frozen=True)
class Stage:
    """A step of long work, told to whoever watches.

    Attributes:
        name: A short word for people, such as ``pixels``, ``features`` or ``fold 2 of 5``.
        done, total: Units finished so far, and in all.
        unit: What is counted, such as ``faces`` or ``epochs``.
    """

    name: str
    done: int
    total: int
    unit: str


Progress = Callable[[Stage], None]
"""Called by a room as work goes on; rooms never print."""


def no_progress(stage: Stage) -> None:
    """The silent ``Progress``."""


JsonDict = dict[str, Any]
