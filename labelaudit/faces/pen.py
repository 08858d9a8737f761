"""A pen that draws on a head: points are given on the face and land where the head's pose puts them.

Coordinates: (x, y) in shares of half the picture's side, the middle of the face at (0, 0), x to the right and y down.
The face is a paraboloid z = max(0, 1 - (x / head_width)^2 - (y / head_height)^2): turning the head moves a point by its
z, so features slide and are foreshortened while the outline, where z = 0, stays.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import ImageDraw

from labelaudit.faces.parameters import Colour, Identity, Photo

Points = NDArray[np.float64]

RELIEF = 0.22
"""How far the tip of the face moves when the head is turned by a right angle."""

_ROUND = np.linspace(0.0, 2 * np.pi, 28, endpoint=False)
INK: Colour = (34, 24, 26)
SHADOW: Colour = (96, 40, 30)
"""What skin in the shade goes towards."""
CREASE: Colour = (60, 24, 22)
"""What folds of the skin go towards."""

CIRCLE: Points = np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1)  # (28, 2)


class Pen:
    """Draws shapes given in face coordinates on a canvas.

    Attributes:
        identity: Whose head it is.
        photo: Its pose.
    """

    def __init__(self, draw: ImageDraw.ImageDraw, side: int, *, identity: Identity, photo: Photo) -> None:
        """Places the head on a canvas.

        Args:
            draw: Where to draw.
            side: Of the square canvas, in pixels.
            identity: Whose head it is.
            photo: Its pose.
        """
        self.identity = identity
        self.photo = photo
        self._draw = draw
        half = side / 2
        cos, sin = math.cos(photo.roll), math.sin(photo.roll)
        self._turn = np.array([[cos, sin], [-sin, cos]]) * (half * photo.scale)
        self._origin = np.array([half * (1 + photo.shift[0]), half * (1.06 + photo.shift[1])])
        self._axes = np.array([identity.head_width, identity.head_height])
        self._slide = RELIEF * np.array([photo.yaw, photo.pitch])

    def polygon(self, points: ArrayLike, colour: Colour) -> None:
        """Fills the shape whose corners are ``points``, shape (P, 2)."""
        self._draw.polygon(self._place(np.asarray(points, dtype=np.float64)).ravel().tolist(), fill=colour)

    def ellipse(self, centre: tuple[float, float], radii: tuple[float, float], *, colour: Colour) -> None:
        """Fills an ellipse with axes along the face's."""
        self.polygon(CIRCLE * radii + centre, colour)

    def ribbon(self, points: ArrayLike, widths: ArrayLike, *, colour: Colour) -> None:
        """Draws a line of changing width.

        Args:
            points: Along the line, shape (P, 2).
            widths: Half the width at each point, shape (P,), or one for all.
            colour: Of the line.
        """
        line = np.asarray(points, dtype=np.float64)
        along = np.gradient(line, axis=0)
        across = np.stack([-along[:, 1], along[:, 0]], axis=1)
        across /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
        offset = across * np.broadcast_to(np.asarray(widths, dtype=np.float64), len(line))[:, None]  # (P, 2)
        self.polygon(np.concatenate([line + offset, (line - offset)[::-1]]), colour)

    def _place(self, points: Points) -> Points:
        depth = np.clip(1.0 - np.sum((points / self._axes) ** 2, axis=1, keepdims=True), 0.0, 1.0)  # (P, 1)
        placed: Points = (points + depth * self._slide) @ self._turn + self._origin
        return placed


def arc(start_middle_end: ArrayLike, *, count: int = 12) -> Points:
    """Points of the parabola between two ends that passes a middle point halfway, shape (count, 2).

    Args:
        start_middle_end: The three points, shape (3, 2).
        count: Points on the curve.
    """
    t = np.linspace(0.0, 1.0, count)[:, None]
    start, middle, end = np.asarray(start_middle_end, dtype=np.float64)
    control = 2 * middle - (start + end) / 2
    curve: Points = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
    return curve


def blend(first: Colour, second: Colour, *, share: float) -> Colour:
    """A colour between two, ``share`` of the second in [0, 1]."""
    red, green, blue = (round((1 - share) * a + share * b) for a, b in zip(first, second, strict=True))
    return red, green, blue
