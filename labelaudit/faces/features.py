"""The parts that make an expression: brows, eyes, nose, folds of the skin and the mouth."""

from __future__ import annotations

import numpy as np

from labelaudit.faces.expressions import Actions
from labelaudit.faces.parameters import Colour
from labelaudit.faces.pen import CIRCLE, CREASE, INK, SHADOW, Pen, Points, arc, blend

EYE_LINE = -0.10
MOUTH_LINE = 0.44

_WHITE: Colour = (250, 249, 246)
_MOUTH: Colour = (84, 26, 34)
_TONGUE: Colour = (204, 92, 96)
_SPAN = np.linspace(-1.0, 1.0, 25)
_BULGE = 1.0 - _SPAN**2


def paint_eyes(pen: Pen, actions: Actions) -> None:
    """Draws eyeballs between their lids, looking where photo and expression have them look."""
    who, gaze = pen.identity, pen.photo.gaze
    half = 0.142 * who.eye_size
    up = half * max(0.1, 0.60 + 0.42 * actions.lid)
    down = half * max(0.05, 0.42 + 0.16 * max(actions.lid, 0.0) - 0.36 * actions.squint)
    look_y = float(np.clip(gaze[1] + 0.6 * actions.gaze_down, -0.8, 0.8))
    fold = blend(who.skin, INK, share=0.45)
    for side in (-1.0, 1.0):
        x, y = side * who.eye_distance, EYE_LINE
        tilt = -side * 0.012 * _SPAN  # outer corners a little higher
        columns = x + half * _SPAN
        upper = y + tilt - up * np.sqrt(_BULGE)
        lower = y + tilt + down * np.sqrt(_BULGE)
        pen.polygon(_closed(columns, upper=upper, lower=lower), _WHITE)
        centre = (x + 0.35 * half * gaze[0], y + 0.3 * half * look_y - 0.05 * half)
        for radius, colour in ((0.58, who.iris), (0.30, INK)):
            disc = CIRCLE * (radius * half) + centre
            disc[:, 1] = np.clip(
                disc[:, 1], np.interp(disc[:, 0], columns, upper), np.interp(disc[:, 0], columns, lower)
            )
            pen.polygon(disc, colour)
        glint = (centre[0] - 0.2 * half, centre[1] - 0.22 * half)
        if glint[1] > y - up + 0.15 * half:
            pen.ellipse(glint, (0.15 * half, 0.15 * half), colour=_WHITE)
        pen.ribbon(_curve(columns, upper), 0.008 + 0.014 * np.sqrt(_BULGE), colour=INK)
        pen.ribbon(_curve(columns, lower)[3:-3], 0.007, colour=fold)
        if actions.squint > 0.3:
            bag = _curve(columns, lower + 0.035 + 0.01 * _BULGE)
            pen.ribbon(bag[4:-4], 0.006 * _BULGE[4:-4], colour=blend(who.skin, INK, share=0.3 * actions.squint))


def paint_brows(pen: Pen, actions: Actions) -> None:
    """Draws the brows, thick towards the nose and thin at the temples."""
    who = pen.identity
    rest = EYE_LINE - 0.205 - who.brow_rest
    colour = blend(who.hair, INK, share=0.35)
    for side in (-1.0, 1.0):
        inner_x = side * (who.eye_distance - 0.145 - 0.045 * actions.brow_together)
        outer_x = side * (who.eye_distance + 0.175)
        inner_y = rest - (0.115 if actions.brow_inner > 0 else 0.125) * actions.brow_inner
        outer_y = rest + 0.015 - 0.10 * actions.brow_outer
        middle = (
            0.45 * inner_x + 0.55 * outer_x,
            0.5 * (inner_y + outer_y) - 0.028 - 0.02 * max(actions.brow_outer, 0),
        )
        line = arc(((inner_x, inner_y), middle, (outer_x, outer_y)))
        taper = np.linspace(1.0, 0.0, len(line)) ** 0.5
        pen.ribbon(line, who.brow_weight * (0.006 + 0.024 * taper), colour=colour)


def paint_nose(pen: Pen, actions: Actions) -> None:
    """Draws the shaded side of the nose, its tip, and the folds on its root when it is wrinkled."""
    who = pen.identity
    lift = 0.035 * actions.nose_wrinkle
    wide = (0.072 + 0.02 * actions.nose_wrinkle) * who.nose_size
    tip = 0.155 * who.nose_size - lift
    shade, line = blend(who.skin, SHADOW, share=0.22), blend(who.skin, CREASE, share=0.5)
    side = -1.0 if pen.photo.light[0] > 0 else 1.0
    pen.polygon([(side * 0.03, -0.12), (side * 0.045, tip - 0.06), (side * wide, tip), (0.0, tip + 0.015)], shade)
    pen.ribbon(arc(((-wide, tip - 0.005), (0.0, tip + 0.045), (wide, tip - 0.005))), 0.011, colour=line)
    for x in (-0.5 * wide, 0.5 * wide):
        pen.ellipse((x, tip + 0.012), (0.02 * who.nose_size, 0.012), colour=line)
    if actions.nose_wrinkle > 0.2:
        weight = 0.014 * actions.nose_wrinkle
        for height in (-0.13, -0.075, -0.02):
            pen.ribbon(
                arc(((-0.075, height - 0.02), (0.0, height + 0.015), (0.075, height - 0.02))), weight, colour=line
            )


def paint_folds(pen: Pen, actions: Actions) -> None:
    """Draws what an expression does to the skin: warm cheeks, forehead lines, the frown and the smile lines."""
    who = pen.identity
    line = blend(who.skin, CREASE, share=0.25 + 0.25 * who.age)
    if actions.cheeks > 0.15:
        for side in (-1.0, 1.0):
            for grow, share in ((1.0, 0.12), (0.72, 0.22)):
                tint = blend(who.skin, (222, 84, 72), share=share * actions.cheeks)
                pen.ellipse((side * 0.40, 0.19), (0.15 * grow, 0.10 * grow), colour=tint)
    raised = min(actions.brow_inner, 0.4 + actions.brow_outer)
    if raised > 0.3:
        for height in (-0.50, -0.57):
            wave = arc(((-0.24, height), (0.0, height - 0.025), (0.24, height)))
            pen.ribbon(wave, 0.004 + 0.008 * raised * (0.4 + 0.6 * who.age), colour=line)
    if actions.brow_together > 0.25:
        for side in (-1.0, 1.0):
            crease = arc(((side * 0.035, -0.37), (side * 0.045, -0.31), (side * 0.03, -0.25)))
            pen.ribbon(crease, 0.012 * actions.brow_together, colour=line)
    depth = max(actions.cheeks, actions.upper_lip, 0.5 * who.age)
    if depth > 0.25:
        spread = 0.27 + 0.05 * actions.mouth_width
        for side in (-1.0, 1.0):
            fold = arc(
                ((side * 0.125, 0.14), (side * (spread - 0.03), 0.25), (side * spread, 0.40 - 0.04 * actions.corners))
            )
            pen.ribbon(fold, 0.003 + 0.009 * depth, colour=line)


def paint_mouth(pen: Pen, actions: Actions) -> None:
    """Draws the mouth: lips around an opening with its teeth and tongue, or closed lips."""
    who = pen.identity
    half = 0.235 * who.mouth_size * (1 + 0.38 * actions.mouth_width) * (1 - 0.08 * actions.press)
    corners = actions.corners + who.corner_rest
    tilt = 0.05 * actions.skew * _SPAN
    sneer = 0.085 * actions.upper_lip * np.exp(-(((_SPAN - 0.45 * actions.skew) / 0.5) ** 2))
    middle = MOUTH_LINE + 0.035 * corners - 0.02 * actions.upper_lip
    bend, power = (0.135, 2.0) if corners > 0 else (0.15, 1.7)
    line = middle - bend * corners * np.abs(_SPAN) ** power - tilt
    opening = _BULGE ** (0.85 - 0.6 * actions.mouth_square)
    smile = float(np.clip(corners, 0.0, 1.0))
    gape = 0.40 * max(actions.mouth_open - 0.04, 0.0)
    upper = line - (0.42 - 0.34 * smile) * gape * opening - sneer * _BULGE
    lower = line + (0.58 + 0.12 * smile) * gape * opening + 0.15 * sneer * _BULGE
    columns = half * _SPAN
    lip = blend(blend(who.skin, (110, 44, 40), share=0.28), (196, 58, 70), share=0.65 * who.lips)
    full = (0.030 - 0.017 * actions.press) * (0.25 + 0.75 * _BULGE)
    pen.polygon(
        _closed(columns, upper=upper - full * (1 + 0.25 * np.cos(5.5 * _SPAN)) / 1.25, lower=lower + 1.35 * full), lip
    )
    gap = float(np.max(lower - upper))
    if gap < 0.035:
        pen.ribbon(
            _curve(columns, (upper + lower) / 2), 0.011 + 0.008 * actions.press, colour=blend(lip, INK, share=0.75)
        )
    else:
        _paint_opening(pen, actions, columns=columns, upper=upper, lower=lower)
    if abs(corners) > 0.35:
        for end in (0, -1):
            dot = (float(columns[end]), float((upper[end] + lower[end]) / 2))
            pen.ellipse(dot, (0.016, 0.016), colour=blend(who.skin, INK, share=0.55))


def _paint_opening(pen: Pen, actions: Actions, *, columns: Points, upper: Points, lower: Points) -> None:
    height = lower - upper
    pen.polygon(_closed(columns, upper=upper, lower=lower), _MOUTH)
    if actions.mouth_square < 0.7 and float(height.max()) > 0.1:
        top = lower - 0.32 * height * _BULGE
        pen.polygon(_closed(columns, upper=top, lower=lower)[3:-3], _TONGUE)
    if actions.teeth > 0.1:
        bite = 0.25 + 0.2 * actions.teeth
        pen.polygon(_closed(columns * 0.94, upper=upper + 0.03 * height, lower=upper + bite * height), _WHITE)
        if actions.mouth_square > 0.5:
            pen.polygon(
                _closed(
                    columns * 0.88, upper=lower - (bite - 0.03) * actions.teeth * height, lower=lower - 0.04 * height
                ),
                _WHITE,
            )
    edge = blend(_MOUTH, INK, share=0.5)
    pen.ribbon(_curve(columns, upper), 0.008, colour=edge)
    pen.ribbon(_curve(columns, lower), 0.006, colour=edge)


def _curve(columns: Points, rows: Points) -> Points:
    """Points from their coordinates, shape (P, 2)."""
    return np.stack([columns, rows], axis=1)


def _closed(columns: Points, *, upper: Points, lower: Points) -> Points:
    """The outline between two curves over the same columns, shape (2 P, 2)."""
    return np.concatenate([_curve(columns, upper), _curve(columns, lower)[::-1]])
