"""The report as one HTML file: no network, no folder names, pictures only where a person asked for them.

All text is escaped by jinja2. The page's Content-Security-Policy lets it load nothing, and run nothing but its own
small script, which sorts tables and opens what is folded before printing; without it everything can be read.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import ParamSpec

import pyarrow as pa
import pyarrow.parquet as pq
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from labelaudit.errors import ReportError
from labelaudit.records import JsonDict, Progress, Stage, Verdict, no_progress
from labelaudit.report import words
from labelaudit.report.figures import COLOURS
from labelaudit.report.gallery import COLUMNS
from labelaudit.report.page import Page, gather_page
from labelaudit.report.schema import THRESHOLDS_SCHEMA
from labelaudit.report.spot_check import read_spot_check
from labelaudit.report.spot_words import spot_notes, spot_sentences
from labelaudit.report.svg import SUGGESTION
from labelaudit.report.table import read_report
from labelaudit.report.thumbnails import Thumbnails, fetch_thumbnails
from labelaudit.rundir import RunDir, written_aside
from labelaudit.source.interface import LabelSource

PAGE_NAME = "report.html"

_Arguments = ParamSpec("_Arguments")

VERDICT_WORDS = {
    Verdict.MISLABELLED: "likely mislabelled",
    Verdict.AMBIGUOUS: "ambiguous",
    Verdict.CLEAN: "clean",
    Verdict.UNDETERMINED: "undetermined",
    Verdict.UNREADABLE: "unreadable",
}


@dataclass(frozen=True)
class PageResult:
    """A page that was written.

    Attributes:
        path: Where it is.
        size: In bytes.
        pictures: Different pictures in it.
        missing: Why pictures that were asked for are not in it, and how many for each reason.
    """

    path: Path
    size: int
    pictures: int
    missing: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> JsonDict:
        """Plain values."""
        return {**asdict(self), "path": str(self.path)}


def write_page(
    run: RunDir,
    out: Path,
    *,
    source: LabelSource | None = None,
    force: bool = False,
    progress: Progress = no_progress,
) -> PageResult:
    """Writes the page of a run, whole or not at all.

    Args:
        run: A finished run.
        out: The file to be.
        source: The dataset that was audited; its pictures then stand in the page. None = no pictures.
        force: Replace a file that is there.
        progress: Told of every stage.

    Raises:
        ReportError: The file is there, there is no report, the source is another dataset, or nothing can be written.
    """
    if out.exists() and (out.is_dir() or not force):
        way = "name a file with --out" if out.is_dir() else "add --force to replace it, or name another with --out"
        raise ReportError(f"{out} exists already; {way}")
    report = read_report(run, columns=COLUMNS)
    progress(Stage("page", 0, len(report), "faces"))
    spot = read_spot_check(run, report.metadata)
    page = gather_page(report, _read_history(run), spot=None if spot is None else spot.findings)
    progress(Stage("page", len(report), len(report), "faces"))
    thumbnails = None
    if source is not None:
        wanted = {card.sample_id: card.sha256 for card in page.galleries.pictured()}
        known = {sample_id: digest for sample_id, digest in wanted.items() if digest is not None}
        thumbnails = fetch_thumbnails(source, known, progress=progress)
    content = render_html(page, thumbnails).encode()
    try:
        with written_aside(out) as aside:
            aside.write_bytes(content)
    except OSError as error:
        raise ReportError(f"cannot write {out}: {error.strerror}; name another file with --out") from error
    got = thumbnails or Thumbnails()
    reasons = list(got.missing.values())
    return PageResult(out, len(content), len(got.found), {why: reasons.count(why) for why in dict.fromkeys(reasons)})


def render_html(page: Page, thumbnails: Thumbnails | None = None) -> str:
    """The page as text; the same content gives the same text.

    Args:
        page: Its content.
        thumbnails: Pictures by sample_id; None = the page has none.
    """
    environment = Environment(
        loader=PackageLoader("labelaudit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (words.number, words.counted, words.percent, words.share_of, words.chance, words.interval):
        environment.filters[function.__name__] = _together(function)
    environment.filters["shown"] = words.shown
    environment.filters["prose"] = _together(words.shown)
    script = _static("page.js")
    return environment.get_template("page.html.j2").render(
        page=page,
        thumbnails=thumbnails,
        Verdict=Verdict,
        verdict_words=VERDICT_WORDS,
        spot_sentences=spot_sentences,
        spot_notes=spot_notes,
        style=Markup(_static("page.css")),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        colours={**{verdict.value: colour for verdict, colour in COLOURS.items()}, "suggestion": SUGGESTION},
    )


def _together(function: Callable[_Arguments, str]) -> Callable[_Arguments, str]:
    """The function, giving text in which numbers keep their sign on the same line."""

    @functools.wraps(function)
    def kept(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> str:
        return function(*args, **kwargs).replace(" %", "\N{NO-BREAK SPACE}%")

    return kept


def _static(name: str) -> str:
    return resources.files("labelaudit.report").joinpath("templates", name).read_text(encoding="utf-8")


def _read_history(run: RunDir) -> pa.Table:
    """Thresholds through the epochs; no rows where the file is gone, which the page says."""
    if not run.thresholds.is_file():
        return THRESHOLDS_SCHEMA.empty_table()
    try:
        return pq.read_table(run.thresholds, schema=THRESHOLDS_SCHEMA)
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        raise ReportError(f"{run.thresholds} cannot be read as Parquet ({first}); audit again") from error
