"""What ``model.json`` must tell for the rest of the package to rely on it."""

from __future__ import annotations

from labelaudit.records import JsonDict

_KINDS = {
    **dict.fromkeys(("dataset", "weights"), str),
    **dict.fromkeys(("classes", "splits"), list),
    "trunk": dict,
    "heads": bool,
}
_TEXTS = ("classes", "splits", "distrust")
_SIDES = range(1, 2_049)
"""Of a network's input, in pixels: the largest that is known takes 1,024, and twice that fills no memory."""
_NUMBERS = {"size": _SIDES, "judges": range(1, 1_000), "frozen_blocks": range(16)}
_SHARES = ("second_opinion", "noise_rate", "planted_recall", "power")


def check_facts(facts: JsonDict) -> None:
    """Looks whether facts are of the kinds that they are taken for.

    Args:
        facts: As read from JSON.

    Raises:
        TypeError: One is missing, of another kind, or a number that none can be; it is named.
    """
    for name, kind in _KINDS.items():
        if not isinstance(facts.get(name), kind):
            raise TypeError(f"{name} is {facts.get(name)!r}")
    numbers = {name: (facts.get(name), allowed) for name, allowed in _NUMBERS.items()}
    numbers["trunk size"] = (facts["trunk"].get("size"), _SIDES)
    for name, (number, allowed) in numbers.items():
        if type(number) is not int or number not in allowed:  # true is an int, too, and 48.0 is in the range
            raise TypeError(f"{name} is {number!r}")
    calibration = facts.get("calibration")
    told = calibration if isinstance(calibration, dict) else {}  # without one, whoever reads it refuses the model
    for name in _SHARES:
        share = told.get(name, 0.0)
        if type(share) not in (int, float) or not 0.0 <= share <= 1.0:
            raise TypeError(f"{name} of the calibration is {share!r}")
    for name in _TEXTS:
        texts = facts.get(name, [])
        if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
            raise TypeError(f"{name} is {texts!r}")
    if not isinstance(facts.get("outlier_threshold"), int | float | None):
        raise TypeError(f"outlier_threshold is {facts['outlier_threshold']!r}")
