"""What an annotator can choose in any tool: a class, or one of two words that are no class.

A class that happens to be called like one of the two is offered with one more bracket, so that every choice means one
thing: the class ``(ambiguous)`` is the choice ``((ambiguous)``, the class ``((ambiguous)`` is ``(((ambiguous)``.
"""

from __future__ import annotations

from collections.abc import Sequence

from labelaudit.decision import Ruling

AMBIGUOUS = "(ambiguous)"
"""Several classes fit honestly."""
NOT_A_FACE = "(not a face)"
"""No class fits."""

_RULINGS = {AMBIGUOUS: Ruling.AMBIGUOUS, NOT_A_FACE: Ruling.NOT_A_FACE}
_BARE = {word.removeprefix("(") for word in _RULINGS}


def choices_of(classes: Sequence[str]) -> tuple[str, ...]:
    """Every choice, in the order of the classes; the words that are no class come last.

    Args:
        classes: The K class names.

    Returns:
        K + 2 distinct texts.
    """
    return (*map(choice_of, classes), AMBIGUOUS, NOT_A_FACE)


def choice_of(label: str) -> str:
    """The choice that stands for a class: its name, in all but the rarest cases."""
    return f"({label}" if _is_like_a_word(label) else label


def decided(choice: str) -> tuple[Ruling, str | None]:
    """What a choice says: a ruling, and the class where it names one.

    A text that is no choice is taken for a class name; whether there is such a class, ``check_decisions`` says.
    """
    if choice in _RULINGS:
        return _RULINGS[choice], None
    return Ruling.LABEL, choice.removeprefix("(") if _is_like_a_word(choice) else choice


def _is_like_a_word(text: str) -> bool:
    """True for the two words with any number of opening brackets, one at least."""
    return text.startswith("(") and text.lstrip("(") in _BARE
