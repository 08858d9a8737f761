from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labelaudit.errors import SourceError
from labelaudit.rundir import RunDir
from labelaudit.source.options import SourceOptions
from labelaudit.source.origin import Origin, open_run_source, read_origin, write_origin


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    for name in ("sad/1.png", "happy/2.png", "happy/3.png"):
        (tmp_path / "faces" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), len(name), np.uint8)).save(tmp_path / "faces" / name)
    (tmp_path / "runs" / "one").mkdir(parents=True)
    return tmp_path / "faces"


def test_a_run_finds_its_dataset_again(faces, tmp_path, monkeypatch):
    run = RunDir(tmp_path / "runs" / "one")
    monkeypatch.chdir(tmp_path)
    options = SourceOptions(label_map={"sad": "sadness"}, root=Path("faces"), splits=())
    write_origin(run, Origin("faces", options))
    assert str(tmp_path) not in run.origin.read_text()
    monkeypatch.chdir("/")
    assert set(open_run_source(run).table.labels.names) == {"sadness", "happy"}
    found = read_origin(run)
    assert found is not None
    assert found.options.root == faces


def test_both_may_move_together(faces, tmp_path):
    write_origin(RunDir(tmp_path / "runs" / "one"), Origin(str(faces)))
    moved = tmp_path.rename(tmp_path.with_name(tmp_path.name + "_moved"))
    assert len(open_run_source(RunDir(moved / "runs" / "one")).table) == 3


def test_a_dataset_elsewhere_is_opened_as_it_was(faces, tmp_path):
    run = RunDir(tmp_path / "runs" / "one")
    write_origin(run, Origin(str(faces), SourceOptions(label_map={"sad": "sadness"})))
    faces.rename(tmp_path / "other")
    with pytest.raises(SourceError, match=r"the dataset of .*one cannot be opened: .*--dataset"):
        open_run_source(run)
    assert "sadness" in open_run_source(run, str(tmp_path / "other")).table.labels.names


def test_a_run_without_a_place(faces, tmp_path):
    run = RunDir(tmp_path / "runs" / "one")
    assert read_origin(run) is None
    with pytest.raises(SourceError, match="does not say where its dataset is; name it with --dataset"):
        open_run_source(run)
    assert len(open_run_source(run, str(faces)).table) == 3


def test_a_damaged_file_is_said(tmp_path):
    run = RunDir(tmp_path)
    run.origin.write_text('{"dataset": "x"}')
    with pytest.raises(SourceError, match=r"dataset\.json is damaged \('options'\)"):
        read_origin(run)


def test_a_hub_name_stays_a_name(tmp_path):
    run = RunDir(tmp_path)
    write_origin(run, Origin("owner/faces", SourceOptions(format="huggingface")))
    found = read_origin(run)
    assert found == Origin("owner/faces", SourceOptions(format="huggingface"))
