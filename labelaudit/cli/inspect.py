"""``labelaudit inspect``: what a dataset holds, without training."""

from __future__ import annotations

from labelaudit.cli import options as opt
from labelaudit.cli.output.results import write_inspection
from labelaudit.cli.progress import stage_lines

EXAMPLES = """Examples:

labelaudit inspect faces

labelaudit inspect labels.csv --label-column emotion --json"""


def inspect(
    dataset: opt.Dataset,
    format: opt.Format = None,  # noqa: A002 - the option's own name
    label_column: opt.LabelColumn = None,
    path_column: opt.PathColumn = None,
    id_column: opt.IdColumn = None,
    split_column: opt.SplitColumn = None,
    image_column: opt.ImageColumn = None,
    annotator_column: opt.AnnotatorColumn = None,
    root: opt.Root = None,
    label_map: opt.LabelMap = None,
    split: opt.Split = None,
    votes: opt.Votes = True,
    config: opt.Config = None,
    folds: opt.Folds = None,
    workers: opt.Workers = None,
    cache_dir: opt.CacheDir = None,
    size: opt.Size = None,
    min_class_size: opt.MinClassSize = None,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,  # noqa: ARG001 - its callback has done the work
) -> None:
    """Says what a dataset holds, and what an audit of it would meet. Trains nothing."""
    settings = opt.audit_settings(
        config,
        {
            "folds": folds,
            "workers": workers,
            "cache_dir": cache_dir,
            "nets": {"size": size},
            "verdict": {"min_class_size": min_class_size},
        },
    )
    chosen = opt.source_options(
        format=format,
        label_column=label_column,
        path_column=path_column,
        id_column=id_column,
        split_column=split_column,
        image_column=image_column,
        annotator_column=annotator_column,
        root=root,
        label_map=label_map,
        split=split,
        votes=votes,
    )

    from labelaudit.inspection import inspect_source
    from labelaudit.rundir import cache_folder
    from labelaudit.source.detect import open_source
    from labelaudit.source.fingerprint import dataset_name

    source = open_source(dataset, chosen)
    with stage_lines(quiet=quiet) as progress:
        inspection = inspect_source(
            source, settings=settings, cache_dir=cache_folder(settings.cache_dir), progress=progress
        )
    write_inspection(inspection, name=dataset_name(dataset), as_json=as_json, quiet=quiet, verbose=verbose)
