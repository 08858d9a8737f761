"""Results on stdout: a screen, or only JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelaudit.bench.summary import BenchSummary
    from labelaudit.inspection import Inspection
    from labelaudit.report.compare import Comparison
    from labelaudit.report.html import PageResult
    from labelaudit.report.summary import Summary
    from labelaudit.report.truth import TruthScore


def write_audit(summary: Summary, *, run: Path | str, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Says what an audit found."""
    if as_json:
        write_json_line(summary.to_json())
    elif not quiet:
        from labelaudit.cli.output.consoles import results_console
        from labelaudit.cli.output.terminal import print_summary

        print_summary(results_console(), summary, run=str(run), verbose=verbose)


def write_demo(
    summary: Summary, score: TruthScore, *, run: Path, faces: Path, as_json: bool, quiet: bool, verbose: bool
) -> None:
    """Says what an audit of drawn faces found, and how much of that is true."""
    if as_json:
        write_json_line({"summary": summary.to_json(), "truth": score.to_json()})
    elif not quiet:
        from labelaudit.cli.output.consoles import results_console
        from labelaudit.cli.output.layout import labelled
        from labelaudit.cli.output.terminal import print_summary
        from labelaudit.cli.output.truth import truth_parts

        own = labelled("Next:", "your own faces: labelaudit audit FOLDER --out runs/mine")
        ending = [*truth_parts(score, faces=str(faces)), own]
        print_summary(results_console(), summary, run=str(run), verbose=verbose, ending=ending)


def write_inspection(inspection: Inspection, *, name: str, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Says what a dataset holds."""
    if as_json:
        write_json_line(inspection.to_json())
    elif not quiet:
        from labelaudit.cli.output.consoles import results_console
        from labelaudit.cli.output.overview import print_inspection

        print_inspection(results_console(), inspection, name=name, verbose=verbose)


def write_page_result(result: PageResult, *, as_json: bool, quiet: bool) -> None:
    """Says where a page is and what is in it."""
    if as_json:
        write_json_line(result.to_json())
    elif not quiet:
        from labelaudit.cli.output.consoles import results_console
        from labelaudit.cli.output.page import print_page

        print_page(results_console(), result)


def write_comparison(comparison: Comparison, *, out: Path | None, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Says what changed between two audits.

    Args:
        comparison: The two audits.
        out: The file that the changed rows were written to, or None.
        as_json: Only JSON.
        quiet: Nothing.
        verbose: More than one screen.
    """
    if as_json:
        write_json_line({**comparison.to_json(), "out": None if out is None else str(out)})
    elif not quiet:
        from labelaudit.cli.output.compare import print_comparison
        from labelaudit.cli.output.consoles import results_console

        print_comparison(results_console(), comparison, out=out, verbose=verbose)


def write_bench(summary: BenchSummary, *, out: Path, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Says what a bench found."""
    if as_json:
        write_json_line(summary.to_json())
    elif not quiet:
        from labelaudit.cli.output.bench import print_bench
        from labelaudit.cli.output.consoles import results_console

        print_bench(results_console(), summary, out=out, verbose=verbose)


def write_json_line(value: dict[str, Any]) -> None:
    """Writes JSON to stdout, and nothing else; signs that its encoding may lack are escaped."""
    readable = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(value, ensure_ascii=not readable, indent=2, allow_nan=False) + "\n")
    sys.stdout.flush()


def write_text(text: str) -> None:
    """Writes text to stdout as it is, with no line broken or coloured."""
    sys.stdout.write(text)
    sys.stdout.flush()
