"""Options that several commands share, and how they become settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from labelaudit.cli.errors import set_debug
from labelaudit.cli.places import run_on_disk, run_to_read
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
    read_settings,
    with_values,
)

DATA, WORK, NET, METHOD, SHOW = "Dataset", "Work", "Network", "Method (ASM)", "Output"
_ASM, _NETS, _VERDICT = AsmSettings(), NetSettings(), VerdictSettings()


Dataset = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="A folder, a table (csv, tsv, jsonl, parquet), a URL of one, or a Hugging Face name.",
        show_default=False,
    ),
]

Run = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="The folder of a finished audit.", parser=run_on_disk, show_default=False),
]
RunToRead = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", help="The folder or URL of a finished audit.", parser=run_to_read, show_default=False
    ),
]
RunDataset = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        help="Where the dataset of the run is now. Default: where it was audited.",
        rich_help_panel=DATA,
        show_default=False,
    ),
]

# Dataset: what detection is to be told.
Slice = Annotated[
    list[str] | None,
    typer.Option(
        "--slice",
        help="Column of groups (annotator, camera, split) whose labels to compare. May be repeated.",
        rich_help_panel=DATA,
    ),
]

# Work: how much, where and with what.
Out = Annotated[
    str, typer.Option("--out", help="The run folder to be, or its URL.", rich_help_panel=WORK, show_default=False)
]
Config = Annotated[
    Path | None, typer.Option(help="Settings in a TOML file, table audit; flags go over it.", rich_help_panel=WORK)
]
EffortChoice = Annotated[
    Effort | None, typer.Option("--effort", help="Default: quick on a CPU, else standard.", rich_help_panel=WORK)
]
Folds = Annotated[int | None, typer.Option(help="Parts of the cross-fitting; 1 = a single run.", rich_help_panel=WORK)]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random. Default: 0.", rich_help_panel=WORK)]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps. Default: auto.", rich_help_panel=WORK)]
Workers = Annotated[
    int | None, typer.Option(help="Threads that decode pictures. Default: one a core.", rich_help_panel=WORK)
]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        help="Keeps pixels, features and weights. Default: the user's cache folder.",
        envvar="LABELAUDIT_CACHE",
        rich_help_panel=WORK,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier run there.", rich_help_panel=WORK)]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.", rich_help_panel=WORK)]

# Network.
Backbone = Annotated[
    str | None,
    typer.Option(
        help="mobilefacenet, resnet-small, resnet18, or a torchvision or timm name. Default: what the weights fit.",
        rich_help_panel=NET,
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(help=f"auto, face, imagenet, none or a file. Default: {_NETS.weights}.", rich_help_panel=NET),
]
Size = Annotated[
    int | None, typer.Option(help="Side of the network's input, in pixels. Default: its own.", rich_help_panel=NET)
]
TrainingChoice = Annotated[
    Training | None,
    typer.Option("--training", help="Heads on a frozen trunk, or the whole network.", rich_help_panel=NET),
]
Epochs = Annotated[int | None, typer.Option(help="Passes over the data.", rich_help_panel=NET)]
Batch = Annotated[int | None, typer.Option(help="Samples a step.", rich_help_panel=NET)]
LearningRate = Annotated[float | None, typer.Option(help="Of the optimiser.", rich_help_panel=NET)]
WeightDecay = Annotated[
    float | None, typer.Option(help=f"Of the optimiser. Default: {_ASM.weight_decay}.", rich_help_panel=NET)
]

# The method.
WarmUp = Annotated[int | None, typer.Option(help="Epochs before mining begins.", rich_help_panel=METHOD)]
TargetsChoice = Annotated[
    Targets | None,
    typer.Option(
        "--targets", help="Anchored in out-of-sample evidence, or as the paper has it.", rich_help_panel=METHOD
    ),
]
Thresholds = Annotated[
    ThresholdKind | None,
    typer.Option("--thresholds", help=f"Default: {_ASM.thresholds}, a pair a class and epoch.", rich_help_panel=METHOD),
]
CleanScale = Annotated[
    float | None,
    typer.Option(
        help=f"Share of a class's mean confidence that is clean. Default: {_ASM.clean_scale}.", rich_help_panel=METHOD
    ),
]
NoisyScale = Annotated[
    float | None,
    typer.Option(
        help=f"Share of a class's mean confidence that is noisy. Default: {_ASM.noisy_scale}.", rich_help_panel=METHOD
    ),
]
MutualWeight = Annotated[
    float | None,
    typer.Option(help=f"omega, of the ambiguous loss. Default: {_ASM.mutual_weight}.", rich_help_panel=METHOD),
]
ConsistencyWeight = Annotated[
    float | None,
    typer.Option(help=f"gamma, of the noisy loss. Default: {_ASM.consistency_weight}.", rich_help_panel=METHOD),
]
RampBeta = Annotated[
    float | None,
    typer.Option(help=f"Steepness of the ramp-up. Default: {_ASM.ramp_beta}.", rich_help_panel=METHOD),
]
ReductionChoice = Annotated[
    Reduction | None,
    typer.Option("--reduction", help=f"Mean of a subset's loss. Default: {_ASM.reduction}.", rich_help_panel=METHOD),
]
Balance = Annotated[
    float | None,
    typer.Option(help=f"How far rare classes weigh more, 0 to 1. Default: {_ASM.balance}.", rich_help_panel=METHOD),
]
MinClassSize = Annotated[
    int | None,
    typer.Option(help=f"Smaller classes are not judged. Default: {_VERDICT.min_class_size}.", rich_help_panel=METHOD),
]
Rule = Annotated[
    ThresholdRule | None,
    typer.Option(
        "--rule", help="What decides a verdict. Default: calibrated, asm with 1 fold.", rich_help_panel=METHOD
    ),
]

# Output.
AsJson = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.", rich_help_panel=SHOW)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.", rich_help_panel=SHOW)]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="More than one screen.", rich_help_panel=SHOW)]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel=SHOW, callback=set_debug)
]


def audit_settings(config: Path | None, flags: dict[str, Any]) -> AuditSettings:
    """Settings from a file and then from flags.

    Args:
        config: A TOML file, or None.
        flags: Setting -> value, with a group's values in a dictionary of their own; None = not given.

    Raises:
        SettingsError: The file or a value is unfit.
    """
    settings = AuditSettings() if config is None else read_settings(config, AuditSettings())
    return with_values(settings, _given(flags))


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    found = {name: _given(value) if isinstance(value, dict) else value for name, value in flags.items()}
    return {name: value for name, value in found.items() if value is not None}
