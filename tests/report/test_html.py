from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from labelaudit.errors import ReportError
from labelaudit.labels import LabelSpace
from labelaudit.report.html import PAGE_NAME, render_html, write_page
from labelaudit.report.page import gather_page
from labelaudit.report.schema import THRESHOLDS_SCHEMA
from labelaudit.report.table import read_report, write_thresholds
from labelaudit.report.thumbnails import Thumbnail, Thumbnails
from labelaudit.rundir import RunDir
from labelaudit.source.memory import ArraySource

EVIL = "<script>alert(1)</script>\"'&.png"
VOID = {"meta", "img", "br", "wbr"}


class Reader(HTMLParser):
    """Elements with their attributes and the text in them; fails where a tag does not close."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


@pytest.fixture
def run(case, tmp_path) -> RunDir:
    run = RunDir(tmp_path / "run")
    run.root.mkdir()
    case.write(run.report)
    write_thresholds(run.thresholds, history=case.evidence.history, classes=case.table.labels.names)
    return run


def page_of(case, path: Path, thumbnails: Thumbnails | None = None) -> str:
    report = read_report(case.write(path / "report.parquet"))
    return render_html(gather_page(report, THRESHOLDS_SCHEMA.empty_table()), thumbnails)


def written(run: RunDir, **more) -> str:
    return write_page(run, run.root / PAGE_NAME, **more).path.read_text(encoding="utf-8")


def test_the_parts_come_in_the_order_that_people_need(run):
    page = Reader(written(run))
    sections = [each["id"] for each in page.all("section")]
    assert sections == [
        "first",
        "classes",
        "confusion",
        "known",
        "training",
        "thresholds",
        "ambiguous",
        "duplicates",
        "unjudged",
        "settings",
    ]
    assert "Of 9 faces, 2 (22.2\N{NO-BREAK SPACE}%) are likely mislabelled" in "".join(page.text)
    links = {each["href"] for each in page.all("a")}
    assert {f"#{name}" for name in sections} <= links


def test_it_can_be_read_by_who_cannot_see_it(run):
    page = Reader(written(run))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert attributes.get(name, ids[0]) in ids
        if attributes.get("role") in ("img", "region"):
            assert attributes.get("aria-label") or attributes.get("aria-labelledby")
        if "tabindex" in attributes:
            assert attributes["role"] == "region"
    assert all(each.get("scope") in ("col", "row") for each in page.all("th"))
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1
    drawn = [each["aria-label"] for _, each in page.elements if each.get("role") == "img"]
    assert any("falls from 95 % at the head of the queue" in (label or "") for label in drawn)


def test_it_loads_nothing_and_runs_only_its_own_script(run):
    text = written(run)
    page = Reader(text)
    (policy,) = (each["content"] for each in page.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    script = text.partition("<script>")[2].partition("</script>")[0]
    assert text.count("<script") == 1
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert f"script-src 'sha256-{digest}'" in policy
    assert not re.findall(r"https?:|//[\w-]+\.\w|@import|url\((?!#)", text)
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert not page.all("link")


def test_names_from_a_dataset_are_never_markup(case, tmp_path):
    names = ("<b>happy</b>", '"neutral"', "sad & \u202egrim{{ 7 * 7 }}")
    table = replace(
        case.table,
        labels=LabelSpace(names),
        given_label=[names[0]] * 4 + [names[1]] * 2 + [names[2], EVIL, None],
        path=[EVIL] * 8 + [None],
        sample_id=[f"{EVIL}{row}" for row in range(9)],
    )
    evil = replace(
        case,
        table=table,
        verdicts=replace(case.verdicts, reason_detail=[EVIL] * 9),
        metadata=replace(
            case.metadata,
            classes=names,
            dataset=EVIL,
            source_why=EVIL,
            assumed=(EVIL,),
            weights=EVIL,
            noise_matrix=None,
        ),
    )
    found = Thumbnails(missing={f"{EVIL}5": EVIL})
    text = page_of(evil, tmp_path, found)
    page = Reader(text)
    assert text.count("<script") == 1
    assert "<b>happy" not in text
    assert "<b>happy</b>" in page.words
    assert EVIL in page.words
    assert "{{ 7 * 7 }}" in page.words
    assert "\u202e" not in text
    title = text.partition("<title>")[2].partition("</title>")[0]
    assert "<" not in title


def test_without_a_dataset_there_is_no_pixel_and_the_page_says_how_to_add_some(run):
    text = written(run)
    assert "data:image" not in text
    assert "<img" not in text
    assert "--dataset DATASET" in text


def test_pictures_stand_where_they_were_asked_for(case, tmp_path):
    found = Thumbnails(
        found={"s5": Thumbnail("data:image/png;base64,AAAA", 112, 84)}, missing={"s2": "changed since the audit"}
    )
    text = page_of(case, tmp_path, found)
    images = Reader(text).all("img")
    assert len(images) == 2  # at the head of the queue, and the worst of its class
    assert images[0] == {
        "src": "data:image/png;base64,AAAA",
        "width": "112",
        "height": "84",
        "alt": "Face labelled neutral; looks sad; 95\N{NO-BREAK SPACE}% likely wrong",
    }
    assert "no picture: changed since the audit" in text
    assert "--dataset DATASET" not in text


def test_the_dataset_s_own_pictures_are_read(case, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 24, 24), dtype=np.uint8)
    facts = replace(case.facts, content_sha256=[hashlib.sha256(each.tobytes()).hexdigest() for each in pixels])
    run = RunDir(tmp_path)
    replace(case, facts=facts).write(run.report)
    source = ArraySource(pixels, ["a", "b"] + ["a"] * 7, ids=[f"s{row}" for row in range(9)])
    stages = []
    result = write_page(run, run.root / PAGE_NAME, source=source, progress=stages.append)
    assert (result.pictures, result.missing) == (4, {})
    assert result.size == result.path.stat().st_size
    assert (stages[0].name, stages[-1].name) == ("page", "pictures")
    assert "data:image/png" in result.path.read_text(encoding="utf-8")


def test_the_same_report_gives_the_same_page(run):
    assert written(run) == written(run, force=True)


def test_a_page_that_is_there_is_kept(run):
    target = run.root / PAGE_NAME
    target.write_text("mine")
    with pytest.raises(ReportError, match="--force"):
        write_page(run, target)
    assert target.read_text() == "mine"
    write_page(run, target, force=True)
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(ReportError, match="name a file"):
        write_page(run, run.root, force=True)


def test_what_cannot_be_written_is_said(run, tmp_path):
    with pytest.raises(ReportError, match="cannot write"):
        write_page(run, tmp_path / "no" / "folder" / "page.html")
    assert not list(run.root.glob("*.part"))


def test_a_run_without_its_thresholds_is_shown_without_them(run):
    run.thresholds.unlink()
    assert "No epoch was mined" in Reader(written(run)).words


def test_damaged_thresholds_are_said(run):
    run.thresholds.write_bytes(b"PAR1 and no more")
    with pytest.raises(ReportError, match=r"thresholds\.parquet cannot be read"):
        write_page(run, run.root / PAGE_NAME)


def test_no_folder_of_this_machine_is_told(case, tmp_path):
    settings = {**case.metadata.settings, "nets": {"weights": "/home/me/nets/face.safetensors"}}
    metadata = replace(case.metadata, settings=settings, assumed=("weights=/home/me/nets/face.safetensors: loaded",))
    text = page_of(replace(case, metadata=metadata), tmp_path)
    assert "face.safetensors" in text
    assert "/home/me" not in text
    assert str(tmp_path) not in text


def test_text_stands_out_from_what_is_behind_it():
    style = resources.files("labelaudit.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    light, dark = (dict(re.findall(r"--(\w+): (#\w{6})", line)) for line in re.findall("--paper: .*", style)[:2])
    assert light["paper"] != dark["paper"]
    for colours in (light, dark):
        for ink in ("ink", "quiet", "link"):
            for paper in ("paper", "panel"):
                assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
        assert contrast(colours["ink"], colours["warn"]) >= 4.5
        # The strongest cell of the heat map is 62 % of the colour of mislabelled rows.
        assert contrast(colours["ink"], mixed("#D55E00", colours["panel"], 0.62)) >= 4.5


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    pairs = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * first + (1 - share) * second):02x}" for first, second in pairs)


def test_verdicts_that_are_not_to_be_trusted_are_said_first(case, tmp_path):
    case = replace(case, metadata=replace(case.metadata, distrust=("peer 1 calls every face <b>sad</b>",)))
    page = page_of(case, tmp_path)
    told = "Warning: these verdicts are not to be trusted: peer 1 calls every face &lt;b&gt;sad&lt;/b&gt;."
    assert page.index(told) < page.index('class="lead"')


def test_a_page_without_a_warning_warns_of_nothing(run):
    assert "not to be trusted" not in written(run)
