"""The flags that say how a dataset is to be read, which every command that reads one has."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from labelaudit.cli.label_map import read_label_map
from labelaudit.cli.options import DATA
from labelaudit.source.options import SourceOptions


def _format_names(incomplete: str) -> list[str]:
    """For shell completion: names of formats that begin so."""
    from labelaudit.source.detect import FORMATS  # slow to import, and only completion needs it

    return [each.name for each in FORMATS if each.name.startswith(incomplete)]


Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="Name of its format; a wrong one lists them all. Default: look and decide.",
        rich_help_panel=DATA,
        autocompletion=_format_names,
    ),
]
LabelColumn = Annotated[str | None, typer.Option(help="Column of the given label.", rich_help_panel=DATA)]
PathColumn = Annotated[str | None, typer.Option(help="Column of the picture's path.", rich_help_panel=DATA)]
IdColumn = Annotated[str | None, typer.Option(help="Column of a unique id.", rich_help_panel=DATA)]
SplitColumn = Annotated[str | None, typer.Option(help="Column of the split.", rich_help_panel=DATA)]
ImageColumn = Annotated[str | None, typer.Option(help="Column of encoded pictures.", rich_help_panel=DATA)]
AnnotatorColumn = Annotated[
    str | None, typer.Option(help="Column of the annotator, where each has a row.", rich_help_panel=DATA)
]
Root = Annotated[Path | None, typer.Option(help="Folder that a table's paths start from.", rich_help_panel=DATA)]
LabelMap = Annotated[
    list[str] | None,
    typer.Option(
        help="Names for labels: 0=angry,1=disgust or a .json or .csv file. May be repeated.", rich_help_panel=DATA
    ),
]
Split = Annotated[
    list[str] | None, typer.Option(help="Audit only this split. May be repeated. Default: all.", rich_help_panel=DATA)
]
Votes = Annotated[
    bool, typer.Option("--votes/--no-votes", help="Take the plurality of votes as the label.", rich_help_panel=DATA)
]


def source_options(
    format: Format = None,  # noqa: A002 - the option's own name
    label_column: LabelColumn = None,
    path_column: PathColumn = None,
    id_column: IdColumn = None,
    split_column: SplitColumn = None,
    image_column: ImageColumn = None,
    annotator_column: AnnotatorColumn = None,
    root: Root = None,
    label_map: LabelMap = None,
    split: Split = None,
    votes: Votes = True,
) -> SourceOptions:
    """What detection is told, from the flags of the same names."""
    return SourceOptions(
        format=format,
        label_column=label_column,
        path_column=path_column,
        id_column=id_column,
        split_column=split_column,
        image_column=image_column,
        annotator_column=annotator_column,
        root=root,
        label_map=read_label_map(label_map),
        votes=votes,
        splits=tuple(split or ()),
    )


def with_source_options(*, votes: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command that takes ``source: SourceOptions`` becomes one that has the flags of ``source_options`` in its place.

    Args:
        votes: Whether ``--votes / --no-votes`` is one of them.
    """
    flags = {
        name: flag
        for name, flag in inspect.signature(source_options, eval_str=True).parameters.items()
        if votes or name != "votes"
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters
        shown = [flag for name, each in own.items() for flag in (flags.values() if name == "source" else [each])]

        @functools.wraps(command)
        def with_flags(**given: Any) -> None:
            source = source_options(**{name: given.pop(name) for name in flags})
            command(**given, source=source)

        keyword = [flag.replace(kind=inspect.Parameter.KEYWORD_ONLY) for flag in shown]
        with_flags.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined] # what Typer reads
        with_flags.__annotations__ = {flag.name: flag.annotation for flag in shown}
        return with_flags

    return decorate
