"""Parts on a Ray cluster, through Ray Data: tasks read and decode, actors that hold the scorer judge and write.

A row of the pipeline is a part, so nothing splits one. Workers open the dataset themselves and read its pictures where
they are; the model travels once to each actor through Ray's object store. A worker or machine that dies takes with it
what it was working on: Ray makes these parts again, elsewhere, and a part that is written twice is there once.

Actors reserve logical CPUs, and where they have all of them, tasks that need one never start: the pipeline stands still
(on two cores with ``num_cpus=2``, or when a machine dies and its actors move to the others). So reading reserves none,
its number is bounded instead, and an actor without a GPU reserves half a CPU, so that half the machines can be lost.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from labelaudit._version import __version__
from labelaudit.errors import LabelAuditError, ReportError, SettingsError
from labelaudit.evidence.device import open_device
from labelaudit.evidence.model import Model
from labelaudit.evidence.scorer import Scorer
from labelaudit.records import Progress, Stage
from labelaudit.scale.judged import judge_part
from labelaudit.scale.part import rows_digest
from labelaudit.scale.reader import Reader, unpacked
from labelaudit.scale.shelf import Shelf
from labelaudit.source.interface import LabelSource
from labelaudit.source.origin import Origin

_LOCAL_CPUS = 4
"""Logical CPUs of a cluster on this machine, at least."""
_ACTOR_CPUS = 0.5
_RAISED = re.compile(r"[\w.]+(Error|Exception): ")


def build_parts_on_ray(
    source: LabelSource,
    origin: Origin,
    scorer: Scorer,
    shelf: Shelf,
    missing: Sequence[int],
    *,
    address: str | None,
    progress: Progress,
) -> int:
    """Makes parts on a cluster.

    Args:
        source: The batch as it is open here.
        origin: Where workers find it.
        scorer: The model.
        shelf: Where parts go: a folder that every machine reaches.
        missing: Numbers of the parts to make.
        address: Of a cluster; None = ``RAY_ADDRESS``, else one on this machine.
        progress: Told of faces scored.

    Returns:
        How many pictures were judged now.

    Raises:
        SettingsError: Ray is missing, or the cluster cannot be reached.
        LabelAuditError: What a worker raised.
    """
    plan = shelf.plan
    done = plan.rows - sum(len(plan.part(number)) for number in missing)
    progress(Stage("scores", done, plan.rows, "faces"))
    if not missing:
        return 0
    computed = 0
    with _cluster(address) as ray:
        items = [{"part": number, "digest": rows_digest(source, plan.part(number))} for number in missing]
        resources = ray.cluster_resources()
        cpus, gpus = max(int(resources.get("CPU", 1)), 1), int(resources.get("GPU", 0))
        actors = min(gpus or cpus, len(missing))
        readers = cpus if gpus else max(1, cpus // 2)
        judging = {"num_gpus": 1, "num_cpus": 0} if gpus else {"num_cpus": _ACTOR_CPUS}
        reader = Reader(_everywhere(origin), shelf, __version__)
        told = {"model": ray.put(scorer.model), "shelf": shelf, "device": "cuda" if gpus else "cpu"}
        rows = (
            ray.data.from_items(items, override_num_blocks=len(items))
            .map_batches(
                reader,
                batch_size=1,
                batch_format="pyarrow",
                num_cpus=0,
                compute=ray.data.TaskPoolStrategy(size=readers),
            )
            .map_batches(
                _Judge,
                batch_size=1,
                batch_format="pyarrow",
                fn_constructor_kwargs=told,
                compute=ray.data.ActorPoolStrategy(size=actors),
                **judging,
            )
        )
        with _one_line(ray):
            for row in rows.iter_rows():
                done += row["rows"]
                computed += row["computed"]
                progress(Stage("scores", done, plan.rows, "faces"))
    lost = shelf.missing()
    if lost:
        raise ReportError(
            f"{len(lost):,} parts were made and are not in {shelf.folder}: other machines have a folder of their own "
            "there; give --out a folder that all of them share"
        )
    return computed


class _Judge:
    """Holds the scorer; judges and writes parts."""

    def __init__(self, model: Any, shelf: Shelf, device: str) -> None:
        import ray

        held: Model = ray.get(model)
        self._scorer = Scorer(held, device=open_device(device))
        self._shelf = shelf

    def __call__(self, batch: pa.Table) -> pa.Table:
        number, decoded = unpacked(batch)
        part, computed = judge_part(self._scorer, decoded)
        self._shelf.write_part(number, part)
        return pa.table({"rows": [part.num_rows], "computed": [computed]})


def _everywhere(origin: Origin) -> Origin:
    """An origin whose paths do not depend on a process's working directory."""
    root = origin.options.root
    here = Path(origin.dataset)
    dataset = str(here.absolute()) if here.exists() else origin.dataset
    return Origin(dataset, replace(origin.options, root=None if root is None else root.absolute()))


@contextlib.contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    """Ray, connected; a connection that was there stays."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # faces are scored here, and nobody is told of it
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise SettingsError("--engine ray needs Ray: pip install 'labelaudit[ray]'") from error
    mine = not ray.is_initialized()
    if mine:
        address = address or os.environ.get("RAY_ADDRESS")
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        here = {"num_cpus": max(os.cpu_count() or 1, _LOCAL_CPUS), "include_dashboard": False}
        try:
            ray.init(address=address, **quiet) if address else ray.init(**here, **quiet)
        except Exception as error:  # whatever the network says
            where = "on this machine" if address is None else f"at {address}"
            raise SettingsError(f"no Ray cluster {where} ({_first_line(error)}); is it running?") from error
    context = ray.data.DataContext.get_current()
    shown, context.enable_progress_bars = context.enable_progress_bars, False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what it says comes back as one line
    try:
        yield ray
    finally:
        context.enable_progress_bars = shown
        if mine:
            ray.shutdown()


@contextlib.contextmanager
def _one_line(ray: Any) -> Iterator[None]:
    """What a worker raised, as it raised it; anything else in one line."""
    try:
        yield
    except ray.exceptions.RayError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, LabelAuditError):
            cause = getattr(cause, "cause", None) or cause.__cause__
        if cause is not None:
            raise type(cause)(str(cause)) from error
        raise ReportError(f"scoring on Ray ended ({_first_line(error)}); go on with --resume") from error


def _first_line(error: BaseException) -> str:
    """The line of a traceback that names what was raised."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    raised = [line for line in lines if _RAISED.match(line)]
    return (raised or lines or [type(error).__name__])[0][:200]
