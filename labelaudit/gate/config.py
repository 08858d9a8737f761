"""Limits in a file: the table ``[check]`` of a ``labelaudit.toml``, or ``[tool.labelaudit.check]`` of a pyproject.toml.

::

    [check]
    max-mislabelled = "2%"                       # or a number of files, or "trained"
    max-ambiguous = { "*" = "40%", happy = "15%" }  # a class each; * = all files
    min-class-count = 50
    fail-on = "ci-lower"
    allow-list = "labelaudit-allow.txt"          # paths start from the folder of this file
    baseline = "runs/main"
    path-prefix = "data/faces"
    model = "runs/faces"

The file is looked for in the working directory and above it, as far as the root of the repository.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelaudit.errors import GateError
from labelaudit.gate.allow_list import ALLOW_LIST_NAME
from labelaudit.gate.limits import FailOn, Kind, Limit, parse_bound
from labelaudit.gate.place import upwards

CONFIG_NAME = "labelaudit.toml"
_PYPROJECT = "pyproject.toml"
_TABLES = ("audit", "check")
_ALL = "*"

LIMIT_NAMES = {
    "max-mislabelled": Kind.MISLABELLED,
    "max-ambiguous": Kind.AMBIGUOUS,
    "max-unreadable": Kind.UNREADABLE,
    "max-conflicts": Kind.CONFLICTS,
    "max-drift": Kind.DRIFT,
    "max-leakage": Kind.LEAKAGE,
    "min-class-count": Kind.CLASS_COUNT,
}
"""Names of limits in the file and, with two dashes before them, as flags."""
_PATHS = ("allow-list", "baseline", "model")
_KNOWN = (*LIMIT_NAMES, "fail-on", "path-prefix", *_PATHS)


@dataclass(frozen=True)
class CheckConfig:
    """What a file says of a check; None = nothing.

    Attributes:
        path: The file; None where there is none.
        limits: In the file's order.
        fail_on: What a share must pass to fail.
        allow_list: Accepted samples. Where it is not named, ``labelaudit-allow.txt`` beside the file, if it is there.
        baseline: An earlier run.
        model: The run whose model scores a batch.
        path_prefix: What stands before a report's paths.
    """

    path: Path | None = None
    limits: tuple[Limit, ...] = ()
    fail_on: FailOn | None = None
    allow_list: Path | None = None
    baseline: Path | None = None
    model: Path | None = None
    path_prefix: str | None = None


def load_config(chosen: Path | None, *, start: Path) -> CheckConfig:
    """Reads the file that was named, or finds one.

    Args:
        chosen: A TOML file; None = look for one.
        start: The working directory.

    Raises:
        GateError: A file cannot be read, is no TOML, or holds unknown or unfit values; the named one has no table.
    """
    if chosen is not None:
        table = _table(chosen)
        if table is None:
            raise GateError(f"{chosen} has no table [{_table_name(chosen)}]; the limits belong there")
        return _parse(chosen, table)
    for folder in upwards(start):
        for name in (CONFIG_NAME, _PYPROJECT):
            path = folder / name
            found = _table(path) if path.is_file() else None
            if found is not None:
                return _parse(path, found)
    beside = start / ALLOW_LIST_NAME
    return CheckConfig(allow_list=beside if beside.is_file() else None)


def _table_name(path: Path) -> str:
    return "tool.labelaudit.check" if path.name == _PYPROJECT else "check"


def _table(path: Path) -> Mapping[str, Any] | None:
    """The table of limits of a TOML file; None where it has none."""
    try:
        content: Any = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise GateError(f"cannot read limits from {path}: {error.strerror}; name another with --config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise GateError(f"{path} is not TOML: {error}") from error
    if path.name == _PYPROJECT:
        for key in ("tool", "labelaudit"):
            content = content.get(key, {}) if isinstance(content, dict) else {}
    unknown = [name for name in content if name not in _TABLES]
    if unknown and path.name in (CONFIG_NAME, _PYPROJECT):
        home = f"limits belong in [{_table_name(path)}]"
        raise GateError(f"{path} has the unknown entry {unknown[0]}{_hint(unknown[0], _TABLES)}; {home}")
    table = content.get("check")
    if table is not None and not isinstance(table, dict):
        raise GateError(f"{path}: check is a table, not {table!r}; write [{_table_name(path)}] above the limits")
    return table


def _parse(path: Path, table: Mapping[str, Any]) -> CheckConfig:
    limits: list[Limit] = []
    fail_on, prefix = None, None
    paths: dict[str, Path] = {}
    for written, value in table.items():
        name = written.replace("_", "-")
        where = f"{path}: {written}"
        if name in LIMIT_NAMES:
            limits += read_limits(name, value, where=where)
        elif name == "fail-on":
            if value not in list(FailOn):
                raise GateError(f"{where} must be one of {', '.join(FailOn)}, not {value!r}")
            fail_on = FailOn(value)
        elif name in (*_PATHS, "path-prefix"):
            if not isinstance(value, str):
                raise GateError(f"{where} must be a path in quotes, not {value!r}")
            if name == "path-prefix":
                prefix = value
            else:
                paths[name] = path.parent / value
        else:
            raise GateError(f"{path} has the unknown key {written}{_hint(name, _KNOWN)}")
    beside = path.parent / ALLOW_LIST_NAME
    return CheckConfig(
        path=path,
        limits=tuple(limits),
        fail_on=fail_on,
        allow_list=paths.get("allow-list", beside if beside.is_file() else None),
        baseline=paths.get("baseline"),
        model=paths.get("model"),
        path_prefix=prefix,
    )


def read_limits(name: str, value: object, *, where: str | None = None) -> tuple[Limit, ...]:
    """The limits that stand under one name.

    Args:
        name: One of ``LIMIT_NAMES``.
        value: A bound, or class -> bound with ``*`` for all files.
        where: For messages; None = the name.

    Raises:
        GateError: There is no such limit, or a bound is none.
    """
    where = name if where is None else where
    if name not in LIMIT_NAMES:
        raise GateError(f"there is no limit {name}{_hint(name, tuple(LIMIT_NAMES))}")
    kind = LIMIT_NAMES[name]
    if not isinstance(value, dict):
        return (Limit(kind, parse_bound(value, name=where)),)
    return tuple(
        Limit(kind, parse_bound(bound, name=f"{where}.{label}"), None if label == _ALL else label)
        for label, bound in value.items()
    )


def _hint(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"
