"""A check from files to result: reads reports, limits and lists, and holds one against the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labelaudit.errors import GateError
from labelaudit.gate.allow_list import NOTHING_ALLOWED, read_allow_list
from labelaudit.gate.check import Batch, check_gate
from labelaudit.gate.config import LIMIT_NAMES, CheckConfig, read_limits
from labelaudit.gate.limits import FailOn, parse_limit
from labelaudit.gate.outcome import GateResult
from labelaudit.gate.place import NOWHERE, Place
from labelaudit.report.file import ReportFile, is_report, open_report
from labelaudit.report.metadata import ReportMetadata
from labelaudit.report.words import distrust_sentence
from labelaudit.rundir import RunDir

_UNUSED = "the model that was named was not used"


def check(
    run: Path | str,
    limits: Mapping[str, Any] | None = None,
    *,
    model: Path | str | None = None,
    baseline: Path | str | None = None,
    allow_list: Path | str | None = None,
    fail_on: FailOn | str = FailOn.CI_LOWER,
) -> GateResult:
    """Holds a report against limits. Reads no settings file.

    Args:
        run: A finished run or scored batch, or the path of its report.
        limits: ``{"max-mislabelled": "2%", "max-ambiguous": {"happy": "15%"}, "min-class-count": 50}``; None = the
            defaults.
        model: The run that trained the model of a scored batch.
        baseline: An earlier run, whose findings do not count.
        allow_list: Accepted samples.
        fail_on: What a share must pass to fail.

    Raises:
        GateError: Limits or lists are unfit.
        ReportError: A report cannot be read.
    """
    config = CheckConfig(
        limits=tuple(limit for name, value in (limits or {}).items() for limit in read_limits(name, value)),
        fail_on=FailOn(fail_on),
        allow_list=None if allow_list is None else Path(allow_list),
        baseline=None if baseline is None else Path(baseline),
        model=None if model is None else Path(model),
    )
    return check_report(Path(run), config)


def check_report(path: Path, config: CheckConfig, *, place: Place = NOWHERE) -> GateResult:
    """``check`` with everything that a settings file and flags may say.

    Args:
        path: A finished run or scored batch, or its report.
        config: What was asked for.
        place: Where the files stand in their repository.

    Raises:
        GateError: Limits or lists are unfit, or a report's verdicts are not to be trusted.
        ReportError: A report cannot be read.
    """
    report = _trusted(path)
    training = None if config.model is None else _training_report(report, config.model)
    result = check_gate(
        Batch(
            report,
            scored=report.metadata.scored,
            training=training,
            baseline=None if config.baseline is None else _trusted(config.baseline),
        ),
        config.limits,
        fail_on=config.fail_on or FailOn.CI_LOWER,
        allow_list=NOTHING_ALLOWED if config.allow_list is None else read_allow_list(config.allow_list),
        place=place,
    )
    if config.model is None or training is not None:
        return result
    return replace(result, notes=(*result.notes, f"an audit's own report has no model before it: {_UNUSED}"))


def read_checked(path: Path) -> ReportFile:
    """Opens a report that a gate looks at.

    Raises:
        ReportError: There is none, or it cannot be read.
        GateError: It is a run that did not finish, or a folder that is none.
    """
    if path.is_dir() and not RunDir(path).report.is_file():
        if RunDir(path).is_run():
            raise GateError(f"{path} holds an audit that did not finish; go on with labelaudit audit --resume")
        raise GateError(f"{path} is no finished run; name the run whose model judges these faces with --model")
    return open_report(path)


def check_trusted(path: Path) -> None:
    """Refuses a run whose verdicts are not to be trusted: of its model nothing passes, and nothing fails.

    Raises:
        ReportError: There is none, or it cannot be read.
        GateError: Its training went wrong, or nothing could be learned.
    """
    _refuse_distrusted(path, open_report(path).metadata)


def _trusted(path: Path) -> ReportFile:
    report = read_checked(path)
    _refuse_distrusted(path, report.metadata)
    return report


def _refuse_distrusted(path: Path, metadata: ReportMetadata) -> None:
    if not metadata.trusted:
        raise GateError(f"{path} cannot be checked; {distrust_sentence(metadata.distrust)}; mend that and audit again")


def holds_report(path: Path) -> bool:
    """Whether a path is a run, finished or not, or its report; else it is a dataset that a model can score."""
    if path.is_dir():
        return RunDir(path).is_run() or RunDir(path).report.is_file()
    return path.suffix == ".parquet" and path.is_file() and is_report(path)


def _training_report(report: ReportFile, model: Path) -> ReportFile | None:
    """The report of the audit that trained a batch's model; None for an audit, which has no model before it.

    Raises:
        GateError: The batch was scored by another model.
    """
    scored = report.metadata.scored
    if scored is None:
        return None
    training = read_checked(model)
    if training.metadata.model_hash != scored.model_hash:
        raise GateError(f"the report was scored by another model than that of {model}; name its own with --model")
    return training


def with_flags(
    config: CheckConfig,
    *,
    limits: Mapping[str, Sequence[str] | None],
    fail_on: FailOn | None,
    allow_list: Path | None,
    baseline: Path | None,
    model: Path | None,
    path_prefix: str | None,
) -> CheckConfig:
    """A file's settings with flags over them; None = not given.

    Args:
        config: From a file.
        limits: Name of a limit -> what was written behind its flags.
        fail_on: As in ``CheckConfig``, like all below.
        allow_list: Accepted samples.
        baseline: An earlier run.
        model: The run whose model judged.
        path_prefix: What stands before a report's paths.

    Raises:
        GateError: A flag is no limit.
    """
    given = tuple(
        parse_limit(LIMIT_NAMES[name], text, name=f"--{name}") for name, texts in limits.items() for text in texts or ()
    )
    return replace(
        config,
        limits=(*config.limits, *given),
        fail_on=config.fail_on if fail_on is None else fail_on,
        allow_list=config.allow_list if allow_list is None else allow_list,
        baseline=config.baseline if baseline is None else baseline,
        model=config.model if model is None else model,
        path_prefix=config.path_prefix if path_prefix is None else path_prefix,
    )
