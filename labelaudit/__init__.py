"""Find wrong and ambiguous labels in face datasets.

    import labelaudit

    result = labelaudit.audit("faces", out="runs/faces")
    report = labelaudit.read_report(result.run)

Importing this package loads none of its rooms; a name's room, and torch with it, comes in when the name is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from labelaudit._version import __version__

if TYPE_CHECKING:
    from labelaudit.bench.run import BenchResult, run_bench
    from labelaudit.decision import Decision, Ruling
    from labelaudit.errors import (
        CacheError,
        DecisionError,
        GateError,
        LabelAuditError,
        OtherProcessError,
        PixelError,
        QueueError,
        ReportError,
        RunFolderError,
        SettingsError,
        SourceError,
        TrainingError,
        WeightsError,
    )
    from labelaudit.evidence.scorer import Scorer
    from labelaudit.gate.limits import FailOn
    from labelaudit.gate.outcome import GateResult
    from labelaudit.gate.run import check
    from labelaudit.inspection import Inspection, inspect_source
    from labelaudit.pipeline import AuditResult, audit
    from labelaudit.queue.agreement import agreement_of_decisions
    from labelaudit.queue.apply import apply_decisions
    from labelaudit.queue.decisions import read_decisions
    from labelaudit.queue.select import QueueChoice, select_queue
    from labelaudit.queue.spot_check import measure_decisions
    from labelaudit.records import Reason, Stage, Verdict
    from labelaudit.report.compare import Comparison, compare_runs
    from labelaudit.report.spot_check import RunSpotCheck, spot_check_of
    from labelaudit.report.summary import Summary
    from labelaudit.report.table import Report, read_report
    from labelaudit.scoring import ScoreResult, score
    from labelaudit.settings import (
        AsmSettings,
        AuditSettings,
        Effort,
        NetSettings,
        Reduction,
        Targets,
        ThresholdKind,
        ThresholdRule,
        Training,
        VerdictSettings,
    )
    from labelaudit.source.detect import open_source
    from labelaudit.source.memory import ArraySource
    from labelaudit.source.options import SourceOptions
    from labelaudit.verdict.agreement import Agreement, measure_agreement

_HOME = {
    "labelaudit.bench.run": ("BenchResult", "run_bench"),
    "labelaudit.errors": (
        "CacheError",
        "DecisionError",
        "GateError",
        "LabelAuditError",
        "OtherProcessError",
        "PixelError",
        "QueueError",
        "ReportError",
        "RunFolderError",
        "SettingsError",
        "SourceError",
        "TrainingError",
        "WeightsError",
    ),
    "labelaudit.evidence.scorer": ("Scorer",),
    "labelaudit.gate.limits": ("FailOn",),
    "labelaudit.gate.outcome": ("GateResult",),
    "labelaudit.gate.run": ("check",),
    "labelaudit.inspection": ("Inspection", "inspect_source"),
    "labelaudit.pipeline": ("AuditResult", "audit"),
    "labelaudit.queue.agreement": ("agreement_of_decisions",),
    "labelaudit.queue.apply": ("apply_decisions",),
    "labelaudit.queue.decisions": ("read_decisions",),
    "labelaudit.queue.select": ("QueueChoice", "select_queue"),
    "labelaudit.queue.spot_check": ("measure_decisions",),
    "labelaudit.decision": ("Decision", "Ruling"),
    "labelaudit.records": ("Reason", "Stage", "Verdict"),
    "labelaudit.report.compare": ("Comparison", "compare_runs"),
    "labelaudit.report.spot_check": ("RunSpotCheck", "spot_check_of"),
    "labelaudit.report.summary": ("Summary",),
    "labelaudit.report.table": ("Report", "read_report"),
    "labelaudit.scoring": ("ScoreResult", "score"),
    "labelaudit.settings": (
        "AsmSettings",
        "AuditSettings",
        "Effort",
        "NetSettings",
        "Reduction",
        "Targets",
        "ThresholdKind",
        "ThresholdRule",
        "Training",
        "VerdictSettings",
    ),
    "labelaudit.source.detect": ("open_source",),
    "labelaudit.source.memory": ("ArraySource",),
    "labelaudit.source.options": ("SourceOptions",),
    "labelaudit.verdict.agreement": ("Agreement", "measure_agreement"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Agreement",
    "ArraySource",
    "AsmSettings",
    "AuditResult",
    "AuditSettings",
    "BenchResult",
    "CacheError",
    "Comparison",
    "Decision",
    "DecisionError",
    "Effort",
    "FailOn",
    "GateError",
    "GateResult",
    "Inspection",
    "LabelAuditError",
    "NetSettings",
    "OtherProcessError",
    "PixelError",
    "QueueChoice",
    "QueueError",
    "Reason",
    "Reduction",
    "Report",
    "ReportError",
    "Ruling",
    "RunFolderError",
    "RunSpotCheck",
    "ScoreResult",
    "Scorer",
    "SettingsError",
    "SourceError",
    "SourceOptions",
    "Stage",
    "Summary",
    "Targets",
    "ThresholdKind",
    "ThresholdRule",
    "Training",
    "TrainingError",
    "Verdict",
    "VerdictSettings",
    "WeightsError",
    "__version__",
    "agreement_of_decisions",
    "apply_decisions",
    "audit",
    "check",
    "compare_runs",
    "inspect_source",
    "measure_agreement",
    "measure_decisions",
    "open_source",
    "read_decisions",
    "read_report",
    "run_bench",
    "score",
    "select_queue",
    "spot_check_of",
]


def __getattr__(name: str) -> Any:
    """Loads a public name when it is first used."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
