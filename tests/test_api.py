from __future__ import annotations

import inspect
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import labelaudit
from labelaudit import errors
from labelaudit.faces import DrawnFaces, draw_dataset, write_dataset


@pytest.fixture(scope="module")
def faces() -> DrawnFaces:
    return draw_dataset(60, seed=2, wrong_share=0.1, ambiguous_share=0, class_shares={"happy": 1.0, "surprise": 1.0})


@pytest.fixture
def settings(tmp_path: Path) -> labelaudit.AuditSettings:
    return labelaudit.AuditSettings(
        folds=2,
        device="cpu",
        cache_dir=tmp_path / "cache",
        nets=labelaudit.NetSettings(backbone="gradients", weights="none"),
        asm=labelaudit.AsmSettings(epochs=2),
        verdict=labelaudit.VerdictSettings(min_class_size=5),
    )


def encoded(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def test_arrays_a_table_and_a_folder_get_the_same_verdicts(
    faces: DrawnFaces, settings: labelaudit.AuditSettings, tmp_path: Path
) -> None:
    order = sorted(range(len(faces)), key=faces.path)  # a folder's order
    images, labels = faces.images[order], [faces.given[row] for row in order]
    frame = pd.DataFrame({"picture": [encoded(each) for each in images], "label": labels})
    write_dataset(faces, tmp_path / "faces")
    found = {}
    for name, data in {"arrays": (images, labels), "table": frame, "folder": str(tmp_path / "faces")}.items():
        result = labelaudit.audit(data, out=tmp_path / name, settings=settings)
        assert isinstance(result, labelaudit.AuditResult)
        report = labelaudit.read_report(result.run)
        assert result.summary.rows == len(report) == 60
        assert report.metadata.dataset == ("faces" if name == "folder" else "dataset")
        found[name] = report.to_pandas()
    for name in ("table", "folder"):
        for column in ("given_label", "verdict", "reason", "p_mislabelled", "queue_rank"):
            pd.testing.assert_series_equal(found["arrays"][column], found[name][column])
    assert set(found["arrays"]["verdict"]) <= set(labelaudit.Verdict)


def test_a_dataset_can_be_named_and_opened_beforehand(
    faces: DrawnFaces, settings: labelaudit.AuditSettings, tmp_path: Path
) -> None:
    source = labelaudit.ArraySource(faces.images, faces.given, ids=[f"face {row}" for row in range(60)])
    told: list[labelaudit.Stage] = []
    result = labelaudit.audit(
        source, out=str(tmp_path / "run"), settings=settings, name="drawn faces", progress=told.append
    )
    assert result.summary.dataset == "drawn faces"
    assert labelaudit.read_report(tmp_path / "run").table["sample_id"][59].as_py() == "face 59"
    assert told[-1] == labelaudit.Stage("verdicts", 60, 60, "faces")
    with pytest.raises(labelaudit.RunFolderError):
        labelaudit.audit(source, out=tmp_path / "run", settings=replace(settings, seed=4))


def test_the_folder_one_stands_in_has_its_name(
    faces: DrawnFaces, settings: labelaudit.AuditSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(faces, tmp_path / "faces")
    monkeypatch.chdir(tmp_path / "faces")
    assert labelaudit.audit(".", out=tmp_path / "run", settings=settings).summary.dataset == "faces"


@pytest.mark.parametrize("data", ["no such folder", Path("no such folder"), 3, ([1], ["a", "b"])])
def test_what_is_no_dataset_is_refused_before_anything_is_written(data: object, tmp_path: Path) -> None:
    with pytest.raises(labelaudit.SourceError):
        labelaudit.audit(data, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_public_names_stand_in_one_list_and_their_homes() -> None:
    assert labelaudit.__all__ == sorted(labelaudit.__all__)
    assert set(labelaudit.__all__) == {*labelaudit._MODULE_OF, "__version__"}
    assert dir(labelaudit) == sorted(labelaudit.__all__)
    for name in labelaudit.__all__:
        assert getattr(labelaudit, name) is not None
    with pytest.raises(AttributeError, match="'labelaudit' has no attribute 'adit'"):
        labelaudit.adit  # noqa: B018


def test_every_error_is_public_and_has_one_root() -> None:
    own = {name: each for name, each in vars(errors).items() if inspect.isclass(each)}
    assert set(own) <= set(labelaudit.__all__)
    assert all(issubclass(each, labelaudit.LabelAuditError) for each in own.values())
    assert all(name in str(errors.__doc__) for name in own)
