"""A summary of figures that look like those of a real audit, and a console to print it on."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from labelaudit.records import Reason
from labelaudit.report.metadata import Estimate
from labelaudit.report.summary import ClassSummary, Duplicates, Pair, Summary, WorstRow

NAMES = ("happy", "neutral", "sad", "surprise", "angry", "fear", "disgust", "contempt")


@pytest.fixture
def summary() -> Summary:
    """8,000 faces in eight classes; class k has 2,000 / (k + 1) rows and 10 * (k + 1) of them mislabelled."""
    per_class = [
        ClassSummary(
            label=name,
            given=2_000 // (k + 1),
            clean=0,
            ambiguous=100,
            mislabelled=10 * (k + 1),
            undetermined=0,
            unreadable=0,
            clean_threshold=None if name == "contempt" else 0.71,
            noisy_threshold=None if name == "contempt" else 0.18,
            mean_confidence=0.6,
            really="neutral",
            really_count=7,
        )
        for k, name in enumerate(NAMES)
    ]
    return Summary(
        dataset="faces",
        source_format="folder",
        source_why="a folder a class",
        rows=8_000,
        verdicts={"clean": 4_655, "ambiguous": 2_310, "mislabelled": 1_012, "undetermined": 3, "unreadable": 20},
        reasons={**dict.fromkeys(Reason, 0), Reason.DECODE_ERROR: 20, Reason.CLASS_TOO_SMALL: 3},
        per_class=per_class,
        confused=[Pair("sad", "neutral", 120), Pair("fear", "surprise", 80)],
        ambiguous_between=[Pair("neutral", "sad", 612)],
        worst=[
            WorstRow(rank, f"happy/{rank:05d}.png", "happy", None if rank == 3 else "neutral", 1.0 - 0.01 * rank)
            for rank in range(1, 11)
        ],
        duplicates=Duplicates(groups=12, rows=30, conflicts=3),
        mislabelled_precision=Estimate(0.81, 0.76, 0.85),
        queue_head=200,
        queue_precision=Estimate(0.94, 0.89, 0.97),
        noise_rate=Estimate(0.2, 0.18, 0.23),
        assumed=[
            "labels are the names of folders",
            "weights=auto: the face weights were in the cache",
            "effort quick on cpu",
            "five folds",
            "input of 96 px, which is what the network that was chosen for these weights was made for",
        ],
        weights="face",
        device="cpu",
        settings={"folds": 5, "seed": 0, "verdict": {"min_class_size": 10}},
        seconds={"pixels": 12.0, "features": 61.0, "fold 1 of 5": 119.0},
        files=["report.parquet", "thresholds.parquet", "summary.json"],
        tool_version="0.1.0",
    )


@pytest.fixture
def printed() -> Callable[..., str]:
    """Calls a function with a console of some width and encoding, and gives what it printed."""

    def run(function, *arguments, width: int = 80, encoding: str = "utf-8", terminal: bool = False, **more) -> str:
        raw = io.BytesIO()
        file = io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace")
        console = Console(
            file=file, width=width, force_terminal=terminal, highlight=False, markup=False, emoji=False, _environ={}
        )
        function(console, *arguments, **more)
        file.flush()
        return raw.getvalue().decode(encoding)

    return run
