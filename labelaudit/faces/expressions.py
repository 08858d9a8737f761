"""The seven expressions as actions of brows, eyes, nose and mouth, after the action units of FACS.

An expression of intensity s is the mix (1 - s) * neutral + s * apex, and a blend of two expressions is a mix of both:
halfway between fear and surprise there is no right answer, which is what an ambiguous face is.

Source of which part moves how: Ekman and Friesen, "Facial Action Coding System", 1978 (EMFACS combinations).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

import numpy as np

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""The class names, as the field's datasets have them."""


@dataclass(frozen=True, slots=True)
class Actions:
    """How far each part of a face has moved; 0 is at rest, 1 is as far as it goes.

    Attributes:
        brow_inner, brow_outer: Height of the brows' ends, in [-1, 1], up is positive.
        brow_together: Brows drawn together, in [0, 1].
        lid: Upper lids, in [-1, 1]: 1 = wide open, -1 = nearly shut.
        squint: Lower lids raised, in [0, 1].
        corners: Corners of the mouth, in [-1, 1], up is positive.
        mouth_open: In [0, 1].
        mouth_width: In [-1, 1], 1 = stretched.
        mouth_square: Shape of the opening, in [0, 1]: 0 = an almond, 1 = a box.
        upper_lip: Upper lip raised, in [0, 1].
        teeth: How much of the opening shows teeth, in [0, 1].
        press: Lips pressed thin, in [0, 1].
        nose_wrinkle: In [0, 1].
        cheeks: Cheeks raised, in [0, 1].
        skew: One side of the mouth higher than the other, in [-1, 1].
        gaze_down: In [-1, 1].
    """

    brow_inner: float = 0.0
    brow_outer: float = 0.0
    brow_together: float = 0.0
    lid: float = 0.0
    squint: float = 0.0
    corners: float = 0.0
    mouth_open: float = 0.0
    mouth_width: float = 0.0
    mouth_square: float = 0.0
    upper_lip: float = 0.0
    teeth: float = 0.0
    press: float = 0.0
    nose_wrinkle: float = 0.0
    cheeks: float = 0.0
    skew: float = 0.0
    gaze_down: float = 0.0


NEUTRAL = Actions()

APEXES: Mapping[str, tuple[Actions, ...]] = {
    "neutral": (
        NEUTRAL,
        Actions(press=0.3, lid=-0.1),
    ),
    "happy": (
        Actions(
            brow_inner=0.15, brow_outer=0.2, squint=0.55, corners=1.0, mouth_open=0.55, mouth_width=0.6,
            mouth_square=0.25, teeth=0.75, cheeks=1.0,
        ),
        Actions(brow_outer=0.15, squint=0.6, corners=1.0, mouth_width=0.65, cheeks=0.9, lid=-0.1),
        Actions(
            brow_inner=0.2, brow_outer=0.25, squint=0.9, lid=-0.6, corners=1.0, mouth_open=0.8, mouth_width=0.45,
            mouth_square=0.2, teeth=0.5, cheeks=1.0,
        ),
    ),
    "sad": (
        Actions(
            brow_inner=0.9, brow_outer=-0.55, brow_together=0.35, lid=-0.35, corners=-0.9, mouth_width=-0.2,
            gaze_down=0.6,
        ),
        Actions(
            brow_inner=1.0, brow_outer=-0.5, brow_together=0.4, lid=-0.2, squint=0.35, corners=-0.85, mouth_open=0.2,
            mouth_width=0.05, mouth_square=0.3, gaze_down=0.3,
        ),
    ),
    "angry": (
        Actions(brow_inner=-1.0, brow_outer=0.35, brow_together=0.9, squint=0.4, lid=0.0, corners=-0.45, press=0.9),
        Actions(
            brow_inner=-1.0, brow_outer=0.45, brow_together=0.9, squint=0.4, lid=0.2, corners=-0.3, mouth_open=0.45,
            mouth_width=0.15, mouth_square=0.9, teeth=1.0, nose_wrinkle=0.35, upper_lip=0.2,
        ),
    ),
    "surprise": (
        Actions(brow_inner=1.0, brow_outer=1.0, lid=0.9, mouth_open=0.85, mouth_width=-0.75),
        Actions(brow_inner=0.9, brow_outer=0.95, lid=0.8, mouth_open=0.5, mouth_width=-0.6, corners=0.1),
    ),
    "fear": (
        Actions(
            brow_inner=1.0, brow_outer=0.05, brow_together=0.7, lid=1.0, squint=0.2, corners=-0.55, mouth_open=0.4,
            mouth_width=0.6, mouth_square=0.75, teeth=0.55,
        ),
        Actions(
            brow_inner=0.95, brow_outer=0.15, brow_together=0.8, lid=0.9, corners=-0.5, mouth_open=0.3, mouth_width=0.4,
            mouth_square=0.8, teeth=1.0,
        ),
    ),
    "disgust": (
        Actions(
            brow_inner=-0.55, brow_outer=-0.1, brow_together=0.4, lid=-0.45, squint=0.75, corners=-0.6, upper_lip=1.0,
            nose_wrinkle=1.0, cheeks=0.3, skew=0.7, mouth_open=0.1, teeth=0.4,
        ),
        Actions(
            brow_inner=-0.5, brow_outer=0.05, brow_together=0.4, lid=-0.35, squint=0.7, corners=-0.5, upper_lip=0.8,
            nose_wrinkle=1.0, mouth_open=0.3, mouth_width=-0.05, skew=-0.5, cheeks=0.2,
        ),
    ),
}  # fmt: skip
"""Each expression at full strength, in the forms it commonly takes."""

CONFUSIONS: Mapping[str, Mapping[str, float]] = {
    "angry": {"disgust": 0.4, "sad": 0.25, "neutral": 0.25, "fear": 0.1},
    "disgust": {"angry": 0.55, "sad": 0.25, "neutral": 0.1, "fear": 0.1},
    "fear": {"surprise": 0.55, "sad": 0.25, "angry": 0.1, "neutral": 0.1},
    "happy": {"neutral": 0.55, "surprise": 0.35, "disgust": 0.1},
    "neutral": {"sad": 0.45, "happy": 0.2, "angry": 0.2, "surprise": 0.15},
    "sad": {"neutral": 0.5, "fear": 0.2, "angry": 0.15, "disgust": 0.15},
    "surprise": {"fear": 0.55, "happy": 0.25, "neutral": 0.2},
}
"""What annotators take an expression for when they err: true class -> given class -> share."""


def mix(first: Actions, second: Actions, *, share: float) -> Actions:
    """Moves from one expression towards another.

    Args:
        first: Where it starts.
        second: Where it goes.
        share: Of the second, in [0, 1].
    """
    return Actions(*((1 - share) * a + share * b for a, b in zip(astuple(first), astuple(second), strict=True)))


def draw_apex(expression: str, rng: np.random.Generator) -> Actions:
    """Draws one of the forms that an expression takes at full strength."""
    forms = APEXES[expression]
    return forms[int(rng.integers(len(forms)))]


def jitter(actions: Actions, rng: np.random.Generator, *, scale: float = 0.1) -> Actions:
    """Moves every part a little, as no two people make the same face.

    Args:
        actions: The expression.
        rng: Source of randomness.
        scale: Standard deviation of each action's change.
    """
    moved = np.clip(np.array(astuple(actions)) + rng.normal(0.0, scale, len(astuple(actions))), -1.0, 1.0)
    return Actions(*moved.tolist())
