"""Pictures that a model was trained on, known again in a batch: by the bytes of the file, or by what they show.

A model keeps no training picture. Of each it keeps the first half of its content's SHA-256 and a code of 256 bits,

    bit_b = [ thumbnail . direction_b > offset_b ]        (random projections: Charikar, STOC 2002)

with the 24 x 24 grey thumbnail at mean 0 and length 1, so that brightness and contrast fall out. The directions are
random mixtures of the training thumbnails' 128 strongest principal components, half whitened, because all faces look
alike in the strongest; the offsets are medians, so every bit halves the training set. Pictures that differ in at most
``MOST_BITS`` bits, plainly or mirrored, are taken for the same one.

Of 20,555 real 48 x 48 faces held against 8,000 others, 812 were taken for one of these. 732 of them are among the 778
that comparing thumbnails cell by cell (``pixels/duplicates``) joins; of the other 80, 40 were looked at, and all were
the same photograph, shifted a little or under another watermark. Copies made by JPEG or WebP at quality 50, scaling by
a quarter or a third, gamma 0.8, 20 grey values, 1.3 times the contrast or mirroring were known in 99.7 of 100
cases or more; of crops shifted by a whole pixel of 48 one in nine.

What the audit said of a training picture comes along, too. It did not rest on the picture's label; what the finished
model would say does. So a picture that is known again is judged by what the audit said of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelaudit.labels import NO_CLASS
from labelaudit.pixels.measures import THUMBNAIL_SIDE, grey_of, thumbnails
from labelaudit.pixels.store import PixelStore
from labelaudit.records import Evidence, FloatArray, IntArray, SampleTable

MOST_BITS = 24
"""In which the codes of one picture's copies may differ."""
UNKNOWN = -1
"""Of a picture that is not among those the model was trained on."""
NO_SPLIT = -1

_BITS = 256
_DIGEST_BYTES = 16
_COMPONENTS = 128
_FIT_ROWS = 20_000
_MIN_CONTRAST = 4.0
"""Thumbnails that deviate by less, in grey values, show nothing to be known by."""
_BLOCK = 2_048
_SMALL = 1e-6


@dataclass(frozen=True)
class PictureCode:
    """From thumbnails to codes.

    Attributes:
        directions: (T * T, 256).
        offset: (256,).
    """

    directions: FloatArray
    offset: FloatArray

    def signs(self, small: NDArray[np.uint8]) -> FloatArray:
        """Codes of thumbnails (N, T, T) as +1 and -1, (N, 256)."""
        return np.where(_unit_length(small) @ self.directions > self.offset, np.float32(1.0), np.float32(-1.0))


@dataclass(frozen=True)
class KnownPictures:
    """The n readable pictures that a model was trained on or that stood beside them.

    Attributes:
        digest: First half of each content's SHA-256, (n, 16).
        bits: Codes, packed, (n, 32).
        code: How they were made.
        given: Their given labels in [0, K), ``NO_CLASS`` where there was none, (n,).
        split: Their splits by number, ``NO_SPLIT`` where there was none, (n,).
        splits: The splits' names.
        peer1, peer2, ridge: What the audit's judges said of them, (n, K); NaN where they were not audited.
        outlier: Their outlier scores, (n,); NaN likewise.
    """

    digest: NDArray[np.uint8]
    bits: NDArray[np.uint8]
    code: PictureCode
    given: IntArray
    split: IntArray
    splits: tuple[str, ...]
    peer1: FloatArray
    peer2: FloatArray
    ridge: FloatArray
    outlier: FloatArray

    def __post_init__(self) -> None:
        columns = (self.digest, self.bits, self.given, self.split, self.peer1, self.peer2, self.ridge, self.outlier)
        lengths = sorted({each.shape[0] for each in columns})
        if len(lengths) != 1:
            raise ValueError(f"columns of known pictures differ in length: {lengths}")
        shapes = (self.digest.shape[1:], self.bits.shape[1:], self.code.directions.shape, self.code.offset.shape)
        kinds = {each.dtype.kind for each in (self.digest, self.bits, self.given, self.split)}
        if self.digest.dtype != np.uint8 or self.bits.dtype != np.uint8 or kinds != {"u", "i"}:
            raise ValueError("known pictures have codes that are no bytes, or labels that are no whole numbers")
        if shapes != ((_DIGEST_BYTES,), (_BITS // 8,), (THUMBNAIL_SIDE**2, _BITS), (_BITS,)):
            raise ValueError(f"known pictures have codes of shapes {shapes}")
        if not self.peer1.shape == self.peer2.shape == self.ridge.shape == (lengths[0], *self.peer1.shape[1:]):
            raise ValueError("what was said of known pictures differs in shape")


@dataclass(frozen=True)
class Matches:
    """Which of a batch's N pictures are known.

    Attributes:
        known: Number of the known picture that each shows, ``UNKNOWN`` where none, (N,).
        exact: True where the bytes are equal, (N,).
    """

    known: NDArray[np.int64]
    exact: NDArray[np.bool_]


def remember(store: PixelStore, table: SampleTable, evidence: Evidence, *, seed: int) -> KnownPictures:
    """What a model keeps of the dataset it was trained on.

    Args:
        store: Pixels of the N rows.
        table: Their labels and splits.
        evidence: What was said of them.
        seed: Draws the codes' directions.
    """
    rows = np.flatnonzero(store.facts.readable)
    small = small_pictures(store.pixels, rows)
    code = _fit_code(small, seed=seed)
    bits = [np.packbits(code.signs(small[part]) > 0, axis=1) for part in _blocks(len(rows))]
    splits = tuple(sorted({split for split in table.split if split is not None}))
    number = {name: position for position, name in enumerate(splits)}
    assert evidence.ridge is not None
    assert evidence.outlier_score is not None
    return KnownPictures(
        digest=_digests([store.facts.content_sha256[row] for row in rows.tolist()]),
        bits=np.concatenate(bits) if bits else np.empty((0, _BITS // 8), dtype=np.uint8),
        code=code,
        given=table.given[rows],
        split=np.array([number.get(table.split[row] or "", NO_SPLIT) for row in rows.tolist()], dtype=np.int32),
        splits=splits,
        peer1=evidence.peer1[rows],
        peer2=evidence.peer2[rows],
        ridge=evidence.ridge[rows],
        outlier=evidence.outlier_score[rows],
    )


def recognise(known: KnownPictures, store: PixelStore) -> Matches:
    """Finds the pictures of a batch that a model was trained on.

    Args:
        known: What the model keeps.
        store: The batch.
    """
    rows = np.flatnonzero(store.facts.readable)
    found = np.full(len(store), UNKNOWN, dtype=np.int64)
    by_digest = {digest.tobytes(): place for place, digest in reversed(list(enumerate(known.digest)))}
    digests = _digests([store.facts.content_sha256[row] for row in rows.tolist()])
    found[rows] = [by_digest.get(digest.tobytes(), UNKNOWN) for digest in digests]
    exact = found != UNKNOWN
    others = rows[~exact[rows]]
    for part in _blocks(len(others)):
        found[others[part]] = _nearest(known, small_pictures(store.pixels, others[part]))
    return Matches(found, exact)


def labels_since(known: KnownPictures, matches: Matches, given: IntArray) -> NDArray[np.bool_]:
    """True where a known picture has a label now that it had under no file of the same bytes then, (N,).

    Args:
        known: What the model keeps.
        matches: Of the batch.
        given: Labels of the batch's rows in [0, K), ``NO_CLASS`` where there is none, (N,).
    """
    before: dict[bytes, set[int]] = {}
    for digest, label in zip(known.digest, known.given.tolist(), strict=True):
        before.setdefault(digest.tobytes(), set()).add(label)
    changed = np.zeros(len(given), dtype=bool)
    for row in np.flatnonzero((matches.known != UNKNOWN) & (given != NO_CLASS)).tolist():
        labels = before[known.digest[matches.known[row]].tobytes()] - {NO_CLASS}
        changed[row] = bool(labels) and int(given[row]) not in labels
    return changed


def small_pictures(pixels: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Grey thumbnails (n, T, T) of some rows of pixels (N, s, s, 3), read in blocks."""
    parts = [thumbnails(grey_of(pixels[rows[part]])) for part in _blocks(len(rows))]
    return np.concatenate(parts) if parts else np.zeros((0, THUMBNAIL_SIDE, THUMBNAIL_SIDE), dtype=np.uint8)


def _nearest(known: KnownPictures, small: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The known picture with the nearest code, ``UNKNOWN`` where that is too far, (n,)."""
    found = np.full(len(small), UNKNOWN, dtype=np.int64)
    least = np.full(len(small), _BITS - 2 * MOST_BITS - 1, dtype=np.float32)  # agreements less disagreements
    shown = np.flatnonzero(small.std(axis=(1, 2)) >= _MIN_CONTRAST)
    plain, mirrored = known.code.signs(small[shown]), known.code.signs(small[shown][:, :, ::-1])
    for part in _blocks(len(known.bits)):
        theirs = np.unpackbits(known.bits[part], axis=1).astype(np.float32) * 2.0 - 1.0  # (b, 256)
        for mine in (plain, mirrored):
            agree = mine @ theirs.T
            best = agree.argmax(axis=1)
            value = agree[np.arange(len(best)), best]
            nearer = value > least[shown]
            found[shown[nearer]] = part.start + best[nearer]
            least[shown[nearer]] = value[nearer]
    return found


def _fit_code(small: NDArray[np.uint8], *, seed: int) -> PictureCode:
    generator = np.random.default_rng(seed)
    some = small[np.sort(generator.permutation(len(small))[:_FIT_ROWS])]
    shown = some[some.std(axis=(1, 2)) >= _MIN_CONTRAST]
    unit = _unit_length(shown if len(shown) else some)
    centred = unit - unit.mean(axis=0)
    spread, components = np.linalg.eigh(centred.T @ centred / len(unit))
    kept = np.argsort(-spread)[: min(_COMPONENTS, max(len(unit) - 1, 1))]
    whitened = components[:, kept] * np.maximum(spread[kept], _SMALL * max(spread.max(), _SMALL)) ** -0.25
    directions = whitened @ generator.standard_normal((len(kept), _BITS))
    directions = (directions / np.linalg.norm(directions, axis=0)).astype(np.float32)
    return PictureCode(directions, np.median(unit @ directions, axis=0).astype(np.float32))


def _unit_length(small: NDArray[np.uint8]) -> FloatArray:
    """Thumbnails as vectors of mean 0 and length 1, (N, T * T)."""
    flat = small.reshape(len(small), THUMBNAIL_SIDE * THUMBNAIL_SIDE).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, _SMALL), dtype=np.float32)


def _digests(hexadecimal: Sequence[str | None]) -> NDArray[np.uint8]:
    """The first bytes of hex digests, (n, 16)."""
    content = b"".join(bytes.fromhex(each or "")[:_DIGEST_BYTES].ljust(_DIGEST_BYTES, b"\0") for each in hexadecimal)
    return np.array(np.frombuffer(content, dtype=np.uint8).reshape(-1, _DIGEST_BYTES))


def _blocks(count: int) -> list[slice]:
    return [slice(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK)]
