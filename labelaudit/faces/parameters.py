"""What decides how a face looks apart from its expression: who it is, and how it was photographed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from labelaudit.faces.expressions import Actions

Colour = tuple[int, int, int]

SKINS: tuple[Colour, ...] = (
    (250, 224, 205), (244, 206, 178), (236, 188, 152), (222, 168, 128), (202, 145, 104),
    (178, 120, 82), (150, 98, 66), (122, 78, 54), (98, 62, 46),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = (
    (28, 24, 26), (52, 36, 30), (86, 56, 38), (122, 72, 44), (158, 84, 48),
    (206, 160, 92), (228, 198, 142), (150, 150, 154), (214, 212, 210),
)  # fmt: skip
IRISES: tuple[Colour, ...] = ((62, 42, 30), (92, 62, 38), (70, 100, 74), (66, 108, 150), (104, 120, 132))
CLOTHES: tuple[Colour, ...] = ((188, 74, 60), (58, 92, 140), (70, 120, 96), (226, 178, 74), (92, 78, 120), (72, 76, 84))
BACKGROUNDS: tuple[Colour, ...] = (
    (206, 224, 232), (232, 220, 204), (214, 226, 208), (236, 208, 202), (218, 212, 230),
    (150, 166, 182), (104, 116, 132), (246, 240, 228), (176, 152, 134), (128, 150, 142),
)  # fmt: skip


class HairStyle(StrEnum):
    """How the hair falls."""

    BALD = "bald"
    SHORT = "short"
    PARTED = "parted"
    FRINGE = "fringe"
    CURLY = "curly"
    LONG = "long"
    BUN = "bun"


class Beard(StrEnum):
    """What grows on the lower face."""

    NONE = "none"
    MOUSTACHE = "moustache"
    STUBBLE = "stubble"
    FULL = "full"


class Glasses(StrEnum):
    """What frames the eyes."""

    NONE = "none"
    ROUND = "round"
    SQUARE = "square"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who it is. Lengths are shares of half the picture's side; factors are 1 for the average face.

    Attributes:
        head_width, head_height: Half axes of the head.
        jaw: How much narrower the chin is than the temples, in [0, 0.5].
        eye_distance: From the middle of the face to the middle of an eye.
        eye_size, nose_size, mouth_size, brow_weight: Factors.
        brow_rest: Height of the brows at rest, up is positive.
        corner_rest: Corners of the mouth at rest, in the units of ``Actions.corners``.
        age: In [0, 1]; draws lines where expressions fold the skin.
        skin, hair, iris, clothes: Colours.
        lips: How red the lips are, in [0, 1].
        hair_style, beard, glasses: Shapes.
    """

    head_width: float
    head_height: float
    jaw: float
    eye_distance: float
    eye_size: float
    nose_size: float
    mouth_size: float
    brow_weight: float
    brow_rest: float
    corner_rest: float
    age: float
    skin: Colour
    hair: Colour
    iris: Colour
    clothes: Colour
    lips: float
    hair_style: HairStyle
    beard: Beard
    glasses: Glasses


@dataclass(frozen=True, slots=True)
class Photo:
    """How the picture was taken.

    Attributes:
        roll: Turn in the plane of the picture, in radians.
        yaw, pitch: Sine of the turn to the side and downwards; features move, the outline stays.
        scale: Factor of the whole face.
        shift: (x, y) of the face's middle, in shares of half the side.
        gaze: (x, y) of the pupils in the eyes, in [-1, 1].
        light: (x, y) direction that light comes from; its length is its strength, 0 = flat.
        exposure, contrast: Factors.
        blur: Radius of a Gaussian, in pixels at 48 px; larger pictures are blurred in proportion.
        noise: Standard deviation of sensor noise, in grey levels of 255.
        noise_seed: Seed of that noise.
        grey: Without colour.
        background: Colour behind the head.
        backdrop: (x, y, radius) of a lighter disc on the background; radius 0 = none.
    """

    roll: float
    yaw: float
    pitch: float
    scale: float
    shift: tuple[float, float]
    gaze: tuple[float, float]
    light: tuple[float, float]
    exposure: float
    contrast: float
    blur: float
    noise: float
    noise_seed: int
    grey: bool
    background: Colour
    backdrop: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class FaceParameters:
    """Everything that ``draw_face`` needs: equal parameters give equal pictures."""

    actions: Actions
    identity: Identity
    photo: Photo


def draw_identity(rng: np.random.Generator) -> Identity:
    """Invents a person."""
    bearded = rng.random() < 0.28
    tone = int(rng.integers(len(SKINS)))
    # Dark hair and eyes go with every skin; fair ones become rare as it gets darker, grey hair never does.
    shades = [*HAIRS[: max(3, 7 - tone)], *HAIRS[7:]]
    return Identity(
        head_width=float(rng.uniform(0.61, 0.71)),
        head_height=float(rng.uniform(0.76, 0.86)),
        jaw=float(rng.uniform(0.05, 0.36)),
        eye_distance=float(rng.uniform(0.25, 0.31)),
        eye_size=float(rng.uniform(0.88, 1.2)),
        nose_size=float(rng.uniform(0.8, 1.25)),
        mouth_size=float(rng.uniform(0.88, 1.15)),
        brow_weight=float(rng.uniform(0.75, 1.4)),
        brow_rest=float(rng.normal(0.0, 0.02)),
        corner_rest=float(rng.normal(0.0, 0.12)),
        age=float(rng.beta(1.2, 2.5)),
        skin=_shade(SKINS[tone], rng, spread=6),
        hair=_shade(_pick(rng, shades), rng, spread=8),
        iris=_shade(_pick(rng, IRISES[: max(2, 6 - tone)]), rng, spread=8),
        clothes=_shade(_pick(rng, CLOTHES), rng, spread=12),
        lips=float(rng.uniform(0.25, 0.5) if bearded else rng.uniform(0.3, 0.85)),
        hair_style=HairStyle(rng.choice(list(HairStyle), p=(0.07, 0.21, 0.18, 0.14, 0.14, 0.16, 0.1))),
        beard=Beard(rng.choice((Beard.MOUSTACHE, Beard.STUBBLE, Beard.FULL))) if bearded else Beard.NONE,
        glasses=Glasses(rng.choice(list(Glasses), p=(0.8, 0.11, 0.09))),
    )


def draw_photo(rng: np.random.Generator) -> Photo:
    """Invents the circumstances of a picture."""
    angle, strength = rng.uniform(0.0, 2 * np.pi), rng.uniform(0.0, 0.28)
    return Photo(
        roll=float(np.clip(rng.normal(0.0, 0.11), -0.4, 0.4)),
        yaw=float(np.clip(rng.normal(0.0, 0.3), -0.7, 0.7)),
        pitch=float(np.clip(rng.normal(0.0, 0.18), -0.45, 0.45)),
        scale=float(rng.uniform(0.98, 1.18)),
        shift=(float(rng.normal(0.0, 0.04)), float(rng.normal(0.0, 0.04))),
        gaze=(float(np.clip(rng.normal(0.0, 0.3), -0.8, 0.8)), float(np.clip(rng.normal(0.0, 0.15), -0.5, 0.5))),
        light=(float(strength * np.cos(angle)), float(strength * np.sin(angle))),
        exposure=float(rng.uniform(0.82, 1.05)),
        contrast=float(rng.uniform(0.8, 1.1)),
        blur=float(rng.uniform(0.0, 0.6)),
        noise=float(rng.uniform(0.0, 6.0)),
        noise_seed=int(rng.integers(2**31)),
        grey=bool(rng.random() < 0.2),
        background=_shade(_pick(rng, BACKGROUNDS), rng, spread=10),
        backdrop=(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1)), float(max(0.0, rng.uniform(-0.4, 1.2)))),
    )


def _pick(rng: np.random.Generator, colours: Sequence[Colour]) -> Colour:
    return colours[int(rng.integers(len(colours)))]


def _shade(colour: Colour, rng: np.random.Generator, *, spread: int) -> Colour:
    red, green, blue = (
        int(value) for value in np.clip(np.array(colour) + rng.integers(-spread, spread + 1, 3), 0, 255)
    )
    return red, green, blue
