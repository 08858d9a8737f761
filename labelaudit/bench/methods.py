"""The methods of a bench, and the trainings that they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Method(StrEnum):
    """A way to find wrong labels."""

    OURS = "ours"
    """The audit, as ``labelaudit audit`` does it."""
    RIDGE = "ridge"
    """The part of the audit that needs no network to be trained: leave-one-out ridge on the trunk's features."""
    CLEANLAB_CONFIDENCE = "cleanlab-confidence"
    CLEANLAB_MARGIN = "cleanlab-margin"
    CLEANLAB_ISSUES = "cleanlab-issues"
    """On the audit's own cross-fitted peers: self-confidence, normalised margin, find_label_issues."""
    CLEANLAB_CONFIDENCE_CE = "cleanlab-confidence-ce"
    CLEANLAB_MARGIN_CE = "cleanlab-margin-ce"
    CLEANLAB_ISSUES_CE = "cleanlab-issues-ce"
    """The same on plain cross-entropy networks, cross-fitted on the same folds."""
    AUM = "aum"
    """Area under the margin of a plain cross-entropy run."""
    LOSS = "loss"
    """Cross-entropy of the given label after that run."""
    GMM = "gmm"
    """Two Gaussians over the losses at the end of its warm-up, as in DivideMix."""
    CO_TEACHING = "co-teaching"
    KNN = "knn"
    """Nearest neighbours in the trunk's features."""
    ASM_FIXED = "asm-fixed"
    """ASM as the paper has it, with fixed thresholds of 0.9 and 0.1, in one run that judges what it trained on."""
    ASM_ADAPTIVE = "asm-adaptive"
    """The same with adaptive thresholds."""
    ASM_FIXED_ANCHORED = "asm-fixed-anchored"
    ASM_ADAPTIVE_ANCHORED = "asm-adaptive-anchored"
    """Both with targets anchored in out-of-sample evidence, as the audit has them."""
    ORACLE = "oracle"
    """The audit with evidence from the true labels of other faces: the ceiling of any robustness to noise."""

    @property
    def is_baseline(self) -> bool:
        """Whether it is neither the audit, nor a part of it, nor the oracle."""
        return self not in (Method.OURS, Method.RIDGE, Method.ORACLE)


class Course(StrEnum):
    """A training, or other work, that several methods read their scores off."""

    AUDIT = "audit"
    CROSS_FIT_PLAIN = "cross-fit-plain"
    SINGLE_PLAIN = "single-plain"
    CO_TEACHING = "co-teaching"
    NEIGHBOURS = "neighbours"
    FIXED = "fixed"
    ADAPTIVE = "adaptive"
    FIXED_ANCHORED = "fixed-anchored"
    ADAPTIVE_ANCHORED = "adaptive-anchored"
    ORACLE = "oracle"


METHODS_OF: Mapping[Course, tuple[Method, ...]] = {
    Course.AUDIT: (
        Method.OURS,
        Method.RIDGE,
        Method.CLEANLAB_CONFIDENCE,
        Method.CLEANLAB_MARGIN,
        Method.CLEANLAB_ISSUES,
    ),
    Course.CROSS_FIT_PLAIN: (Method.CLEANLAB_CONFIDENCE_CE, Method.CLEANLAB_MARGIN_CE, Method.CLEANLAB_ISSUES_CE),
    Course.SINGLE_PLAIN: (Method.AUM, Method.LOSS, Method.GMM),
    Course.CO_TEACHING: (Method.CO_TEACHING,),
    Course.NEIGHBOURS: (Method.KNN,),
    Course.FIXED: (Method.ASM_FIXED,),
    Course.ADAPTIVE: (Method.ASM_ADAPTIVE,),
    Course.FIXED_ANCHORED: (Method.ASM_FIXED_ANCHORED,),
    Course.ADAPTIVE_ANCHORED: (Method.ASM_ADAPTIVE_ANCHORED,),
    Course.ORACLE: (Method.ORACLE,),
}
"""Every course, in the order in which they are run, and what is read off it."""
