from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from labelaudit.errors import SettingsError
from labelaudit.settings import (
    AsmSettings,
    AuditSettings,
    Effort,
    NetSettings,
    Reduction,
    Targets,
    ThresholdKind,
    ThresholdRule,
    Training,
    VerdictSettings,
    read_settings,
    with_values,
)


def test_values_reach_their_groups() -> None:
    found = with_values(
        AuditSettings(),
        {"effort": "thorough", "cache_dir": "here", "seed": 3, "asm": {"targets": "literal", "weight_decay": 1}},
    )
    assert found.effort is Effort.THOROUGH
    assert found.cache_dir == Path("here")
    assert found.asm.targets is Targets.LITERAL
    assert found.asm.weight_decay == 1.0
    assert isinstance(found.asm.weight_decay, float)
    assert found.asm.clean_scale == AsmSettings().clean_scale


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"fold": 3}, "unknown setting fold; did you mean folds?"),
        ({"asm": {"epoch": 3}}, r"unknown setting asm\.epoch; did you mean asm\.epochs?"),
        ({"xyz": 3}, "unknown setting xyz; known: effort, "),
        ({"asm": 3}, "asm is a group of settings, not 3"),
        ({"folds": "three"}, "folds must be int, not 'three'"),
        ({"folds": True}, "folds must be int, not True"),
        ({"folds": 2.0}, "folds must be int"),
        ({"folds": 0}, "folds must be between 1 and 50, not 0"),
        ({"seed": -1}, "seed must be between"),
        ({"seed": None}, "seed must be int, not None"),
        ({"workers": 0}, "workers must be between"),
        ({"effort": "lazy"}, "effort must be one of quick, standard, thorough, not 'lazy'"),
        ({"nets": {"size": 8}}, r"nets\.size must be between 16 and 1024"),
        ({"asm": {"learning_rate": float("nan")}}, r"asm\.learning_rate must be between"),
        ({"asm": {"clean_scale": 0.2}}, r"asm\.noisy_scale \(0\.2\) must be below asm\.clean_scale \(0\.2\)"),
        ({"verdict": {"min_class_size": 1}}, r"verdict\.min_class_size must be between 2"),
    ],
)
def test_unfit_values_are_refused_in_one_line(values: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        with_values(AuditSettings(), values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labelaudit.toml", "[audit]\nfolds = 3\n[audit.nets]\nweights = 'none'\n"),
        ("pyproject.toml", "[project]\nname = 'x'\n[tool.labelaudit.audit]\nfolds = 3\nnets = {weights = 'none'}\n"),
        ("bom.toml", "\ufeff[audit]\nfolds = 3\nnets.weights = 'none'\n"),
    ],
)
def test_a_file_goes_over_what_was_set(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    found = read_settings(tmp_path / name, AuditSettings(seed=4, folds=9))
    assert (found.seed, found.folds, found.nets.weights) == (4, 3, "none")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.toml", b"folds = 3\n", r"has no table \[audit\]"),
        ("a.toml", b"", r"has no table \[audit\]"),
        ("a.toml", b"audit = 3\n", r"has no table \[audit\]"),
        ("pyproject.toml", b"[audit]\nfolds = 3\n", r"has no table \[tool\.labelaudit\.audit\]"),
        ("pyproject.toml", b"tool.labelaudit = 3\n", r"has no table \[tool\.labelaudit\.audit\]"),
        ("a.toml", b"[audit\n", "is not TOML"),
        ("a.toml", b"\xff\xfe", "is not TOML"),
        ("a.toml", b"[audit]\nsede = 1\n", "unknown setting sede; did you mean seed?"),
        ("absent/a.toml", None, "cannot read settings from .*No such file"),
    ],
)
def test_unfit_files_are_refused(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        read_settings(tmp_path / name, AuditSettings())


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


SHARES = st.floats(0, 1)
SETTINGS = st.builds(
    AuditSettings,
    effort=maybe(st.sampled_from(Effort)),
    training=maybe(st.sampled_from(Training)),
    folds=maybe(st.integers(1, 50)),
    seed=st.integers(0, 2**32 - 1),
    workers=maybe(st.integers(1, 1024)),
    nets=st.builds(NetSettings, backbone=maybe(st.text()), size=maybe(st.integers(16, 1024))),
    asm=st.builds(
        AsmSettings,
        epochs=maybe(st.integers(1, 10_000)),
        learning_rate=maybe(st.floats(1e-8, 10)),
        targets=maybe(st.sampled_from(Targets)),
        thresholds=st.sampled_from(ThresholdKind),
        clean_scale=st.floats(0.5, 1),
        noisy_scale=st.floats(0, 0.4),
        reduction=st.sampled_from(Reduction),
        balance=SHARES,
    ),
    verdict=st.builds(VerdictSettings, rule=maybe(st.sampled_from(ThresholdRule))),
)


@given(SETTINGS)
@hypothesis_settings(deadline=None)
def test_what_a_report_keeps_gives_the_settings_back(settings: AuditSettings) -> None:
    kept = json.loads(json.dumps(settings.to_json()))
    assert set(kept) == {field.name for field in fields(AuditSettings)} - {"cache_dir", "workers"}
    again = with_values(AuditSettings(workers=settings.workers), kept)
    assert again == settings
