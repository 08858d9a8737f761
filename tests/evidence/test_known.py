from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labelaudit.evidence.known import (
    MOST_BITS,
    NO_SPLIT,
    UNKNOWN,
    KnownPictures,
    labels_since,
    recognise,
    remember,
)
from labelaudit.faces import draw_dataset
from labelaudit.labels import NO_CLASS
from labelaudit.pixels.build import build_store
from labelaudit.pixels.store import PixelStore
from labelaudit.records import Evidence, ThresholdHistory
from labelaudit.source.memory import ArraySource

COUNT = 240
TRAINED = 160


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def _jpeg(pixels: np.ndarray, quality: int = 75) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=quality)
    return file.getvalue()


def _evidence(count: int, classes: int) -> Evidence:
    posterior = np.random.default_rng(0).dirichlet(np.ones(classes), count).astype(np.float32)
    posterior[0] = np.nan  # was not audited
    nothing = np.zeros(count, dtype=np.int32)
    history = ThresholdHistory.empty()
    parts = {"posterior": posterior, "peer1": posterior, "peer2": posterior, "ridge": posterior}
    epochs = {"epochs_clean": nothing, "epochs_ambiguous": nothing, "epochs_noisy": nothing}
    return Evidence(**parts, **epochs, history=history, outlier_score=np.arange(count, dtype=np.float32))


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return draw_dataset(COUNT, seed=11, size=48).images


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def _store(images: list[bytes], labels: list[str | None], cache: Path) -> PixelStore:
    return build_store(ArraySource(images, labels), size=48, cache_dir=cache)


@pytest.fixture(scope="module")
def known(pictures: np.ndarray, cache: Path) -> KnownPictures:
    """160 pictures, of which the last cannot be read, in two splits."""
    images = [_png(each) for each in pictures[: TRAINED - 1]] + [b"no picture"]
    labels = [("happy", "sad")[row % 2] for row in range(TRAINED)]
    source = ArraySource(images, labels)
    store = build_store(source, size=48, cache_dir=cache)
    splits = ["test" if row < 40 else "train" if row < 80 else None for row in range(TRAINED)]
    table = replace(source.table, split=splits)
    return remember(store, table, _evidence(TRAINED, 2), seed=0)


def test_what_is_kept_is_of_the_readable_rows(known: KnownPictures):
    assert len(known.digest) == len(known.bits) == TRAINED - 1
    assert (known.digest.shape[1], known.bits.shape[1]) == (16, 32)
    assert known.splits == ("test", "train")
    assert [known.split[row] for row in (0, 39, 40, 79, 80)] == [0, 0, 1, 1, NO_SPLIT]
    assert known.given[:4].tolist() == [0, 1, 0, 1]
    assert np.isnan(known.ridge[0]).all()
    assert known.outlier[5] == 5
    halves = np.unpackbits(known.bits, axis=1).mean(axis=0)
    assert ((halves > 0.4) & (halves < 0.6)).all()  # every bit halves the training set


def test_the_same_bytes_are_known_and_new_pictures_are_not(known: KnownPictures, pictures: np.ndarray, cache: Path):
    images = [_png(pictures[7]), *map(_png, pictures[TRAINED:]), b"broken", _png(pictures[3])]
    found = recognise(known, _store(images, ["happy", "sad"] * (len(images) // 2) + ["sad"] * (len(images) % 2), cache))
    assert found.known.tolist() == [7, *[UNKNOWN] * (COUNT - TRAINED), UNKNOWN, 3]
    assert found.exact.tolist() == [True, *[False] * (COUNT - TRAINED + 1), True]


@pytest.mark.parametrize("kind", ["jpeg", "scaled", "brighter", "mirrored"])
def test_a_picture_is_known_in_another_form(known: KnownPictures, pictures: np.ndarray, cache: Path, kind: str):
    def changed(face: np.ndarray) -> bytes:
        match kind:
            case "jpeg":
                return _jpeg(face, 50)
            case "scaled":
                return _png(np.asarray(Image.fromarray(face).resize((36, 36)).resize((48, 48))))
            case "brighter":
                return _png(np.clip(face.astype(int) + 20, 0, 255).astype(np.uint8))
        return _jpeg(face[:, ::-1])

    rows = list(range(1, 41))
    images = [changed(pictures[row]) for row in rows]
    found = recognise(known, _store(images, ["happy", "sad"] * 20, cache))
    assert np.mean(found.known == rows) >= 0.95
    assert np.isin(found.known, [*rows, UNKNOWN]).all()
    assert not found.exact.any()


def test_a_picture_that_shows_nothing_is_not_known(known: KnownPictures, cache: Path):
    images = [_png(np.full((48, 48, 3), grey, dtype=np.uint8)) for grey in (0, 90, 255)]
    assert (recognise(known, _store(images, ["happy", "sad", "sad"], cache)).known == UNKNOWN).all()


def test_labels_are_compared_with_all_files_of_the_same_bytes(known: KnownPictures, pictures: np.ndarray, cache: Path):
    both = replace(known, digest=known.digest.copy())
    both.digest[5] = both.digest[4]  # happy and sad are the same file
    images = [_png(pictures[row]) for row in (2, 2, 4, 4, 3, TRAINED)]
    given = np.array([0, 1, 0, 1, NO_CLASS, 1], dtype=np.int32)
    matches = recognise(both, _store(images, ["happy", "sad"] * 3, cache))
    assert labels_since(both, matches, given).tolist() == [False, True, False, False, False, False]


def test_pictures_without_contrast_can_be_remembered(cache: Path):
    images = [_png(np.full((48, 48, 3), grey, dtype=np.uint8)) for grey in (10, 20, 30)]
    source = ArraySource(images, ["happy", "sad", "sad"])
    store = build_store(source, size=48, cache_dir=cache)
    known = remember(store, source.table, _evidence(3, 2), seed=0)
    assert np.isfinite(known.code.directions).all()
    assert np.isfinite(known.code.offset).all()
    assert recognise(known, store).known.tolist() == [0, 1, 2]


def test_the_limit_leaves_room_between_copies_and_strangers(known: KnownPictures, pictures: np.ndarray):
    """Strangers differ in many more bits than are allowed."""
    bits = np.unpackbits(known.bits, axis=1).astype(int)
    apart = np.abs(bits[:, None] - bits[None]).sum(axis=2) + 256 * np.eye(len(bits), dtype=int)
    assert apart.min() > MOST_BITS
