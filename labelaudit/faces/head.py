"""What an expression is drawn on: shoulders, ears, head, hair, beard and glasses."""

from __future__ import annotations

import numpy as np

from labelaudit.faces.features import EYE_LINE, MOUTH_LINE
from labelaudit.faces.parameters import Beard, Glasses, HairStyle, Identity
from labelaudit.faces.pen import CIRCLE, INK, SHADOW, Pen, Points, arc, blend


def outline(who: Identity, *, grow: float = 1.0) -> Points:
    """The head's outline, shape (28, 2): an ellipse that narrows to the chin.

    Args:
        who: Whose head.
        grow: Factor of its size.
    """
    x, y = CIRCLE.T
    x = np.sign(x) * np.abs(x) ** 0.85 * (1 - who.jaw * np.clip(y, 0.0, 1.0) ** 1.6)
    return np.stack([x * who.head_width, y * who.head_height], axis=1) * grow


def paint_behind(pen: Pen) -> None:
    """Draws what the head hides: long hair or a bun, neck and shoulders."""
    who = pen.identity
    width, height = who.head_width, who.head_height
    dark = blend(who.hair, INK, share=0.25)
    if who.hair_style is HairStyle.LONG:
        pen.ellipse((0.0, -0.12), (width * 1.22, height * 0.98), colour=dark)
        pen.polygon([(-width * 1.22, -0.12), (width * 1.22, -0.12), (width * 1.3, 1.3), (-width * 1.3, 1.3)], dark)
    if who.hair_style is HairStyle.BUN:
        pen.ellipse((0.0, -height * 1.06), (0.26, 0.22), colour=dark)
    if who.hair_style is HairStyle.CURLY:
        for angle in np.linspace(np.pi * 1.02, np.pi * 1.98, 11):
            pen.ellipse(
                (float(np.cos(angle)) * width * 1.05, float(np.sin(angle)) * height * 0.98 - 0.02),
                (0.2, 0.2),
                colour=dark,
            )
    neck = blend(who.skin, (80, 40, 32), share=0.3)
    pen.polygon([(-0.34, 0.4), (0.34, 0.4), (0.38, 1.3), (-0.38, 1.3)], neck)
    pen.ellipse((0.0, 1.32), (0.98, 0.46), colour=who.clothes)
    pen.ellipse((0.0, 0.9), (0.33, 0.13), colour=neck)


def paint_head(pen: Pen) -> None:
    """Draws ears and the head itself."""
    who = pen.identity
    shade = blend(who.skin, SHADOW, share=0.22)
    if who.hair_style is not HairStyle.LONG:
        for side in (-1.0, 1.0):
            x = side * (who.head_width + 0.01)
            pen.ellipse((x, EYE_LINE + 0.1), (0.085, 0.14), colour=who.skin)
            pen.ellipse((x, EYE_LINE + 0.1), (0.04, 0.085), colour=shade)
    pen.polygon(outline(who), shade)
    pen.polygon(outline(who, grow=0.965) - (0.0, 0.012), who.skin)


def paint_beard(pen: Pen) -> None:
    """Draws the beard; the mouth is drawn over it."""
    who = pen.identity
    if who.beard in (Beard.FULL, Beard.STUBBLE):
        grown = who.beard is Beard.FULL
        colour = blend(who.skin, blend(who.hair, INK, share=0.2 if grown else 0.7), share=0.88 if grown else 0.16)
        rim = outline(who, grow=0.985)
        lower = rim[rim[:, 1] > 0.06]
        lower = lower[np.argsort(lower[:, 0])]
        inner = np.linspace(lower[-1, 0] * 0.9, lower[0, 0] * 0.9, 13)
        top = 0.24 + 0.06 * np.cos(inner / who.head_width * np.pi) - 0.16 * (inner / who.head_width) ** 4
        pen.polygon(np.concatenate([lower, np.stack([inner, top], axis=1)]), colour)
    if who.beard is Beard.MOUSTACHE:
        colour = blend(who.hair, INK, share=0.2)
        wing = np.linspace(0.2, 1.0, 8)
        for side in (-1.0, 1.0):
            line = arc(
                ((side * 0.01, MOUTH_LINE - 0.125), (side * 0.13, MOUTH_LINE - 0.11), (side * 0.27, MOUTH_LINE - 0.04)),
                count=8,
            )
            pen.ribbon(line, 0.045 * np.sin(np.pi * wing) + 0.006, colour=colour)


def paint_hair(pen: Pen) -> None:
    """Draws the hair that falls over the forehead."""
    who = pen.identity
    if who.hair_style is HairStyle.BALD:
        return
    width, height = who.head_width, who.head_height
    if who.hair_style is HairStyle.CURLY:
        for angle in np.linspace(np.pi * 1.1, np.pi * 1.9, 9):
            centre = (float(np.cos(angle)) * width * 0.88, float(np.sin(angle)) * height * 0.9)
            pen.ellipse(centre, (0.17, 0.15), colour=who.hair)
        return
    cap = outline(who, grow=1.07) - (0.0, 0.015)
    cap = cap[cap[:, 1] < -0.13]
    cap = cap[np.argsort(cap[:, 0])]  # temple to temple over the top
    across = np.linspace(cap[-1, 0], cap[0, 0], 33)
    pen.polygon(np.concatenate([cap, np.stack([across, _hairline(who, across / width)], axis=1)]), who.hair)
    if who.hair_style is HairStyle.LONG:
        for side in (-1.0, 1.0):
            lock = arc(
                ((side * 0.25, -0.80 * height), (side * 0.98 * width, -0.25), (side * 1.12 * width, 1.0)), count=16
            )
            pen.ribbon(lock, np.linspace(0.06, 0.13, len(lock)), colour=who.hair)
    gloss = arc(((-0.6 * width, -0.74 * height), (-0.1 * width, -0.97 * height), (0.3 * width, -0.93 * height)))
    pen.ribbon(
        gloss, 0.028 * np.sin(np.linspace(0.0, np.pi, len(gloss))), colour=blend(who.hair, (255, 250, 240), share=0.22)
    )


def _hairline(who: Identity, u: Points) -> Points:
    """Height of the hairline at places u in [-1.1, 1.1] across the forehead, shape of u."""
    tall = who.head_height / 0.8
    if who.hair_style is HairStyle.FRINGE:
        line = -0.44 * tall - 0.035 * np.abs(np.sin(7 * u)) + 0.36 * np.abs(u) ** 5
    elif who.hair_style is HairStyle.PARTED:
        sweep = 0.24 * np.clip(u + 0.45, 0.0, 2.0) ** 1.5 + 0.6 * np.clip(-u - 0.45, 0.0, 1.0)
        line = -0.74 * tall + sweep + 0.12 * u**6
    elif who.hair_style is HairStyle.SHORT:
        line = -0.56 * tall - 0.045 * (np.arange(len(u)) % 4 < 2) + 0.38 * np.abs(u) ** 4
    else:
        line = -0.62 * tall + 0.44 * np.abs(u) ** 4
    return np.asarray(line, dtype=np.float64)


def paint_glasses(pen: Pen) -> None:
    """Draws frames around the eyes."""
    who = pen.identity
    if who.glasses is Glasses.NONE:
        return
    radius = 0.205 * min(1.0, who.eye_distance / 0.25)
    closed = np.concatenate([CIRCLE, CIRCLE[:2]])
    if who.glasses is Glasses.SQUARE:
        closed = np.sign(closed) * np.abs(closed) ** 0.45 * (1.0, 0.82)
    for side in (-1.0, 1.0):
        pen.ribbon(closed * radius + (side * (who.eye_distance + 0.01), EYE_LINE + 0.01), 0.014, colour=INK)
        temple = [(side * (who.eye_distance + radius), EYE_LINE - 0.04), (side * who.head_width, EYE_LINE - 0.02)]
        pen.ribbon(temple, 0.014, colour=INK)
    bridge = who.eye_distance - radius + 0.01
    pen.ribbon(arc(((-bridge, EYE_LINE), (0.0, EYE_LINE - 0.04), (bridge, EYE_LINE))), 0.014, colour=INK)
