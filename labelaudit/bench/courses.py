"""Runs one course on one bed, and reads its methods' scores off it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelaudit.bench import scores as by
from labelaudit.bench.methods import Course, Method
from labelaudit.bench.ours import audit_scores
from labelaudit.bench.scores import Scores
from labelaudit.evidence.baselines.bed import Bed
from labelaudit.evidence.baselines.co_teaching import co_teach
from labelaudit.evidence.baselines.judging import judge_test_rows
from labelaudit.evidence.baselines.single_run import cross_fit_plain, fit_once, plain_settings
from labelaudit.evidence.baselines.trace import LabelTrace
from labelaudit.evidence.gather import Gathered, gather_evidence
from labelaudit.records import FloatArray, IntArray, SampleTable
from labelaudit.settings import AsmSettings, Targets, ThresholdKind

FIXED_THRESHOLDS = (0.1, 0.9)
"""Noisy and clean, as the paper's supplement compares them."""


@dataclass(frozen=True)
class Outcome:
    """What a course gives.

    Attributes:
        scores: Of each method, for the n audited rows.
        test_posterior: Of its trained model for the test rows, (t, K); None where it trains none.
    """

    scores: Mapping[Method, Scores]
    test_posterior: FloatArray | None


@dataclass
class Stand:
    """One task and seed, ready to be worked on.

    Attributes:
        bed: Pixels, folds and networks under the given labels.
        table: All m drawn rows under the given labels.
        true: Their true classes, (m,): for the oracle alone.
        checkpoint: Folder for trainings that are interrupted.
    """

    bed: Bed
    table: SampleTable
    true: IntArray
    checkpoint: Path
    _gathered: Gathered | None = field(default=None, repr=False)

    def prepare(self, course: Course) -> None:
        """Does what a course rests on and does not answer for: the audit's evidence that it is anchored in."""
        if course in (Course.FIXED_ANCHORED, Course.ADAPTIVE_ANCHORED):
            self._evidence()

    def run(self, course: Course) -> Outcome:
        """Does one course.

        Raises:
            TrainingError: Training comes to no numbers.
        """
        literal = replace(self.bed.plan.settings.asm, targets=Targets.LITERAL)
        work: dict[Course, Callable[[], Outcome]] = {
            Course.AUDIT: self._audit,
            Course.CROSS_FIT_PLAIN: self._cross_fit_plain,
            Course.SINGLE_PLAIN: self._single_plain,
            Course.CO_TEACHING: self._co_teaching,
            Course.NEIGHBOURS: self._neighbours,
            Course.FIXED: lambda: self._mined(Method.ASM_FIXED, _fixed(literal)),
            Course.ADAPTIVE: lambda: self._mined(Method.ASM_ADAPTIVE, _adaptive(literal)),
            Course.FIXED_ANCHORED: lambda: self._mined(Method.ASM_FIXED_ANCHORED, _fixed(literal), anchored=True),
            Course.ADAPTIVE_ANCHORED: lambda: self._mined(
                Method.ASM_ADAPTIVE_ANCHORED, _adaptive(literal), anchored=True
            ),
            Course.ORACLE: self._oracle,
        }
        return work[course]()

    def _audit(self) -> Outcome:
        bed, gathered = self.bed, self._evidence()
        peers = 0.5 * (gathered.evidence.peer1 + gathered.evidence.peer2)[bed.rows]
        ridge = gathered.evidence.ridge
        assert ridge is not None
        return Outcome(
            {
                Method.OURS: _at(audit_scores(gathered, self.table, bed.store, bed.plan), bed.rows),
                Method.RIDGE: by.margin_scores(ridge[bed.rows], bed.given),
                Method.CLEANLAB_CONFIDENCE: by.cleanlab_scores(peers, bed.given, method="self_confidence"),
                Method.CLEANLAB_MARGIN: by.cleanlab_scores(peers, bed.given, method="normalized_margin"),
                Method.CLEANLAB_ISSUES: by.cleanlab_issues(peers, bed.given),
            },
            judge_test_rows(gathered, bed),
        )

    def _oracle(self) -> Outcome:
        bed = self.bed
        true = self.true[bed.rows]
        gathered = self._gather(true, "oracle")
        scores = audit_scores(gathered, self.table, bed.store, bed.plan)
        return Outcome({Method.ORACLE: _at(scores, bed.rows)}, judge_test_rows(gathered, bed))

    def _cross_fit_plain(self) -> Outcome:
        given = self.bed.given
        fitted = cross_fit_plain(self.bed, checkpoint=self.checkpoint / "plain")
        posterior = 0.5 * (fitted.peer1 + fitted.peer2)
        return Outcome(
            {
                Method.CLEANLAB_CONFIDENCE_CE: by.cleanlab_scores(posterior, given, method="self_confidence"),
                Method.CLEANLAB_MARGIN_CE: by.cleanlab_scores(posterior, given, method="normalized_margin"),
                Method.CLEANLAB_ISSUES_CE: by.cleanlab_issues(posterior, given),
            },
            None,
        )

    def _single_plain(self) -> Outcome:
        given, settings, trace = self.bed.given, self.bed.plan.settings.asm, LabelTrace()
        run = fit_once(self.bed, plain_settings(settings), trace=trace)
        assert settings.warm_up is not None
        losses = trace.losses[settings.warm_up]
        return Outcome(
            {
                Method.AUM: by.area_scores(trace.area_under_margin(), run.posterior, given),
                Method.LOSS: by.confidence_scores(run.posterior, given),
                Method.GMM: by.mixture_scores(losses, run.posterior, given, seed=self.bed.seed),
            },
            run.test_posterior,
        )

    def _co_teaching(self) -> Outcome:
        run = co_teach(self.bed)
        return Outcome({Method.CO_TEACHING: by.confidence_scores(run.posterior, self.bed.given)}, run.test_posterior)

    def _neighbours(self) -> Outcome:
        bed = self.bed
        scores = by.neighbour_scores(bed.short[bed.rows], bed.given, num_classes=bed.num_classes)
        return Outcome({Method.KNN: scores}, None)

    def _mined(self, method: Method, settings: AsmSettings, *, anchored: bool = False) -> Outcome:
        """One run of ASM that judges what it trained on."""
        anchor = None
        if anchored:
            ridge = self._evidence().evidence.ridge
            assert ridge is not None
            anchor = ridge[self.bed.rows]
        run = fit_once(self.bed, settings, anchor=anchor)
        return Outcome({method: by.confidence_scores(run.posterior, self.bed.given)}, run.test_posterior)

    def _evidence(self) -> Gathered:
        """The audit's, gathered once."""
        if self._gathered is None:
            self._gathered = self._gather(self.bed.given, "audit")
        return self._gathered

    def _gather(self, labels: IntArray, name: str) -> Gathered:
        return gather_evidence(
            self.bed.store,
            rows=self.bed.rows,
            given=labels,
            num_classes=self.bed.num_classes,
            plan=self.bed.plan,
            cache_dir=self.bed.cache_dir,
            checkpoint=self.checkpoint / name,
        )


def _fixed(settings: AsmSettings) -> AsmSettings:
    noisy, clean = FIXED_THRESHOLDS
    return replace(settings, thresholds=ThresholdKind.FIXED, noisy_scale=noisy, clean_scale=clean)


def _adaptive(settings: AsmSettings) -> AsmSettings:
    return replace(settings, thresholds=ThresholdKind.ADAPTIVE)


def _at(scores: Scores, rows: NDArray[np.int64]) -> Scores:
    """The scores of some rows."""
    return Scores(
        score=scores.score[rows],
        p=None if scores.p is None else scores.p[rows],
        suggested=scores.suggested[rows],
        verdict=None if scores.verdict is None else scores.verdict[rows],
    )
