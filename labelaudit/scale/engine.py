"""What makes parts: this machine, or a Ray cluster. Both make the same ones, and go on where an earlier run ended."""

from __future__ import annotations

from pathlib import Path

from labelaudit.errors import SettingsError
from labelaudit.evidence.scorer import Scorer
from labelaudit.pixels.build import stored_side
from labelaudit.records import Progress
from labelaudit.scale.local import build_parts
from labelaudit.scale.part import PartPlan
from labelaudit.scale.settings import Engine, PartSettings
from labelaudit.scale.shelf import Shelf
from labelaudit.source.interface import LabelSource
from labelaudit.source.origin import Origin


def score_parts(
    source: LabelSource,
    scorer: Scorer,
    folder: Path,
    settings: PartSettings,
    *,
    fingerprint: str,
    origin: Origin | None,
    workers: int | None,
    cache_dir: Path,
    progress: Progress,
) -> tuple[Shelf, int]:
    """Makes the parts that are missing.

    Args:
        source: The batch.
        scorer: The model.
        folder: Where parts lie.
        settings: How.
        fingerprint: Hex digest of the batch.
        origin: Where workers find it.
        workers: Threads that decode; None = one a core.
        cache_dir: Where what the model said before is kept; on Ray nothing is.
        progress: Told of faces scored.

    Returns:
        All parts, and how many pictures were judged now.

    Raises:
        LabelAuditError: A part cannot be made; the others stay.
    """
    plan = PartPlan.make(
        rows=len(source.table),
        part_rows=settings.rows,
        side=stored_side(source, size=scorer.size),
        fingerprint=fingerprint,
        model=scorer.model.sha256,
    )
    shelf = Shelf(folder.absolute(), plan)
    missing = shelf.missing()
    shelf.folder.mkdir(parents=True, exist_ok=True)
    if settings.engine is Engine.LOCAL:
        computed = build_parts(source, scorer, shelf, missing, cache_dir=cache_dir, workers=workers, progress=progress)
        return shelf, computed
    from labelaudit.scale.on_ray import build_parts_on_ray

    if origin is None:
        raise SettingsError("Ray's workers open the batch themselves; give its path or URL, not data in memory")
    computed = build_parts_on_ray(
        source, origin, scorer, shelf, missing, address=settings.ray_address, progress=progress
    )
    return shelf, computed
