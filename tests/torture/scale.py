"""Scoring in parts: killed again and again on one machine, and on a Ray cluster of which half is killed on the way.

The report must be that of a scoring in one piece, byte for byte: the same rows, none lost, none twice. Alone, with the
extra ``ray`` installed: ``python -m tests.torture --part scale [--quick]``. Where ``moto_server`` is on the path (``pip
install 'moto[server]>=5.2.5'``, in an environment of its own; 5.2.1 refuses what pyarrow uploads), batch, model and
report at s3:// URLs, too.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from labelaudit.faces import EXPRESSIONS, draw_dataset, write_dataset
from labelaudit.pipeline import audit
from labelaudit.records import Stage
from labelaudit.scale.settings import Engine, PartSettings
from labelaudit.scoring import score
from labelaudit.settings import AsmSettings, AuditSettings, NetSettings

from .row import Row
from .s3 import World, tried_on_s3

_PART_ROWS = 20


def run(*, seed: int, quick: bool, folder: Path) -> list[Row]:
    """Both, the cluster where Ray is installed."""
    world = _build_world(folder, faces=300 if quick else 1_500, seed=seed)
    rows = [_killed_here(world, folder / "here", times=3 if quick else 12, seed=seed), tried_on_s3(world, folder)]
    try:
        import ray  # noqa: F401
    except ImportError:
        return [*rows, Row("scale", "a Ray worker machine killed", 0, 0, 0.0, "needs the extra ray")]
    rounds = 1 if quick else 3
    rows += [_killed_on_ray(world, folder / f"ray-{number}", victim=number % 2) for number in range(rounds)]
    return rows


def _build_world(folder: Path, *, faces: int, seed: int) -> World:
    shares = dict.fromkeys(EXPRESSIONS, 1.0)
    write_dataset(draw_dataset(200, seed=seed + 3, class_shares=shares), folder / "trained")
    write_dataset(draw_dataset(faces, seed=seed + 5, class_shares=shares), folder / "batch")
    sad, happy = (sorted((folder / "batch" / name).iterdir()) for name in ("sad", "happy"))
    for number in range(5):
        (happy[0].parent / f"twin {number}.png").write_bytes(sad[number].read_bytes())
    (happy[0].parent / "broken.png").write_bytes(b"no picture")
    settings = AuditSettings(
        folds=2,
        device="cpu",
        cache_dir=folder / "cache",
        nets=NetSettings(backbone="gradients", weights="none"),
        asm=AsmSettings(epochs=4, warm_up=2, batch=32),
    )
    audit(folder / "trained", out=folder / "model", settings=settings)
    whole = score(folder / "batch", model=folder / "model", out=folder / "whole", cache_dir=folder / "cache")
    ids = pq.read_table(whole.report, columns=["sample_id"])["sample_id"].to_pylist()
    return World(folder / "model", folder / "batch", whole.report.read_bytes(), ids)


def _killed_here(world: World, out: Path, *, times: int, seed: int) -> Row:
    """SIGKILL at random moments, ``--resume`` after each; what was made must not be made again."""
    start, chance, kept = time.perf_counter(), random.Random(seed), 0
    arguments = ["score", str(world.batch), "--model", str(world.model), "--out", str(out)]
    command = [sys.executable, "-m", "labelaudit", *arguments, "--part-rows", str(_PART_ROWS), "--resume", "--quiet"]
    for number in range(times):
        cache = ["--cache-dir", str(out.with_name(f"cache-{number}"))]  # no earlier score to lean on
        with subprocess.Popen([*command, *cache]) as process:
            until = _parts_in(out) + chance.randrange(1, 5)
            while process.poll() is None and _parts_in(out) < until:
                time.sleep(0.02)
            time.sleep(chance.random() * 0.2)
            process.send_signal(signal.SIGKILL)
        kept = max(kept, _parts_in(out))
    end = subprocess.run([*command, "--cache-dir", str(out.with_name("cache-end"))], check=False)
    lost, note = _compared(world, out)
    seconds = time.perf_counter() - start
    return Row("scale", "kills of a scoring in parts", times, lost + (end.returncode != 0), seconds, note)


def _parts_in(out: Path) -> int:
    return len(list((out / "checkpoint").glob("part-*.parquet")))


@dataclass
class _Killer:
    """A ``Progress`` that kills a machine of a cluster, with all that runs there, once a part has been made."""

    cluster: Any
    machines: list[Any]
    victim: int
    killed: threading.Event = field(default_factory=threading.Event)
    done: list[int] = field(default_factory=list)

    def __call__(self, stage: Stage) -> None:
        if stage.name == "scores" and 0 < stage.done < stage.total:
            self.done.append(stage.done)
            if not self.killed.is_set():
                self.killed.set()
                self.cluster.remove_node(self.machines[self.victim], allow_graceful=False)


def _killed_on_ray(world: World, out: Path, *, victim: int) -> Row:
    start = time.perf_counter()
    with _cluster() as (cluster, machines):
        killer = _Killer(cluster, machines, victim)
        settings = PartSettings(rows=_PART_ROWS, engine=Engine.RAY)
        cache = out.with_name(f"{out.name}-cache")
        score(world.batch, model=world.model, out=out, cache_dir=cache, parts=settings, progress=killer)
    lost, note = _compared(world, out)
    if not killer.killed.is_set():
        lost, note = lost + 1, "no machine was killed: the batch is too short"
    note = note or f"killed after {killer.done[0]} of {len(world.ids)} rows; the report is the same, byte for byte"
    return Row("scale", "one of two Ray machines killed", 1, lost, time.perf_counter() - start, note)


@contextlib.contextmanager
def _cluster() -> Iterator[tuple[Any, list[Any]]]:
    """A head that does no work and two machines of two logical CPUs each, as processes here."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    memory = 150 << 20
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": memory})
    try:
        machines = [cluster.add_node(num_cpus=2, object_store_memory=memory) for _ in range(2)]
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster, machines
    finally:
        ray.shutdown()
        cluster.shutdown()


def _compared(world: World, out: Path) -> tuple[int, str]:
    """Rows that are lost, or there twice, or 1 where another byte differs; and what to say of it."""
    report = out / "report.parquet"
    if not report.is_file():
        return len(world.ids), "there is no report"
    ids = pq.read_table(report, columns=["sample_id"])["sample_id"].to_pylist()
    if ids != world.ids:
        missing, twice = len(set(world.ids) - set(ids)), len(ids) - len(set(ids))
        return max(missing + twice, 1), f"{missing} rows lost, {twice} twice"
    return (0, "") if report.read_bytes() == world.report else (1, "the report differs from that of one piece")
