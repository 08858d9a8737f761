from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from labelaudit.faces import DrawnFaces, draw_dataset
from labelaudit.pixels import candidates
from labelaudit.pixels.duplicates import NO_GROUP, Duplicates, find_duplicates, label_conflicts
from labelaudit.pixels.measures import measure
from labelaudit.records import Stage, no_progress


def find(pixels: NDArray[np.uint8], readable: NDArray[np.bool_] | None = None) -> Duplicates:
    readable = np.ones(len(pixels), dtype=bool) if readable is None else readable
    return find_duplicates(pixels, measure(pixels).thumbnails, readable)


def changed(face: NDArray[np.uint8], how: str) -> NDArray[np.uint8]:
    image = Image.fromarray(face)
    side = image.width
    if how == "jpeg":
        file = io.BytesIO()
        image.save(file, "JPEG", quality=75)
        return np.asarray(Image.open(file))
    if how == "rescaled":
        small = image.resize((side * 3 // 4, side * 3 // 4), Image.Resampling.BILINEAR)
        return np.asarray(small.resize((side, side), Image.Resampling.BILINEAR))
    if how == "brighter":
        return np.clip(face.astype(int) + 12, 0, 255).astype(np.uint8)
    if how == "grey":
        return np.asarray(image.convert("L").convert("RGB"))
    assert how == "mirrored"
    return np.ascontiguousarray(face[:, ::-1])


def test_different_faces_have_no_twins(drawn: DrawnFaces) -> None:
    found = find(drawn.images)
    assert (found.group == NO_GROUP).all()
    assert (found.exact == NO_GROUP).all()


def test_equal_pixels_are_exact_groups_in_the_order_of_their_first_rows(drawn: DrawnFaces) -> None:
    pixels = drawn.images[[5, 3, 5, 7, 3, 5]]
    found = find(pixels)
    assert found.exact.tolist() == [0, 1, 0, NO_GROUP, 1, 0]
    assert found.group.tolist() == found.exact.tolist()


@pytest.mark.parametrize("how", ["jpeg", "rescaled", "brighter", "grey", "mirrored"])
def test_changed_copies_are_near_duplicates(drawn: DrawnFaces, how: str) -> None:
    copies = np.stack([changed(face, how) for face in drawn.images[:40]])
    found = find(np.concatenate([drawn.images, copies]))
    paired = (found.group[:40] == found.group[140:]) & (found.group[140:] != NO_GROUP)
    assert paired.mean() >= 0.95
    assert (found.group[40:140] == NO_GROUP).all()
    assert how == "grey" or (found.exact == NO_GROUP).all()  # a grey photo equals its grey copy


def test_equal_thumbnails_are_not_equal_pixels() -> None:
    fine = (np.indices((48, 48)).sum(axis=0) % 2 * 255).astype(np.uint8)  # each cell of the thumbnail is 127.5
    pixels = np.stack([np.stack([face] * 3, axis=-1) for face in (fine, 255 - fine, fine)])
    assert find(pixels).exact.tolist() == [0, NO_GROUP, 0]


def test_blank_pictures_are_twins_only_where_they_are_equal() -> None:
    pixels = np.stack([np.full((16, 16, 3), value, dtype=np.uint8) for value in (0, 90, 255, 90)])
    assert find(pixels).group.tolist() == [NO_GROUP, 0, NO_GROUP, 0]


def test_unreadable_rows_have_no_twins(drawn: DrawnFaces) -> None:
    pixels = drawn.images[[1, 1, 1, 2]].copy()
    found = find(pixels, np.array([True, False, True, False]))
    assert found.group.tolist() == [0, NO_GROUP, 0, NO_GROUP]


def test_a_dataset_of_two(drawn: DrawnFaces) -> None:
    face = drawn.images[0]
    assert find(np.stack([face, changed(face, "jpeg")])).group.tolist() == [0, 0]
    assert find(drawn.images[:2]).group.tolist() == [NO_GROUP] * 2


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows(drawn: DrawnFaces, count: int) -> None:
    found = find(drawn.images[:count])
    assert found.group.tolist() == [NO_GROUP] * count
    assert found.group.dtype == np.int32


def test_a_row_joins_its_exact_and_its_near_twins(drawn: DrawnFaces) -> None:
    face = drawn.images[0]
    pixels = np.concatenate([[changed(face, "jpeg"), face], drawn.images[1:30], [face]])
    found = find(pixels)
    assert found.group[[0, 1, -1]].tolist() == [0, 0, 0]
    assert found.exact[[0, 1, -1]].tolist() == [NO_GROUP, 0, 0]


def test_many_equal_looking_frames_cost_no_square_of_their_number() -> None:
    face = draw_dataset(1, seed=3).images[0].astype(int)
    noise = np.random.default_rng(0).integers(-2, 3, (300, *face.shape))
    frames = np.clip(face + noise, 0, 255).astype(np.uint8)
    thumbnails = measure(frames).thumbnails
    pairs = candidates.find_candidates(thumbnails, np.arange(300), progress=no_progress)
    assert len(pairs.first) <= 300 * 8 * 12 * 2
    assert (pairs.first < pairs.second).all()
    assert (find(frames).group == 0).all()


def test_progress_is_told(drawn: DrawnFaces) -> None:
    stages: list[Stage] = []
    pixels = drawn.images[:10]
    find_duplicates(pixels, measure(pixels).thumbnails, np.ones(10, dtype=bool), progress=stages.append)
    assert (stages[-1].name, stages[-1].done) == ("duplicates", stages[-1].total)


def test_permuting_the_rows_permutes_the_groups(drawn: DrawnFaces) -> None:
    pixels = np.concatenate([drawn.images[:60], np.stack([changed(face, "jpeg") for face in drawn.images[:10]])])
    order = np.random.default_rng(2).permutation(len(pixels))
    plain, permuted = find(pixels).group, find(pixels[order]).group

    def partners(group: NDArray[np.int32], name: NDArray[np.int64]) -> set[frozenset[int]]:
        return {frozenset(name[group == number].tolist()) for number in np.unique(group[group != NO_GROUP])}

    assert partners(plain, np.arange(len(pixels))) == partners(permuted, order)


def test_conflicts_worked_out_by_hand() -> None:
    group = np.array([0, 0, 1, 1, NO_GROUP, 2, 2, 2, NO_GROUP], dtype=np.int32)
    given = ["happy", "sad", "sad", "sad", "fear", "happy", None, "happy", "happy"]
    assert label_conflicts(group, given).tolist() == [True, True] + [False] * 7


def test_a_row_without_a_label_is_in_the_conflict_of_its_twins() -> None:
    assert label_conflicts(np.zeros(3, dtype=np.int32), ["happy", None, "sad"]).all()


@given(st.lists(st.tuples(st.integers(-1, 4), st.sampled_from(["a", "b", None])), max_size=30))
def test_conflicts_are_a_property_of_whole_groups(rows: list[tuple[int, str | None]]) -> None:
    group = np.array([number for number, _ in rows], dtype=np.int32)
    conflict = label_conflicts(group, [label for _, label in rows])
    for number in range(5):
        labels = {label for other, label in rows if other == number and label is not None}
        assert (conflict[group == number] == (len(labels) > 1)).all()
    assert not conflict[group == NO_GROUP].any()
