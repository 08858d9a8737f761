"""How a batch of new images compares with the data that a model was trained on: drift, and pictures that are in both.

A frozen model's verdict is worth less on pictures of another kind, and nothing at all on pictures it was trained on,
so both are said of every batch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

ALARM = 0.01
"""Chance of a batch of the training set itself to look odder than this; below it a batch is said to have drifted."""


@dataclass(frozen=True)
class Drift:
    """How unlike the training data a batch looks: chances (small = odd) and a size.

    Each chance is the share of random regroupings of the batch's and the training set's pictures in which the two look
    at least as different. Features and confidence are regrouped within the classes that the model sees, so that a
    batch of few classes is not odd for that alone; that it holds other shares of classes is said apart.

    Attributes:
        rows: Pictures that were compared.
        p_features: Of a difference as large between their features, in (0, 1].
        p_confidence: Of a difference as large between how sure the model is of them.
        p_classes: Of shares of classes, as the model sees them, that are as different.
        strength: How well its pictures can be told from training pictures, in [0, 1]: 0 = not at all, 1 = every one.
            A clean batch of 200 is below 0.15.
    """

    rows: int
    p_features: float
    p_confidence: float
    p_classes: float
    strength: float

    @property
    def p(self) -> float:
        """Chance of pictures as odd by features or by confidence, corrected for looking twice (Bonferroni)."""
        return min(1.0, 2.0 * min(self.p_features, self.p_confidence))

    @property
    def found(self) -> bool:
        """True where the pictures look unlike the training data."""
        return self.p < ALARM

    @property
    def other_shares(self) -> bool:
        """True where the batch holds other shares of classes than the training data."""
        return self.p_classes < ALARM

    @property
    def sentence(self) -> str:
        """For people."""
        shares = "its shares of classes differ from the training data's"
        if not self.found:
            said = "the pictures look like the training data"
            return f"{said}; {shares}" if self.other_shares else said
        what = "pictures look" if self.p_features < ALARM / 2 else "model's confidence looks"
        said = (
            f"the {what} unlike the training data (fewer than 1 in {1.0 / self.p:.0f} like batches would, "
            f"strength {self.strength:.2f} of 1): verdicts are worth less here"
        )
        return f"{said}; {shares}" if self.other_shares else said


@dataclass(frozen=True)
class SplitOverlap:
    """Rows of one split of a batch that show pictures of one split of the training set; None = no split."""

    batch: str | None
    trained: str | None
    rows: int


@dataclass(frozen=True)
class Overlap:
    """Pictures of a batch that the model was trained on: the same file, or the same picture otherwise encoded.

    Attributes:
        rows: Rows of the batch that show a picture of the training set.
        exact: Those of them whose bytes are equal.
        other_label: Those of them that have another label now than they had then.
        splits: The same rows by the splits that they stand in here and stood in there.
    """

    rows: int
    exact: int
    other_label: int
    splits: tuple[SplitOverlap, ...] = ()

    @property
    def leaks(self) -> int:
        """Rows that stand in one split here and stood in another one there."""
        apart = [each for each in self.splits if each.batch != each.trained]
        return sum(each.rows for each in apart if each.batch is not None and each.trained is not None)

    @property
    def sentence(self) -> str:
        """For people."""
        if not self.rows:
            return "the model was trained on none of these pictures"
        rows = "row shows a picture" if self.rows == 1 else "rows show pictures"
        said = f"{self.rows:,} {rows} that the model was trained on, judged by what the audit said of them"
        if self.leaks:
            apart = [each for each in self.splits if None not in (each.batch, each.trained)]
            told = [f"{each.rows:,} of {each.batch} in {each.trained}" for each in apart if each.batch != each.trained]
            said += f"; splits leak: {', '.join(told)}"
        return said + (f"; {self.other_label:,} with another label than then" if self.other_label else "")


@dataclass(frozen=True)
class Scored:
    """What a report says of a batch that a finished audit's model judged.

    Attributes:
        model_hash: Hex digest of the model.
        model_dataset: What it was trained on, for people.
        drift: How unlike the training data the batch looks; None where there are too few pictures to say.
        overlap: Pictures that the model was trained on.
    """

    model_hash: str
    model_dataset: str
    drift: Drift | None
    overlap: Overlap

    def to_json(self) -> dict[str, Any]:
        """Plain values, what follows from others and the sentences among them."""
        drift, overlap = self.drift, self.overlap
        value = asdict(self)
        if drift is not None:
            value["drift"] |= {"p": drift.p, "found": drift.found, "other_shares": drift.other_shares}
            value["drift"]["sentence"] = drift.sentence
        value["overlap"] |= {"leaks": overlap.leaks, "sentence": overlap.sentence}
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Scored:
        """Reads what ``to_json`` gave; what follows from other values is passed over.

        Raises:
            KeyError, TypeError: A value is missing or of another kind.
        """
        drift, overlap = value["drift"], value["overlap"]
        splits = tuple(SplitOverlap(**each) for each in overlap["splits"])
        return cls(
            model_hash=value["model_hash"],
            model_dataset=value["model_dataset"],
            drift=None if drift is None else Drift(**{name: drift[name] for name in Drift.__dataclass_fields__}),
            overlap=Overlap(overlap["rows"], overlap["exact"], overlap["other_label"], splits),
        )
