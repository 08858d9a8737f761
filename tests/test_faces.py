"""Drawn faces: what the dataset promises, that expressions show, and what is written."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import RidgeClassifier

from labelaudit.errors import RunFolderError
from labelaudit.faces import (
    APEXES,
    CONFUSIONS,
    EXPRESSIONS,
    NEUTRAL,
    Actions,
    DrawnFaces,
    FaceParameters,
    LabelTruth,
    draw_apex,
    draw_dataset,
    draw_face,
    draw_identity,
    draw_photo,
    is_written,
    jitter,
    mix,
    write_dataset,
)
from labelaudit.faces.parameters import Beard, Glasses, HairStyle


@pytest.fixture(scope="module")
def plain() -> FaceParameters:
    """A pale bald face seen from the front, evenly lit, without noise."""
    rng = np.random.default_rng(0)
    identity = replace(
        draw_identity(rng),
        hair_style=HairStyle.BALD,
        beard=Beard.NONE,
        glasses=Glasses.NONE,
        skin=(250, 224, 205),
        hair=(20, 20, 20),
        mouth_size=1.0,
        corner_rest=0.0,
        age=0.0,
    )
    photo = replace(
        draw_photo(rng),
        roll=0.0, yaw=0.0, pitch=0.0, scale=1.0, shift=(0.0, 0.0), gaze=(0.0, 0.0), light=(0.0, 0.0),
        exposure=1.0, contrast=1.0, blur=0.0, noise=0.0, grey=False,
    )  # fmt: skip
    return FaceParameters(NEUTRAL, identity, photo)


def _brightness(parameters: FaceParameters, actions: Actions, rows: slice, columns: slice) -> float:
    return float(draw_face(replace(parameters, actions=actions), size=96)[rows, columns].mean())


def test_mix_goes_from_one_expression_to_the_other() -> None:
    first, second = Actions(lid=0.2, corners=-1.0), Actions(lid=0.6, corners=1.0)
    assert astuple(mix(first, second, share=0.0)) == pytest.approx(astuple(first))
    assert astuple(mix(first, second, share=1.0)) == pytest.approx(astuple(second))
    quarter = mix(first, second, share=0.25)
    assert quarter.lid == pytest.approx(0.3)
    assert quarter.corners == pytest.approx(-0.5)


def test_every_expression_has_its_forms_and_its_confusions() -> None:
    assert tuple(sorted(APEXES)) == EXPRESSIONS == tuple(sorted(CONFUSIONS))
    for expression, others in CONFUSIONS.items():
        assert expression not in others
        assert set(others) < set(EXPRESSIONS)
        assert sum(others.values()) == pytest.approx(1.0)
    assert draw_apex("happy", np.random.default_rng(0)) in APEXES["happy"]


def test_jitter_stays_in_range() -> None:
    rng = np.random.default_rng(3)
    values = np.array([astuple(jitter(APEXES["happy"][0], rng, scale=0.5)) for _ in range(100)])
    assert values.min() >= -1.0
    assert values.max() <= 1.0
    assert values.std(axis=0).min() > 0.05


def test_a_face_is_rgb_of_the_size_asked_for(plain: FaceParameters) -> None:
    for size in (16, 48, 64):
        face = draw_face(plain, size=size)
        assert face.shape == (size, size, 3)
        assert face.dtype == np.uint8
        assert face.std() > 20
    with pytest.raises(ValueError, match="at least 16"):
        draw_face(plain, size=8)


def test_equal_parameters_give_equal_pictures(plain: FaceParameters) -> None:
    noisy = replace(plain, photo=replace(plain.photo, noise=8.0, noise_seed=5))
    other = replace(plain, photo=replace(plain.photo, noise=8.0, noise_seed=6))
    assert np.array_equal(draw_face(noisy, size=48), draw_face(noisy, size=48))
    assert not np.array_equal(draw_face(noisy, size=48), draw_face(other, size=48))


def test_an_open_mouth_is_darker_than_a_closed_one(plain: FaceParameters) -> None:
    mouth = slice(68, 80), slice(43, 53)  # the middle of the mouth lies at row 48 * (1.06 + 0.44) = 72
    closed = _brightness(plain, NEUTRAL, *mouth)
    assert _brightness(plain, Actions(mouth_open=0.9, mouth_width=-0.6), *mouth) < closed - 40


def test_wide_eyes_show_more_white_than_narrow_ones(plain: FaceParameters) -> None:
    def white(actions: Actions) -> int:
        face = draw_face(replace(plain, actions=actions), size=96)
        return int((face[36:58, 20:76, 2] > 225).sum())  # the skin's blue is 205, the eyeball's 246

    assert white(Actions(lid=1.0)) > 1.5 * white(NEUTRAL) > 3 * white(Actions(lid=-0.8, squint=0.8))


def test_raised_brows_leave_the_place_where_lowered_ones_lie(plain: FaceParameters) -> None:
    high, low = Actions(brow_inner=1.0, brow_outer=1.0), Actions(brow_inner=-0.8, brow_outer=-0.8)
    above = slice(26, 36), slice(28, 68)
    assert _brightness(plain, high, *above) < _brightness(plain, low, *above) - 3


def test_smile_and_frown_bend_the_mouth_in_opposite_ways(plain: FaceParameters) -> None:
    def middle_minus_corners(corners: float) -> float:
        face = draw_face(replace(plain, actions=Actions(corners=corners)), size=96).astype(float).mean(axis=2)
        darkest = face[60:86].argmin(axis=0) + 60
        return float(darkest[48] - (darkest[40] + darkest[56]) / 2)  # rows grow downwards

    assert middle_minus_corners(0.9) > 0.5
    assert middle_minus_corners(-0.9) < -0.5


def test_a_face_turned_to_one_side_mirrors_the_other(plain: FaceParameters) -> None:
    def turned(yaw: float) -> np.ndarray:
        photo = replace(plain.photo, yaw=yaw, backdrop=(0.0, 0.0, 0.0))
        return draw_face(replace(plain, photo=photo), size=48).astype(float)

    left, right = turned(-0.5), turned(0.5)
    assert np.abs(left - right).mean() > 3 * np.abs(left - right[:, ::-1]).mean()


def test_light_from_the_right_brightens_the_right(plain: FaceParameters) -> None:
    lit = draw_face(replace(plain, photo=replace(plain.photo, light=(0.3, 0.0))), size=48).astype(float)
    assert lit[16:32, 30:40].mean() > lit[16:32, 8:18].mean() + 20


def test_a_grey_picture_has_equal_channels(plain: FaceParameters) -> None:
    grey = draw_face(replace(plain, photo=replace(plain.photo, grey=True, noise=5.0)), size=48)
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert np.array_equal(grey[..., 0], grey[..., 2])


def test_every_look_can_be_drawn(plain: FaceParameters) -> None:
    looks = [{"hair_style": style} for style in HairStyle]
    looks += [{"beard": beard} for beard in Beard] + [{"glasses": glasses} for glasses in Glasses]
    faces = [draw_face(replace(plain, identity=replace(plain.identity, **look)), size=32).tobytes() for look in looks]
    assert len(set(faces)) == len(looks) - 2  # bald, no beard and no glasses are the plain face


def test_the_same_seed_gives_the_same_dataset() -> None:
    first, again, other = (draw_dataset(30, seed=seed, size=32) for seed in (4, 4, 5))
    assert np.array_equal(first.images, again.images)
    assert (first.given, first.true, first.second, first.kind) == (again.given, again.true, again.second, again.kind)
    assert not np.array_equal(first.images, other.images)


def test_shares_are_kept_exactly() -> None:
    faces = draw_dataset(200, seed=1, size=16, wrong_share=0.1, ambiguous_share=0.2)
    assert Counter(faces.kind) == {LabelTruth.CLEAN: 140, LabelTruth.AMBIGUOUS: 40, LabelTruth.MISLABELLED: 20}
    assert Counter(faces.true) == {
        "happy": 54, "neutral": 40, "sad": 30, "surprise": 26, "angry": 22, "fear": 16, "disgust": 12,
    }  # fmt: skip


def test_class_counts_round_the_largest_remainders_up() -> None:
    shares = {"happy": 0.5, "sad": 0.3, "fear": 0.2}
    faces = draw_dataset(7, seed=0, size=16, class_shares=shares)  # 3.5, 2.1, 1.4
    assert Counter(faces.true) == {"happy": 4, "sad": 2, "fear": 1}


def test_labels_agree_with_their_kind(drawn: DrawnFaces) -> None:
    assert len(drawn) == 140
    assert drawn.images.shape == (140, 48, 48, 3)
    for given, true, second, kind in zip(drawn.given, drawn.true, drawn.second, drawn.kind, strict=True):
        assert (given == true and second is None) or kind is not LabelTruth.CLEAN
        assert (given != true and second is None) or kind is not LabelTruth.MISLABELLED
        assert (given in (true, second) and second not in (true, None)) or kind is not LabelTruth.AMBIGUOUS


def test_wrong_labels_are_mostly_plausible() -> None:
    faces = draw_dataset(300, seed=2, size=16, wrong_share=1.0, ambiguous_share=0.0)
    plausible = [given in CONFUSIONS[true] for given, true in zip(faces.given, faces.true, strict=True)]
    assert 0.85 < np.mean(plausible) < 1.0


@pytest.mark.parametrize(
    "bad",
    [
        {"count": 0},
        {"wrong_share": -0.1},
        {"wrong_share": 0.6, "ambiguous_share": 0.6},
        {"class_shares": {"smug": 1.0}},
        {"class_shares": {"happy": 2.0, "sad": -1.0}},
        {"class_shares": {"happy": 0.0}},
        {"class_shares": {}},
    ],
)
def test_shares_that_make_no_sense_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="share"):
        draw_dataset(**{"count": 10, "seed": 0, "size": 16, **bad})  # type: ignore[arg-type]


def test_strangers_expressions_can_be_told_apart(plain: FaceParameters) -> None:
    """A linear model on the pixels of frontal faces, tested on people it has not seen; chance is 1 in 7."""
    rng = np.random.default_rng(11)
    names = np.array(EXPRESSIONS * 60)
    faces = np.stack(
        [
            draw_face(FaceParameters(jitter(draw_apex(name, rng), rng), draw_identity(rng), plain.photo), size=32)
            for name in names
        ]
    )
    pixels = faces[:, 8:28, 4:28].mean(axis=3).reshape(len(faces), -1)  # brows to mouth
    pixels = (pixels - pixels.mean(axis=1, keepdims=True)) / pixels.std(axis=1, keepdims=True)
    model = RidgeClassifier(alpha=100.0).fit(pixels[:280], names[:280])
    assert model.score(pixels[280:], names[280:]) > 0.7


def test_written_faces_and_their_truth(drawn: DrawnFaces, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    truth = write_dataset(drawn, folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "faces_truth.csv"]
    assert truth == tmp_path / "faces_truth.csv"
    with open(truth, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    assert files == sorted(row["path"] for row in rows)
    for row, line in enumerate(rows):
        assert line["path"] == drawn.path(row)
        assert line["path"].split("/")[0] == line["given_label"] == drawn.given[row]
        assert line["true_label"] == drawn.true[row]
        assert (line["second_label"] or None) == drawn.second[row]
        assert line["kind"] == drawn.kind[row]
        with Image.open(folder / line["path"]) as image:
            assert np.array_equal(np.asarray(image), drawn.images[row])


def test_only_its_own_folder_is_replaced(drawn: DrawnFaces, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    folder.mkdir()
    write_dataset(drawn, folder)  # an empty folder is no obstacle
    (folder / "happy" / "old.png").write_bytes(b"")
    with pytest.raises(RunFolderError, match="exists already"):
        write_dataset(drawn, folder)
    write_dataset(drawn, folder, replace=True)
    assert not (folder / "happy" / "old.png").exists()

    strange = tmp_path / "photos"
    strange.mkdir()
    (strange / "mine.png").write_bytes(b"dear")
    with pytest.raises(RunFolderError, match="not drawn by labelaudit"):
        write_dataset(drawn, strange, replace=True)
    assert (strange / "mine.png").read_bytes() == b"dear"


KILLED_AT = """
import os, pathlib, sys
from labelaudit.faces import draw_dataset, write_dataset
left = int(sys.argv[2])
def watched(function):
    def call(self, target):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
        return function(self, target)
    return call
pathlib.Path.rename, pathlib.Path.replace = watched(pathlib.Path.rename), watched(pathlib.Path.replace)
write_dataset(draw_dataset(24, seed=2), pathlib.Path(sys.argv[1]), replace=True)
"""


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_a_kill_leaves_a_whole_folder_or_none_and_can_be_drawn_over(moment: int, tmp_path: Path) -> None:
    folder, first, second = tmp_path / "faces", draw_dataset(20, seed=1), draw_dataset(24, seed=2)
    write_dataset(first, folder)
    command = [sys.executable, "-c", KILLED_AT, str(folder), str(moment)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert folder.exists() == is_written(first, folder) == (moment == 1)
    write_dataset(second, folder, replace=True)
    assert is_written(second, folder)
    assert not is_written(first, folder)
    assert {path.name for path in tmp_path.iterdir() if not path.name.endswith(".part")} == {"faces", "faces_truth.csv"}


def test_a_folder_that_cannot_be_written_is_said(drawn: DrawnFaces, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot write"):
        write_dataset(drawn, tmp_path / "file" / "faces")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
