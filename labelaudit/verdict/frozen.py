"""What a finished audit learned about judging, kept as JSON and applied to other rows.

New rows are judged by the audit's thresholds and its calibration; nothing is learned from them. Rows of a class that
the audit did not know, or had too little of, stay ``undetermined``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelaudit.errors import WeightsError
from labelaudit.labels import NO_CLASS
from labelaudit.records import Evidence, FloatArray, JsonDict, PixelFacts, Reason, SampleTable, VerdictTable
from labelaudit.settings import AuditSettings, ThresholdRule, with_values
from labelaudit.verdict.class_rule import ClassRule
from labelaudit.verdict.judge import judge
from labelaudit.verdict.planted import Calibration


@dataclass(frozen=True)
class FrozenRule:
    """How an audit judges.

    Attributes:
        rule: Its thresholds.
        calibration: From margin to p_mislabelled.
        settings: Of the audit.
    """

    rule: ClassRule
    calibration: Calibration
    settings: AuditSettings

    def to_json(self) -> JsonDict:
        """JSON values that ``read`` takes back without loss."""
        return {
            "rule": self.rule.rule,
            "clean_threshold": _listed(self.rule.clean),
            "noisy_threshold": _listed(self.rule.noisy),
            "calibration": {
                **asdict(self.calibration),
                "margin": _listed(self.calibration.margin),
                "p": _listed(self.calibration.p),
            },
            "settings": self.settings.to_json(),
        }

    @classmethod
    def read(cls, value: JsonDict, *, classes: int) -> FrozenRule:
        """Reads what ``to_json`` gave.

        Args:
            value: JSON values.
            classes: K.

        Raises:
            WeightsError: A value is missing, or out of its range.
        """
        try:
            told = value["calibration"]
            found = cls(
                ClassRule(
                    _array(value["clean_threshold"]), _array(value["noisy_threshold"]), ThresholdRule(value["rule"])
                ),
                Calibration(**{**told, "margin": _array(told["margin"]), "p": _array(told["p"])}),
                with_values(AuditSettings(), value["settings"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"the model's thresholds are damaged ({error}); audit again") from error
        margin, p = found.calibration.margin, found.calibration.p
        whole = found.rule.clean.shape == found.rule.noisy.shape == (classes,) and margin.shape == p.shape
        if (
            not whole
            or not (np.isfinite(margin).all() and (np.diff(margin) >= 0).all())
            or not ((p >= 0) & (p <= 1)).all()
        ):
            raise WeightsError("the model's thresholds are damaged (lengths or ranges); audit again")
        return found

    def knows(self, given: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """True for given labels, by index (N,), of classes that the audit could judge."""
        judged = np.isfinite(self.rule.clean)
        found: NDArray[np.bool_] = (given != NO_CLASS) & judged[np.maximum(given, 0)]
        return found

    def judge(
        self, table: SampleTable, facts: PixelFacts, evidence: Evidence, *, unknown: Sequence[int]
    ) -> VerdictTable:
        """Gives every row its verdict.

        Args:
            table: The samples, N rows, under the audit's classes.
            facts: What decoding found.
            evidence: N rows, NaN where unreadable.
            unknown: Rows whose label is a class to the dataset, but none of the audit's.
        """
        verdicts, _ = judge(
            table,
            facts,
            evidence,
            audited=facts.readable & self.knows(table.given),
            calibration=self.calibration,
            settings=self.settings,
            rule=self.rule,
        )
        reason, detail = list(verdicts.reason), list(verdicts.reason_detail)
        for row in unknown:
            if reason[row] is Reason.NOT_A_CLASS:
                reason[row] = Reason.CLASS_UNKNOWN
                detail[row] = f"{table.given_label[row]} is none of the classes that the model was trained on"
        for row in np.flatnonzero([each is Reason.CLASS_TOO_SMALL for each in reason]).tolist():
            detail[row] = f"the model was trained on too few samples of {table.given_label[row]} to judge it"
        return replace(verdicts, reason=reason, reason_detail=detail)


def _listed(values: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _array(values: Sequence[float | None]) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float32)
