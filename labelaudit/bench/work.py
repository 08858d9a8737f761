"""The work of a bench: for a task and a seed, every course that has a result missing; each result is kept at once."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelaudit.bench.courses import Outcome, Stand
from labelaudit.bench.drawn import Draw, draw_faces, give_labels
from labelaudit.bench.folder import BenchDir, Result, read_result, write_result
from labelaudit.bench.methods import METHODS_OF, Method
from labelaudit.bench.metrics import LabelTruths, accuracy, measure
from labelaudit.bench.scores import Scores
from labelaudit.bench.tasks import Task
from labelaudit.bench.truth import Truth
from labelaudit.bench.weak_model import weak_posterior
from labelaudit.errors import SourceError
from labelaudit.evidence.baselines.bed import lay_bed
from labelaudit.evidence.baselines.meter import Cost, metered
from labelaudit.evidence.plan import Plan
from labelaudit.labels import NO_CLASS
from labelaudit.pixels.build import build_store
from labelaudit.pixels.store import PixelStore
from labelaudit.records import FloatArray, IntArray, Progress, Stage


@dataclass(frozen=True)
class Work:
    """What all tasks and seeds share.

    Attributes:
        folder: Where results are kept.
        truth: What faces are drawn from.
        plan: Of the audit, and of every baseline alike.
        cache_dir: The user's cache folder.
        limit: Faces of a draw at most; None = all.
        test_share: Of them that nothing learns from.
        methods: Those that were asked for.
        progress: Told of runs done.
    """

    folder: BenchDir
    truth: Truth
    plan: Plan
    cache_dir: Path
    limit: int | None
    test_share: float
    methods: tuple[Method, ...]
    progress: Progress

    def results(self, task: Task, seed: int) -> list[Result]:
        """All results of a task and seed; those that are missing are made first."""
        wanted = {course: [each for each in own if each in self.methods] for course, own in METHODS_OF.items()}
        missing = {
            course: [each for each in own if read_result(self.folder, task=task.name, seed=seed, method=each) is None]
            for course, own in wanted.items()
        }
        left = [course for course, own in missing.items() if own]
        name, total = f"{task.name}, seed {seed}", sum(map(bool, wanted.values()))
        self.progress(Stage(name, total - len(left), total, "runs"))
        if left:
            draw, given, stand = self._stand(task, seed)
            for number, course in enumerate(left, start=total - len(left) + 1):
                stand.prepare(course)
                with metered(self.plan.device) as cost:
                    outcome = stand.run(course)
                self._write(task, seed, missing[course], draw, given, stand, outcome, cost)
                shutil.rmtree(stand.checkpoint, ignore_errors=True)
                self.progress(Stage(name, number, total, "runs"))
        found = [read_result(self.folder, task=task.name, seed=seed, method=each) for each in self.methods]
        return [each for each in found if each is not None]

    def _stand(self, task: Task, seed: int) -> tuple[Draw, IntArray, Stand]:
        """Draws faces and labels, and lays the bed for them."""
        draw = draw_faces(self.truth, limit=self.limit, test_share=self.test_share, seed=seed)
        true = self.truth.true[draw.rows]
        store = self._store(draw, true)
        num_classes = len(self.truth.labels)
        given = give_labels(draw, task, weak_model=lambda: weak_posterior(store.pixels, true, num_classes=num_classes))
        store = self._store(draw, given)  # the same pixels; which copies are in conflict depends on the labels
        audited = _audited(given, store.facts.readable & ~draw.test, self.plan.settings.verdict.min_class_size)
        rows = np.flatnonzero(audited)
        bed = lay_bed(
            store,
            rows=rows,
            test_rows=_test_rows(draw.test & store.facts.readable, store.facts.duplicate_group, rows),
            given=given[rows],
            num_classes=num_classes,
            plan=replace(self.plan, settings=replace(self.plan.settings, seed=seed)),
            cache_dir=self.cache_dir,
            progress=self.progress,
        )
        checkpoint = self.folder.checkpoint / task.name / f"seed-{seed}"
        return draw, given, Stand(bed, draw.source(given).table, true, checkpoint)

    def _store(self, draw: Draw, given: IntArray) -> PixelStore:
        size = self.plan.settings.nets.size
        assert size is not None
        return build_store(
            draw.source(given),
            size=size,
            cache_dir=self.cache_dir,
            workers=self.plan.settings.workers,
            progress=self.progress,
        )

    def _write(
        self,
        task: Task,
        seed: int,
        methods: Sequence[Method],
        draw: Draw,
        given: IntArray,
        stand: Stand,
        outcome: Outcome,
        cost: Cost,
    ) -> None:
        """Measures what a course gave, and keeps it."""
        judged = np.flatnonzero(~draw.test & (given != NO_CLASS))
        rows, test_rows = draw.rows, stand.bed.test_rows
        truths = LabelTruths(given[judged], stand.true[judged], self.truth.firm[rows[judged]])
        tested = None
        if outcome.test_posterior is not None:
            tested = accuracy(outcome.test_posterior, stand.true[test_rows], self.truth.firm[rows[test_rows]])
        for method in methods:
            scores = _spread(outcome.scores[method], stand.bed.rows, judged, len(given))
            figures, verdict = measure(scores, truths)
            figures |= {
                "test_accuracy": tested,
                "seconds": round(cost.seconds, 2),
                "peak_gb": round(cost.peak_gb, 3),
                "peak_gpu_gb": None if cost.peak_gpu_gb is None else round(cost.peak_gpu_gb, 3),
            }
            path = self.folder.path(task.name, seed, method)
            write_result(path, figures=figures, scores=scores, verdict=verdict, truths=truths)


def _spread(scores: Scores, rows: NDArray[np.int64], judged: NDArray[np.int64], count: int) -> Scores:
    """Scores of the audited rows among all judged ones; NaN, and no class, where a row was not audited."""

    def floats(values: FloatArray) -> FloatArray:
        full = np.full(count, np.nan, dtype=np.float32)
        full[rows] = values
        return full[judged]

    def codes(values: NDArray[Any], nothing: int, kind: type) -> NDArray[Any]:
        full: NDArray[Any] = np.full(count, nothing, dtype=kind)
        full[rows] = values
        return full[judged]

    return Scores(
        score=floats(scores.score),
        p=None if scores.p is None else floats(scores.p),
        suggested=codes(scores.suggested, NO_CLASS, np.int32),
        verdict=None if scores.verdict is None else codes(scores.verdict, -1, np.int8),
        flagged=None if scores.flagged is None else codes(scores.flagged, 0, np.bool_),
    )


def _test_rows(usable: NDArray[np.bool_], group: IntArray, learned: NDArray[np.int64]) -> NDArray[np.int64]:
    """Test faces without a copy among those that are learned from; groups of copies (m,), -1 = none."""
    return np.flatnonzero(usable & ~((group >= 0) & np.isin(group, group[learned])))


def _audited(given: IntArray, usable: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Rows with a usable picture and a label of a class that is large enough, (m,)."""
    usable = usable & (given != NO_CLASS)
    large = np.bincount(given[usable]) >= least
    if np.count_nonzero(large) < 2:
        raise SourceError(
            f"fewer than two classes have {least} or more faces; raise --limit, or lower --min-class-size"
        )
    audited = usable.copy()
    audited[usable] = large[given[usable]]
    return audited
