"""The corpus of malformed things in short: some of each kind, in this process. ``make torture`` tries all, confined."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from torture.cases.case import Answer, Case, fault
from torture.cases.ground import Ground, build_ground, heard
from torture.corpus import all_cases

pytestmark = pytest.mark.skipif(os.name != "posix", reason="makes pipes and sockets")

_SHARE = 5
_CASES = all_cases()
_LIES = ("another shape", "not there", "no judges", "a list", "their answers", "below 0")
_HERE = [each for each in _CASES if not each.heavy][::_SHARE]
_HERE += [each for each in _CASES if each.name.startswith("vouched for") and each.name.endswith(_LIES)]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    before = os.environ.get("LABELAUDIT_CACHE")
    yield build_ground(tmp_path_factory.mktemp("ground"))
    assert os.environ.get("LABELAUDIT_CACHE") == before


@pytest.mark.parametrize("case", _HERE, ids=lambda case: f"{case.kind}, {case.name}")
def test_a_malformed_thing(case: Case, ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, stdout, stderr = heard(case.make(tmp_path, ground))
    assert fault(Answer(code, stdout, stderr, tmp_path), case.must) is None


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    assert len(_CASES) >= 250
    assert {each.kind for each in _CASES} == {
        *("images", "files", "manifests", "models", "reports", "decisions", "settings", "limits"),
    }
    assert len({(each.kind, each.name) for each in _CASES}) == len(_CASES)
