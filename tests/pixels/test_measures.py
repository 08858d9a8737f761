from __future__ import annotations

import numpy as np
import pytest

from labelaudit.pixels.measures import brightness, grey_of, measure, sharpness, thumbnails


def test_grey_weighs_the_colours() -> None:
    pixels = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]], dtype=np.uint8)
    # 77 * 255 / 256 = 76.7; 150 * 255 / 256 = 149.4; 29 * 255 / 256 = 28.9; (770 + 3000 + 870) / 256 = 18.1
    assert grey_of(pixels).tolist() == [77, 149, 29, 18]


def test_grey_pixels_keep_their_value() -> None:
    values = np.arange(256, dtype=np.uint8)
    assert grey_of(np.stack([values] * 3, axis=-1)).tolist() == values.tolist()


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    grey = np.zeros((1, 3, 4), dtype=np.uint8)
    grey[0, 1, 1] = 10
    # Two inner pixels: -4 * 10 at the dot, +10 beside it; mean -15, variance 25^2.
    assert sharpness(grey).tolist() == [625.0]


def test_sharpness_does_not_overflow() -> None:
    board = (np.indices((8, 8)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert sharpness(board) == pytest.approx(1020.0**2)  # +-4 * 255 in equal numbers


def test_sharpness_of_a_tiny_picture_is_none() -> None:
    assert sharpness(np.full((5, 2, 9), 7, dtype=np.uint8)).tolist() == [0.0] * 5


def test_brightness_is_the_mean() -> None:
    assert brightness(np.array([[[0, 255], [255, 0]]], dtype=np.uint8)).tolist() == [0.5]


def test_thumbnails_of_twice_their_side_are_means_of_four() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (3, 48, 48)).astype(np.uint8)
    means = grey.reshape(3, 24, 2, 24, 2).mean(axis=(2, 4))
    assert np.abs(thumbnails(grey) - means).max() <= 0.5


@pytest.mark.parametrize("side", [1, 7, 24, 100])
def test_thumbnails_keep_the_mean_and_the_direction(side: int) -> None:
    grey = np.zeros((1, side, side), dtype=np.uint8)
    grey[0, : max(side // 2, 1)] = 200
    small = thumbnails(grey)[0]
    assert small.shape == (24, 24)
    assert small.mean() == pytest.approx(grey.mean(), abs=1.0)
    assert small[0, 0] == 200
    assert small[0, -1] == 200
    assert side == 1 or small[-1, 0] == 0


def test_measure_takes_all_in_blocks() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (37, 24, 24, 3)).astype(np.uint8)
    measures = measure(pixels)
    grey = grey_of(pixels)
    assert measures.sharpness.tolist() == sharpness(grey).tolist()
    assert measures.brightness.tolist() == brightness(grey).tolist()
    assert (measures.thumbnails == thumbnails(grey)).all()
