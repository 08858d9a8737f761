"""A bench from beginning to end: truth, plan, folder, the work, and tables and figures over it."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelaudit._version import __version__
from labelaudit.bench.figures import save_figures
from labelaudit.bench.folder import BenchDir, opened_bench
from labelaudit.bench.methods import Method
from labelaudit.bench.summary import BenchSummary, summarise_task
from labelaudit.bench.tables import write_tables
from labelaudit.bench.tasks import parse_task
from labelaudit.bench.truth import Truth, open_truth
from labelaudit.bench.work import Work
from labelaudit.errors import SettingsError
from labelaudit.evidence.plan import Plan, make_plan
from labelaudit.records import Progress, no_progress
from labelaudit.rundir import cache_folder
from labelaudit.settings import AuditSettings
from labelaudit.source.fingerprint import dataset_fingerprint, dataset_name
from labelaudit.source.options import SourceOptions

SEEDS = (0, 1, 2)
TEST_SHARE = 0.2


@dataclass(frozen=True)
class BenchResult:
    """A finished bench.

    Attributes:
        folder: Its files.
        summary: Means and spreads.
    """

    folder: BenchDir
    summary: BenchSummary


def run_bench(
    data: Any,
    *,
    out: Path | str,
    tasks: Sequence[str] = (),
    methods: Sequence[str] = (),
    seeds: Sequence[int] = SEEDS,
    limit: int | None = None,
    test_share: float = TEST_SHARE,
    truth_column: str | None = None,
    settings: AuditSettings | None = None,
    options: SourceOptions | None = None,
    name: str | None = None,
    force: bool = False,
    resume: bool = False,
    progress: Progress = no_progress,
) -> BenchResult:
    """Puts known noise into a dataset and measures the audit and its baselines on it, side by side.

    Args:
        data: A dataset, as ``labelaudit.audit`` takes it.
        out: The folder to be; every finished result is kept there.
        tasks: ``one-vote``, ``flips``, ``flips:0.3``, ``confusions``, ``own``; empty = those that the dataset allows.
        methods: Names of ``Method``; empty = all.
        seeds: A draw of faces and labels, and a training, each.
        limit: Faces of a draw at most, test faces included; None = all.
        test_share: Of them that nothing learns from: trained models are tested on these.
        truth_column: Column of true labels; None = votes where there are any, else the labels are taken as true.
        settings: Of the audit, and of every baseline alike; its seed is not used.
        options: What opening the dataset is to be told.
        name: What people call the dataset.
        force: Replace an earlier bench.
        resume: Go on with one: what is finished is kept, other tasks, methods and seeds may be added.
        progress: Told of runs done.

    Raises:
        LabelAuditError: The bench cannot run; the text says what, where, and what to do.
    """
    _check_extra()
    _check(seeds, test_share)
    chosen = tuple(_method(each) for each in dict.fromkeys(methods)) or tuple(Method)
    truth = open_truth(data, options or SourceOptions(), truth_column=truth_column)
    worked = tuple(dict.fromkeys(parse_task(each) for each in tasks)) or truth.default_tasks()
    truth.check(worked)
    settings = settings or AuditSettings()
    cache_dir = cache_folder(settings.cache_dir)
    drawn = min(int(truth.usable.sum()), limit or len(truth.usable))
    plan = make_plan(settings, rows=drawn - round(test_share * drawn), cache_dir=cache_dir)
    if plan.settings.folds == 1:
        raise SettingsError("a bench compares evidence out of sample; use --folds 2 or more")
    mark = _mark(truth, plan, limit=limit, test_share=test_share, truth_column=truth_column)
    with opened_bench(Path(out), fingerprint=mark, force=force, resume=resume) as folder:
        work = Work(folder, truth, plan, cache_dir, limit, test_share, chosen, progress)
        results = {task.name: [each for seed in seeds for each in work.results(task, seed)] for task in worked}
        shutil.rmtree(folder.checkpoint, ignore_errors=True)
        summary = BenchSummary(
            dataset=dataset_name(data) if name is None else name,
            tasks=tuple(summarise_task(task, found) for task, found in results.items()),
            notes=(*truth.notes, *plan.assumed),
            settings=mark["settings"],
            device=plan.device.type,
            tool_version=__version__,
        )
        drawings = save_figures(folder, summary, results)
        write_tables(folder, summary, results, drawings)
    return BenchResult(folder, summary)


def _method(name: str) -> Method:
    try:
        return Method(name)
    except ValueError as error:
        raise SettingsError(f"there is no method {name!r}; there are {', '.join(Method)}") from error


def _check(seeds: Sequence[int], test_share: float) -> None:
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise SettingsError("--seeds are different numbers from 0 up, such as 0,1,2")
    if not 0.0 <= test_share <= 0.9:
        raise SettingsError(f"--test-share must be between 0 and 0.9, not {test_share:g}")


def _check_extra() -> None:
    for package in ("cleanlab", "psutil"):
        if importlib.util.find_spec(package) is None:
            raise SettingsError(f"a bench needs {package}: pip install 'labelaudit[bench]'")


def _mark(
    truth: Truth, plan: Plan, *, limit: int | None, test_share: float, truth_column: str | None
) -> dict[str, Any]:
    """What must be equal for stored results to count."""
    settings = plan.settings.to_json()
    settings.pop("seed")
    return {
        "labelaudit": __version__,
        "dataset": dataset_fingerprint(truth.source),
        "truth": truth.digest(),
        "truth_column": truth_column,
        "limit": limit,
        "test_share": test_share,
        "device": plan.device.type,
        "weights_sha256": None if plan.weights is None else plan.weights.sha256,
        "settings": settings,
    }
