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


@pytest.mark.parametrize("name", ["size", "judges", "frozen_blocks"])
@pytest.mark.parametrize("number", [-1, True, 48.0, 2**31, 2**63, 10**30])
def test_a_number_that_none_can_be_is_named(name: str, number: object) -> None:
    with pytest.raises(TypeError, match=f"^{name} is {number!r}$"):
        check_facts(WHOLE | {name: number})


@pytest.mark.parametrize("number", [None, -1, 0, False, 2_049, "48"])
def test_so_is_one_of_the_trunk(number: object) -> None:
    with pytest.raises(TypeError, match=f"^trunk size is {number!r}"):
        check_facts(WHOLE | {"trunk": {"name": "gradients", "size": number}})


@pytest.mark.parametrize("share", [[], "\0", None, True, -0.1, 1.1, float("nan"), 10**30])
def test_so_is_a_share_of_the_calibration_that_is_none(share: object) -> None:
    check_facts(WHOLE | {"calibration": {"power": 1, "second_opinion": 0.25}})
    with pytest.raises(TypeError, match=r"^power of the calibration is "):
        check_facts(WHOLE | {"calibration": {"power": share}})


@pytest.mark.parametrize(
    "other",
    [{"classes": "happy"}, {"classes": [1]}, {"distrust": True}, {"distrust": [3]}, {"outlier_threshold": "high"}],
)
def test_one_of_another_kind_is_named(other: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(other))):
        check_facts(WHOLE | other)
