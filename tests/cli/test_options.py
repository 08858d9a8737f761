from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.cli.label_map import read_label_map
from labelaudit.cli.options import audit_settings
from labelaudit.errors import SettingsError, SourceError
from labelaudit.settings import AuditSettings, Effort, ThresholdKind
from labelaudit.source.fingerprint import dataset_name


def test_label_maps_from_pairs():
    assert read_label_map(None) == {}
    assert read_label_map(["0=angry,1=disgust", " 2 = very sad "]) == {"0": "angry", "1": "disgust", "2": "very sad"}
    assert read_label_map(["0=a=b"]) == {"0": "a=b"}


def test_label_maps_from_files(tmp_path):
    table, thing = tmp_path / "map.csv", tmp_path / "map.json"
    table.write_bytes('\ufeff0,angry\r\n"1,5","so, so"\r\n\r\n'.encode())
    thing.write_text('{"2": "sad"}', encoding="utf-8")
    assert read_label_map([str(table), str(thing), "3=happy"]) == {
        "0": "angry",
        "1,5": "so, so",
        "2": "sad",
        "3": "happy",
    }


@pytest.mark.parametrize("choice", ["angry", "0=", "=angry", "0=angry,", ""])
def test_what_is_no_label_map_is_refused(choice):
    with pytest.raises(SourceError, match="write LABEL=NAME"):
        read_label_map([choice])


@pytest.mark.parametrize(
    ("name", "content"), [("a.json", "[1]"), ("b.json", "{"), ("c.csv", "1,2,3\n"), ("d.csv", "\xff\n")]
)
def test_files_that_hold_no_map_are_refused_in_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(SourceError, match="does not hold") as caught:
        read_label_map([str(tmp_path / name)])
    assert "\n" not in str(caught.value)


def test_a_missing_map_is_refused(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        read_label_map([str(tmp_path / "none.json")])


words = st.text(st.characters(exclude_characters=",=", exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(st.dictionaries(words.map(str.strip), words.map(str.strip), min_size=1))
def test_pairs_come_back(pairs):
    given_pairs = ",".join(f"{label}={name}" for label, name in pairs.items())
    assert read_label_map([given_pairs]) == pairs


def test_flags_go_over_the_file_and_nothing_else_changes(tmp_path):
    config = tmp_path / "settings.toml"
    config.write_text("[audit]\nseed = 5\nfolds = 3\n[audit.asm]\nclean_scale = 0.7\n", encoding="utf-8")
    flags = {
        "seed": 9,
        "folds": None,
        "effort": Effort.QUICK,
        "asm": {"thresholds": ThresholdKind.FIXED, "batch": None},
    }
    settings = audit_settings(config, flags)
    assert (settings.seed, settings.folds, settings.effort) == (9, 3, Effort.QUICK)
    assert (settings.asm.clean_scale, settings.asm.thresholds) == (0.7, ThresholdKind.FIXED)
    assert audit_settings(None, {"seed": None, "asm": {"batch": None}}) == AuditSettings()


def test_unfit_flags_are_refused():
    with pytest.raises(SettingsError, match=r"noisy_scale \(0.9\) must be below"):
        audit_settings(None, {"asm": {"noisy_scale": 0.9}})


def test_what_a_dataset_is_called(tmp_path, monkeypatch):
    faces = tmp_path / "faces"
    faces.mkdir()
    monkeypatch.chdir(faces)
    assert dataset_name(".") == "faces"
    assert dataset_name(str(tmp_path / "faces") + "/") == "faces"
    assert dataset_name("owner/name") == "owner/name"
