"""``labelaudit inspect``: what a dataset holds, without training."""

from __future__ import annotations

from labelaudit.cli import options as opt
from labelaudit.cli.output.results import write_inspection
from labelaudit.cli.progress import stage_lines
from labelaudit.cli.source_flags import with_source_options
from labelaudit.source.options import SourceOptions

EXAMPLES = """Examples:

labelaudit inspect faces

labelaudit inspect labels.csv --label-column emotion --json"""


@with_source_options()
def inspect(
    *,
    dataset: opt.Dataset,
    source: SourceOptions,
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

    from labelaudit.inspection import inspect_source
    from labelaudit.rundir import cache_folder
    from labelaudit.source.detect import open_source
    from labelaudit.source.fingerprint import dataset_name

    opened = open_source(dataset, source)
    with stage_lines(quiet=quiet) as progress:
        inspection = inspect_source(
            opened, settings=settings, cache_dir=cache_folder(settings.cache_dir), progress=progress
        )
    write_inspection(inspection, name=dataset_name(dataset), as_json=as_json, quiet=quiet, verbose=verbose)
