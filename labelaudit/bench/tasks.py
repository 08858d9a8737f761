"""What kind of noise a bench puts into a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from labelaudit.errors import SettingsError

SHARE = 0.2
"""Of labels that are replaced, where a task names no share."""
_MOST = 0.9


class Noise(StrEnum):
    """Where the given labels of a task come from."""

    ONE_VOTE = "one-vote"
    """One of the votes, drawn at random: what a single annotator would have said."""
    FLIPS = "flips"
    """The true label, a share of it replaced by any other class alike."""
    CONFUSIONS = "confusions"
    """The true label, a share of it replaced where a weak model is in doubt, by what that would rather say."""
    OWN = "own"
    """The labels that the dataset has, against votes or a column of true labels."""


_SHARED = (Noise.FLIPS, Noise.CONFUSIONS)


@dataclass(frozen=True)
class Task:
    """One kind of noise.

    Attributes:
        noise: Where labels come from.
        share: Of labels that are replaced, in (0, 0.9]; None where the task has none.
    """

    noise: Noise
    share: float | None = None

    @property
    def name(self) -> str:
        """For files and tables: ``one-vote``, ``flips-0.2``."""
        return str(self.noise) if self.share is None else f"{self.noise}-{self.share:g}"


def parse_task(text: str) -> Task:
    """Reads ``one-vote``, ``flips``, ``flips:0.3``.

    Raises:
        SettingsError: There is no such task, or its share is none.
    """
    name, colon, said = text.partition(":")
    try:
        noise = Noise(name)
    except ValueError as error:
        raise SettingsError(
            f"there is no task {name!r}; there are {', '.join(Noise)}, and flips:0.3 replaces 30 % of the labels"
        ) from error
    if noise not in _SHARED:
        if colon:
            raise SettingsError(f"the task {noise} takes no share; leave out {colon}{said}")
        return Task(noise)
    try:
        share = float(said) if colon else SHARE
    except ValueError as error:
        raise SettingsError(f"{said!r} in {text!r} is no number; write {noise}:0.3") from error
    if not 0.0 < share <= _MOST:
        raise SettingsError(f"the share of {text} must be above 0 and at most {_MOST:g}")
    return Task(noise, share)
