from __future__ import annotations

from typing import Any

import pytest

from labelaudit.evidence.facts import check_facts

WHOLE: dict[str, Any] = {
    "dataset": "faces",
    "weights": "none",
    "classes": ["happy", "sad"],
    "splits": [],
    "size": 48,
    "trunk": {"name": "gradients", "size": 48},
    "heads": True,
    "judges": 2,
    "frozen_blocks": 0,
    "outlier_threshold": None,
}


def test_whole_facts_are_let_through() -> None:
    check_facts(WHOLE)
    check_facts(WHOLE | {"distrust": ["the loss did not fall"], "outlier_threshold": 3.5, "more": object()})


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "outlier_threshold"])
def test_one_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} is None"):
        check_facts({each: value for each, value in WHOLE.items() if each != name})


@pytest.mark.parametrize(
    "other",
    [{"classes": "happy"}, {"classes": [1]}, {"distrust": True}, {"distrust": [3]}, {"outlier_threshold": "high"}],
)
def test_one_of_another_kind_is_named(other: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(other))):
        check_facts(WHOLE | other)
