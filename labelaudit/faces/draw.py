"""One face from its parameters: painted large, lit, reduced, and spoiled as cameras spoil pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from labelaudit.faces.features import paint_brows, paint_eyes, paint_folds, paint_mouth, paint_nose
from labelaudit.faces.head import paint_beard, paint_behind, paint_glasses, paint_hair, paint_head
from labelaudit.faces.parameters import FaceParameters, Photo
from labelaudit.faces.pen import Pen, blend

SUPERSAMPLING = 3
"""Shapes are painted this many times larger and averaged, which smooths their edges."""

_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


def draw_face(parameters: FaceParameters, *, size: int) -> NDArray[np.uint8]:
    """Draws one face.

    Args:
        parameters: Everything about it; equal parameters give equal pictures.
        size: Side in pixels, at least 16.

    Returns:
        RGB in [0, 255], shape (size, size, 3); a grey picture has three equal channels.
    """
    if size < 16:
        raise ValueError(f"a face needs at least 16 pixels a side, not {size}")
    side = size * SUPERSAMPLING
    canvas = Image.new("RGB", (side, side), parameters.photo.background)
    draw = ImageDraw.Draw(canvas)
    _paint_backdrop(draw, side, photo=parameters.photo)
    pen = Pen(draw, side, identity=parameters.identity, photo=parameters.photo)
    paint_behind(pen)
    paint_head(pen)
    paint_folds(pen, parameters.actions)
    paint_nose(pen, parameters.actions)
    paint_beard(pen)
    paint_mouth(pen, parameters.actions)
    paint_eyes(pen, parameters.actions)
    paint_hair(pen)
    paint_brows(pen, parameters.actions)
    paint_glasses(pen)
    return _photograph(canvas.reduce(SUPERSAMPLING), parameters)


def _paint_backdrop(draw: ImageDraw.ImageDraw, side: int, *, photo: Photo) -> None:
    x, y, radius = ((value * side / 2) for value in photo.backdrop)
    if radius > 0:
        x, y = x + side / 2, y + side / 2
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius), fill=blend(photo.background, (255, 255, 255), share=0.22)
        )


def _photograph(image: Image.Image, parameters: FaceParameters) -> NDArray[np.uint8]:
    photo = parameters.photo
    radius = photo.blur * image.width / 48
    if radius > 0.05:
        image = image.filter(ImageFilter.GaussianBlur(radius))
    levels = np.asarray(image, dtype=np.float32)  # (S, S, 3)
    if photo.grey:
        levels = np.repeat((levels @ _GREY)[..., None], 3, axis=2)
    levels = levels * _shading(image.width, parameters)[..., None]
    levels = 128 + photo.contrast * (levels * photo.exposure - 128)
    if photo.noise > 0:
        noise = np.random.default_rng(photo.noise_seed).normal(0.0, photo.noise, (*levels.shape[:2], 1))
        levels = levels + noise.astype(np.float32)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _shading(size: int, parameters: FaceParameters) -> NDArray[np.float32]:
    """Brightness of every pixel, shape (S, S): the head is lit like half an egg, what is behind it like a wall."""
    who, photo = parameters.identity, parameters.photo
    grid = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    x, y = grid[None, :] - photo.shift[0], grid[:, None] - photo.shift[1]
    u, v = x / (photo.scale * who.head_width), y / (photo.scale * who.head_height)
    distance = np.hypot(u, v)
    inside = np.clip((1.25 - distance) / 0.3, 0.0, 1.0)  # 1 on the head, 0 on the wall
    facing = u * photo.light[0] + v * photo.light[1]
    round_off = 0.10 * np.clip(distance, 0.0, 1.0) ** 3
    shading: NDArray[np.float32] = (1.0 + facing * (0.35 + 0.65 * inside) - round_off * inside).astype(np.float32)
    return np.clip(shading, 0.35, 1.5)
