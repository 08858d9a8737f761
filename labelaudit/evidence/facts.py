"""What ``model.json`` must tell for the rest of the package to rely on it."""

from __future__ import annotations

from labelaudit.records import JsonDict

_KINDS = {
    **dict.fromkeys(("dataset", "weights"), str),
    **dict.fromkeys(("size", "judges", "frozen_blocks"), int),
    **dict.fromkeys(("classes", "splits"), list),
    "trunk": dict,
    "heads": bool,
}
_TEXTS = ("classes", "splits", "distrust")


def check_facts(facts: JsonDict) -> None:
    """Looks whether facts are of the kinds that they are taken for.

    Args:
        facts: As read from JSON.

    Raises:
        TypeError: One is missing, or of another kind; it is named.
    """
    for name, kind in _KINDS.items():
        if not isinstance(facts.get(name), kind):
            raise TypeError(f"{name} is {facts.get(name)!r}")
    for name in _TEXTS:
        texts = facts.get(name, [])
        if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
            raise TypeError(f"{name} is {texts!r}")
    if not isinstance(facts.get("outlier_threshold"), int | float | None):
        raise TypeError(f"outlier_threshold is {facts['outlier_threshold']!r}")
