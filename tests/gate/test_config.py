from __future__ import annotations

from pathlib import Path

import pytest

from labelaudit.errors import GateError
from labelaudit.gate.config import CheckConfig, load_config
from labelaudit.gate.limits import Count, FailOn, Kind, Limit, Share, Trained

WHOLE = """
[audit]
seed = 3

[check]
max-mislabelled = "2%"
max_ambiguous = { "*" = 0.4, happy = 15 }
min-class-count = 50
fail-on = "estimate"
allow-list = "lists/ours.txt"
baseline = "runs/main"
model = "runs/faces"
path-prefix = "data/faces"
"""


def test_everything_that_a_file_may_say(tmp_path):
    path = tmp_path / "labelaudit.toml"
    path.write_text(WHOLE, encoding="utf-8")
    assert load_config(None, start=tmp_path) == CheckConfig(
        path=path,
        limits=(
            Limit(Kind.MISLABELLED, Share(0.02)),
            Limit(Kind.AMBIGUOUS, Share(0.4)),
            Limit(Kind.AMBIGUOUS, Count(15), "happy"),
            Limit(Kind.CLASS_COUNT, Count(50)),
        ),
        fail_on=FailOn.ESTIMATE,
        allow_list=tmp_path / "lists/ours.txt",
        baseline=tmp_path / "runs/main",
        model=tmp_path / "runs/faces",
        path_prefix="data/faces",
    )


def test_a_file_is_found_above_and_not_beyond_the_repository(tmp_path):
    (tmp_path / "labelaudit.toml").write_text('[check]\nmax-mislabelled = "1%"\n')
    inner = tmp_path / "repository" / "deep"
    inner.mkdir(parents=True)
    assert load_config(None, start=inner).limits == (Limit(Kind.MISLABELLED, Share(0.01)),)
    (tmp_path / "repository" / ".git").mkdir()
    assert load_config(None, start=inner) == CheckConfig()
    (tmp_path / "repository" / "pyproject.toml").write_text('[tool.labelaudit.check]\nmax-mislabelled = "trained"\n')
    found = load_config(None, start=inner)
    assert found.path == tmp_path / "repository" / "pyproject.toml"
    assert found.limits == (Limit(Kind.MISLABELLED, Trained()),)


def test_files_that_say_nothing_of_checks_are_passed_over(tmp_path):
    (tmp_path / "labelaudit.toml").write_text('[check]\nmax-mislabelled = "1%"\n')
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "labelaudit.toml").write_text("[audit]\nseed = 3\n")
    (inner / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    assert load_config(None, start=inner).path == tmp_path / "labelaudit.toml"


def test_an_allow_list_is_found_beside_the_limits_or_here(tmp_path):
    (tmp_path / ".git").mkdir()
    assert load_config(None, start=tmp_path).allow_list is None
    (tmp_path / "labelaudit-allow.txt").write_text("")
    assert load_config(None, start=tmp_path).allow_list == tmp_path / "labelaudit-allow.txt"
    inner = tmp_path / "inner"
    inner.mkdir()
    assert load_config(None, start=inner).allow_list is None
    (tmp_path / "labelaudit.toml").write_text("[check]\n")
    assert load_config(None, start=inner).allow_list == tmp_path / "labelaudit-allow.txt"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("labelaudit.toml", "[check]\nmax-mislabeled = 3\n", "max-mislabeled; did you mean max-mislabelled"),
        ("labelaudit.toml", "[chek]\nmax-mislabelled = 3\n", "unknown entry chek; did you mean check"),
        ("labelaudit.toml", "max-mislabelled = 3\n", "limits belong in [check]"),
        ("labelaudit.toml", "check = 3\n", "check is a table"),
        ("labelaudit.toml", "[check]\nmax-mislabelled = [3]\n", "max-mislabelled cannot be [3]"),
        ("labelaudit.toml", "[check.max-mislabelled]\nhappy = -1\n", "max-mislabelled.happy cannot be -1"),
        ("labelaudit.toml", "[check]\nmax-drift = 3\n", "a limit on drift is a strength"),
        ("labelaudit.toml", "[check]\nfail-on = 'ci'\n", "fail-on must be one of ci-lower, estimate, not 'ci'"),
        ("labelaudit.toml", "[check]\nfail-on = []\n", "fail-on must be one of"),
        ("labelaudit.toml", "[check]\nbaseline = 3\n", "baseline must be a path in quotes"),
        ("labelaudit.toml", "[check\n", "is not TOML"),
        ("labelaudit.toml", "\x00", "is not TOML"),
        ("pyproject.toml", "[tool.labelaudit]\nmax-mislabelled = 3\n", "limits belong in [tool.labelaudit.check]"),
    ],
)
def test_what_cannot_be_meant_is_said_in_one_line(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(GateError) as caught:
        load_config(None, start=tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_named_must_say_something(tmp_path):
    path = tmp_path / "other.toml"
    with pytest.raises(GateError, match="cannot read limits"):
        load_config(path, start=Path("/"))
    path.write_text("[audit]\n")
    with pytest.raises(GateError, match=r"has no table \[check\]"):
        load_config(path, start=Path("/"))
    path.write_text("[check]\nmax-conflicts = 1\n[ours]\nx = 1\n")
    assert load_config(path, start=Path("/")).limits == (Limit(Kind.CONFLICTS, Count(1)),)
