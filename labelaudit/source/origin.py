"""Where a run's dataset lay and how it was opened, so that later commands find it without being told again.

It stands in the run folder, beside the report and never in it: a path is private. Paths are relative to the run
folder where that is possible, so a folder that holds both may move.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from labelaudit.errors import SourceError
from labelaudit.jsontext import parse_json
from labelaudit.records import JsonDict
from labelaudit.rundir import RunDir, write_json
from labelaudit.source.interface import LabelSource
from labelaudit.source.options import SourceOptions


@dataclass(frozen=True)
class Origin:
    """A dataset that can be opened again.

    Attributes:
        dataset: A path, or the name of a Hugging Face dataset.
        options: What opening it was told.
    """

    dataset: str
    options: SourceOptions = field(default_factory=SourceOptions)

    def open(self) -> LabelSource:
        """Opens the dataset.

        Raises:
            SourceError: It is not there, or cannot be read.
        """
        from labelaudit.source.detect import open_source  # knows every format; to read an origin takes none

        return open_source(self.dataset, self.options)


def write_origin(run: RunDir, origin: Origin) -> None:
    """Writes ``dataset.json`` into a run folder."""
    root = origin.options.root
    value: JsonDict = {
        "dataset": _stored(Path(origin.dataset), run.root) if Path(origin.dataset).exists() else origin.dataset,
        "options": {
            **asdict(origin.options),
            "root": None if root is None else _stored(root, run.root),
            "label_map": dict(origin.options.label_map),
        },
    }
    write_json(run.origin, value)


def read_origin(run: RunDir) -> Origin | None:
    """Reads what ``write_origin`` wrote; None where the run has none (its dataset was in memory).

    Raises:
        SourceError: The file is damaged.
    """
    if not run.origin.is_file():
        return None
    try:
        value = parse_json(run.origin.read_bytes())
        late = ("classes", "slices")  # earlier versions wrote none
        told = {each.name: value["options"][each.name] for each in fields(SourceOptions) if each.name not in late}
        told |= {name: tuple(value["options"].get(name, ())) for name in late} | {"splits": tuple(told["splits"])}
        told["root"] = None if told["root"] is None else Path(_found(told["root"], run.root))
        return Origin(_found(value["dataset"], run.root), SourceOptions(**told))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{run.origin} is damaged ({error}); name the dataset with --dataset") from error


def open_run_source(run: RunDir, dataset: str | None = None) -> LabelSource:
    """Opens the dataset of a run again, as it was opened then.

    Args:
        run: The run.
        dataset: Where it is now; None = where it was audited.

    Raises:
        SourceError: The run does not say where it is, or it is no longer there.
    """
    before = read_origin(run)
    if dataset is not None:
        return Origin(dataset, SourceOptions() if before is None else before.options).open()
    if before is None:
        raise SourceError(f"{run.root} does not say where its dataset is; name it with --dataset")
    try:
        return before.open()
    except SourceError as error:
        raise SourceError(
            f"the dataset of {run.root} cannot be opened: {error} (--dataset says where it is)"
        ) from error


def _stored(path: Path, root: Path) -> str:
    try:
        return os.path.relpath(path.resolve(), root.resolve())
    except ValueError:  # another drive
        return str(path.resolve())


def _found(stored: str, root: Path) -> str:
    """A stored path as it can be opened; a name that is no path stays as it is."""
    beside = Path(os.path.normpath(root.resolve() / stored))
    return str(beside) if beside.exists() else stored
