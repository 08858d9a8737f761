"""Which limits a report can be held against: class names exist, and what a limit compares with is at hand."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from labelaudit.errors import GateError
from labelaudit.gate.limits import DEFAULT_LIMITS, FailOn, Kind, Limit, Share, Trained, merged

_AUDIT = (
    "there is nothing to compare with: an audit's own report has no training data before it; "
    "give a limit, such as --max-mislabelled 5%, or an earlier run with --baseline"
)
_SCORED = (
    "there is nothing to compare with: name the run whose model scored the batch with --model, "
    "or give a limit, such as --max-mislabelled 5%"
)


@dataclass(frozen=True)
class AtHand:
    """What there is to hold limits against.

    Attributes:
        classes: Class names of the report.
        calibrated: Whether its probabilities are calibrated.
        training: Whether there is anything that ``trained`` can compare with.
        scored: Whether the report tells drift and leakage.
    """

    classes: Sequence[str]
    calibrated: bool
    training: bool
    scored: bool


def fitting_limits(
    given: Sequence[Limit], at_hand: AtHand, *, fail_on: FailOn
) -> tuple[tuple[Limit, ...], tuple[str, ...]]:
    """The limits to check, given ones over the defaults, one a class where each class has its own.

    Args:
        given: What people asked for.
        at_hand: What the report offers.
        fail_on: What a share must pass to fail.

    Returns:
        The limits in the order of ``Kind``, and what a reader must know of those that were left out.

    Raises:
        GateError: A limit names no class, or needs what is not at hand.
    """
    for limit in given:
        _check_class(limit, at_hand.classes)
    limits = merged(DEFAULT_LIMITS, tuple(given))
    notes: tuple[str, ...] = ()
    if not at_hand.training:
        if any(isinstance(limit.bound, Trained) for limit in given) or not given:
            raise GateError(_SCORED if at_hand.scored else _AUDIT)
        left = tuple(limit for limit in limits if not isinstance(limit.bound, Trained))
        if not any(limit.kind is Kind.MISLABELLED for limit in left):
            notes = ("no limit on mislabelled files was given, and there is no training data to compare them with",)
        limits = left
    for limit in limits:
        if limit.kind in (Kind.DRIFT, Kind.LEAKAGE) and not at_hand.scored:
            raise GateError(f"a limit on {limit.kind} needs a batch that a model scored; check it with --model RUN")
        if limit.kind is Kind.MISLABELLED and not at_hand.calibrated and _needs_calibration(limit, fail_on):
            raise GateError(
                "the report's probabilities are not calibrated (an audit with one fold), so nobody knows how many of "
                "its flags are right; audit with --folds 5, or check with --fail-on estimate or a number of files"
            )
    return _a_class_each(limits, at_hand.classes), notes


def _needs_calibration(limit: Limit, fail_on: FailOn) -> bool:
    return isinstance(limit.bound, Trained) or (isinstance(limit.bound, Share) and fail_on is FailOn.CI_LOWER)


def _check_class(limit: Limit, classes: Sequence[str]) -> None:
    if limit.label is not None and limit.label not in classes:
        near = difflib.get_close_matches(limit.label, classes, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; its classes are {', '.join(classes)}"
        raise GateError(f"a limit on {limit.kind} names the class {limit.label!r}, which the report has not{hint}")


def _a_class_each(limits: Sequence[Limit], classes: Sequence[str]) -> tuple[Limit, ...]:
    """A number of files that every class must have becomes a limit a class."""
    every = [limit for limit in limits if limit.kind is Kind.CLASS_COUNT and limit.label is None]
    each = tuple(Limit(limit.kind, limit.bound, label) for limit in every for label in classes)
    return merged(each, tuple(limit for limit in limits if limit not in every))
