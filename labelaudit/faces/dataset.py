"""A dataset of drawn faces, like the field's own: unbalanced, with blends and wrong labels. Here they are known."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from labelaudit.errors import RunFolderError
from labelaudit.faces.draw import draw_face
from labelaudit.faces.expressions import CONFUSIONS, EXPRESSIONS, NEUTRAL, Actions, draw_apex, jitter, mix
from labelaudit.faces.parameters import FaceParameters, draw_identity, draw_photo
from labelaudit.rundir import written_aside

CLASS_SHARES: Mapping[str, float] = {
    "happy": 0.27,
    "neutral": 0.20,
    "sad": 0.15,
    "surprise": 0.13,
    "angry": 0.11,
    "fear": 0.08,
    "disgust": 0.06,
}
"""Unbalanced as in FER2013 and RAF-DB: happy is common, disgust and fear are rare."""


class LabelTruth(StrEnum):
    """What is true of a drawn face's given label."""

    CLEAN = "clean"
    AMBIGUOUS = "ambiguous"
    """The face is a blend of two expressions and the label names one of them."""
    MISLABELLED = "mislabelled"


@dataclass(frozen=True)
class DrawnFaces:
    """Drawn faces and everything that is true of them, as columns of length N.

    Attributes:
        images: RGB, shape (N, S, S, 3).
        given: The label that the dataset gives.
        true: The expression that was drawn; of a blend the stronger one.
        second: The weaker expression of a blend; None elsewhere.
        kind: What is true of the given label.
    """

    images: NDArray[np.uint8]
    given: list[str]
    true: list[str]
    second: list[str | None]
    kind: list[LabelTruth]

    def __len__(self) -> int:
        return len(self.given)

    def path(self, row: int) -> str:
        """Where ``write_dataset`` puts a face, relative to the dataset's folder: ``happy/face_00012.png``."""
        return f"{self.given[row]}/face_{row:05d}.png"


def draw_dataset(
    count: int,
    *,
    seed: int,
    size: int = 48,
    wrong_share: float = 0.12,
    ambiguous_share: float = 0.15,
    class_shares: Mapping[str, float] | None = None,
) -> DrawnFaces:
    """Draws a dataset. The same arguments give the same dataset.

    Args:
        count: Faces, at least 1.
        seed: Seed of everything random.
        size: Side of each picture in pixels.
        wrong_share: Share of clear faces given another class's label, mostly one that people confuse with it.
        ambiguous_share: Share of blends of two expressions, labelled as either.
        class_shares: Share of each expression drawn; need not sum to 1. None = ``CLASS_SHARES``.

    Raises:
        ValueError: A share is out of range, or names no expression.
    """
    if count < 1 or min(wrong_share, ambiguous_share) < 0 or wrong_share + ambiguous_share > 1:
        raise ValueError("count must be at least 1, and the shares at least 0 and together at most 1")
    order_seed, *face_seeds = np.random.SeedSequence(seed).spawn(count + 1)
    order = np.random.default_rng(order_seed)
    true = _spread_classes(count, CLASS_SHARES if class_shares is None else class_shares, rng=order)
    wrong, ambiguous = round(wrong_share * count), round(ambiguous_share * count)
    ordered = [LabelTruth.MISLABELLED] * wrong + [LabelTruth.AMBIGUOUS] * ambiguous
    ordered += [LabelTruth.CLEAN] * (count - len(ordered))
    kind = [ordered[position] for position in order.permutation(count)]
    images = np.empty((count, size, size, 3), dtype=np.uint8)
    given: list[str] = []
    second: list[str | None] = []
    for row, face_seed in enumerate(face_seeds):
        rng = np.random.default_rng(face_seed)
        other = _confused(true[row], rng)
        if kind[row] is LabelTruth.AMBIGUOUS:
            share = float(rng.uniform(0.38, 0.5))
            actions = mix(draw_apex(true[row], rng), draw_apex(other, rng), share=share)
            actions = mix(NEUTRAL, actions, share=float(rng.uniform(0.75, 1.0)))
            given.append(other if rng.random() < share else true[row])
        else:
            actions = mix(NEUTRAL, draw_apex(true[row], rng), share=_draw_intensity(rng))
            given.append(other if kind[row] is LabelTruth.MISLABELLED else true[row])
        second.append(other if kind[row] is LabelTruth.AMBIGUOUS else None)
        images[row] = draw_face(_parameters(actions, rng), size=size)
    return DrawnFaces(images, given, true, second, kind)


def write_dataset(drawn: DrawnFaces, folder: Path, *, replace: bool = False) -> Path:
    """Writes class-per-folder PNGs under their given labels, and the truth beside the folder.

    The truth stands outside the folder, so that reading the folder as a dataset cannot meet it.

    Args:
        drawn: The faces.
        folder: The dataset to be: ``folder/happy/face_00012.png``.
        replace: Replace a folder that an earlier call wrote.

    Returns:
        Path of the truth: ``<folder>_truth.csv`` with path, given_label, true_label, second_label and kind.

    Raises:
        RunFolderError: The folder holds something else, or something at all without ``replace``, or cannot be written.
    """
    truth = _truth_of(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not replace:
            raise RunFolderError(f"{folder} exists already; name another folder")
        if not truth.is_file():
            raise RunFolderError(f"{folder} was not drawn by labelaudit; name another folder")
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)  # of a process that was killed
    try:
        for label in sorted(set(drawn.given)):
            (aside / label).mkdir(parents=True)
        for row in range(len(drawn)):
            Image.fromarray(drawn.images[row]).save(aside / drawn.path(row), compress_level=1)
        if folder.exists():
            folder.rename(old)
        with written_aside(truth) as part:  # before its folder: what is there is whole, and this is the truth of it
            part.write_text(_truth(drawn), encoding="utf-8", newline="")
        aside.rename(folder)
    except OSError as error:
        raise RunFolderError(f"cannot write to {folder}: {error.strerror}; name another folder") from error
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        for each in (aside, old):
            shutil.rmtree(each, ignore_errors=True)
    return truth


def is_written(drawn: DrawnFaces, folder: Path) -> bool:
    """Whether ``write_dataset`` has written these faces, and no others, to a folder."""
    truth = _truth_of(folder)
    return folder.is_dir() and truth.is_file() and truth.read_bytes() == _truth(drawn).encode()


def _truth_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}_truth.csv")


def _truth(drawn: DrawnFaces) -> str:
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(("path", "given_label", "true_label", "second_label", "kind"))
    paths = (drawn.path(row) for row in range(len(drawn)))
    rows.writerows(zip(paths, drawn.given, drawn.true, drawn.second, drawn.kind, strict=True))
    return text.getvalue()


def _parameters(actions: Actions, rng: np.random.Generator) -> FaceParameters:
    return FaceParameters(jitter(actions, rng), draw_identity(rng), draw_photo(rng))


def _draw_intensity(rng: np.random.Generator) -> float:
    """How strong a clear expression is, in [0.5, 1]: mostly strong, sometimes restrained."""
    return float(0.5 + 0.5 * rng.beta(2.0, 1.2))


def _confused(expression: str, rng: np.random.Generator) -> str:
    """Another class for an expression: nine times in ten one that people confuse with it, else any."""
    others: Sequence[str] = [name for name in EXPRESSIONS if name != expression]
    likely = np.array([CONFUSIONS[expression].get(name, 0.0) for name in others])
    return others[int(rng.choice(len(others), p=0.9 * likely / likely.sum() + 0.1 / len(others)))]


def _spread_classes(count: int, shares: Mapping[str, float], *, rng: np.random.Generator) -> list[str]:
    """Classes in a random order; counts follow the shares, the largest remainders rounded up."""
    unknown = sorted(set(shares) - set(EXPRESSIONS))
    total = sum(shares.values())
    if unknown or total <= 0 or min(shares.values()) < 0:
        raise ValueError(f"class shares must be positive and name {', '.join(EXPRESSIONS)}; got {dict(shares)}")
    names = list(shares)
    exact = np.array([shares[name] for name in names]) / total * count
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: count - counts.sum()]] += 1
    classes = np.repeat(names, counts)
    rng.shuffle(classes)
    return [str(name) for name in classes]
