"""A decoded part -> what a model says of it, as columns of a part's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelaudit.evidence.scorer import Scorer
from labelaudit.pixels.store import PixelStore
from labelaudit.records import FloatArray, PixelFacts
from labelaudit.scale.part import scored_schema


def judge_part(scorer: Scorer, decoded: pa.Table, *, cache_dir: Path | None = None) -> tuple[pa.Table, int]:
    """Judges a part.

    Args:
        scorer: The model.
        decoded: Of ``decoded_schema``.
        cache_dir: Where what the model said of pictures before is kept; None = judge all anew.

    Returns:
        A table of ``scored_schema``, and how many pictures were judged now.
    """
    judged = scorer.judge(store_of(decoded), cache_dir=cache_dir)
    kept = decoded.drop_columns(["pixels"])
    columns = [
        *kept.columns,
        *(_vectors(each) for each in (judged.peer1, judged.peer2, judged.ridge)),
        pa.array(judged.outlier, pa.float32()),
        pa.array(judged.matches.known, pa.int64()),
        pa.array(judged.matches.exact),
        pa.array(judged.fresh),
    ]
    return pa.Table.from_arrays(columns, schema=scored_schema(len(scorer.classes))), judged.computed


def store_of(decoded: pa.Table) -> PixelStore:
    """A decoded part as a store in memory, in which no duplicates were looked for."""
    count = decoded.num_rows
    column = decoded["pixels"].combine_chunks()
    side = round((column.type.byte_width // 3) ** 0.5)
    flat = np.frombuffer(column.buffers()[1], dtype=np.uint8)[column.offset * column.type.byte_width :]
    pixels = flat[: count * column.type.byte_width].reshape(count, side, side, 3)
    none = np.full(count, -1, dtype=np.int32)
    facts = facts_of(decoded, group=none, conflict=np.zeros(count, dtype=bool))
    return PixelStore(pixels, facts, none, key="", folder=Path(), reused=False, note=None)


def facts_of(part: pa.Table, *, group: NDArray[np.int32], conflict: NDArray[np.bool_]) -> PixelFacts:
    """What decoding found out about the n rows of a part, with what was found out about duplicates."""
    return PixelFacts(
        error=part["error"].to_pylist(),
        content_sha256=part["content_sha256"].to_pylist(),
        width=part["width"].to_numpy(),
        height=part["height"].to_numpy(),
        sharpness=part["sharpness"].to_numpy(),
        brightness=part["brightness"].to_numpy(),
        duplicate_group=group,
        conflict=conflict,
    )


def posterior_of(part: pa.Table, name: str) -> FloatArray:
    """A column of posteriors, (n, K), NaN where there is none."""
    column = part[name].combine_chunks()
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False), dtype=np.float32).reshape(len(part), -1)


def _vectors(rows: FloatArray) -> pa.FixedSizeListArray:
    """Rows (n, K) as they are: NaN stays NaN, and no row is null."""
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel(), pa.float32()), rows.shape[1])
