"""Names that mean harm, through every output that a command writes; each is read back by a parser of its own form."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from review.small_run import write_run
from typer.testing import CliRunner

from labelaudit.cli.app import app
from labelaudit.faces import DrawnFaces, write_dataset

LABELS = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    '=HYPERLINK("http://evil.example")',
    "+1",
    "\uff1d1+1",
    "@SUM(1)",
    "::error file=x::pwned",
    "]]></testcase><testcase name='pwned'/>",
    "&xxe;%0A::error::pwned",
    "{{ 7 * 7 }}",
    "| a | `b` | [c](javascript:alert(1)) |",
    "\u202egnp.\u202c",
)
"""Class names. No control characters: XML has no place for them, and says so (test_cvat)."""

IDS = ("=1+1", "-2", "\u202ex", "<blink>id</blink>", "a\nb", "::set-output name=x::y", "../../x", "%0d%0aSet-Cookie: x")


class Page(HTMLParser):
    """The elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def run(drawn: DrawnFaces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 140 faces of hostile classes with hostile ids, all of them in the queue."""
    root = tmp_path_factory.mktemp("hostile")
    write_dataset(drawn, root / "faces")
    with open(root / "faces.csv", "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "path", "label"))
        for row in range(len(drawn)):
            label = LABELS[row % len(LABELS)]
            rows.writerow((f"{IDS[row % len(IDS)]} {row}", f"faces/{drawn.path(row)}", label))
    write_run(root / "run", root / "faces.csv", asked=140)
    return root / "run"


def told(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, result.stderr or result.exception
    assert "\x1b" not in result.stdout + result.stderr
    assert "\u202e" not in result.stdout + result.stderr
    return result.stdout


def cells(path: Path) -> Iterator[str]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file):
            yield from row


def assert_inert(path: Path) -> None:
    some = [cell for cell in cells(path) if re.match(r"'[=+\-@\uff1d]", cell)]
    assert some, "not one cell had to be escaped"
    numbers = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
    assert not [each for each in cells(path) if each[:1] in "=+-@\t\r\n\uff1d" and each and not numbers.fullmatch(each)]


def test_the_page(run: Path, tmp_path: Path) -> None:
    told("report", run, "--out", tmp_path / "page.html")
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    tags = [tag for tag, _ in page.found]
    assert tags.count("script") == 1
    assert all(value["src"].startswith("data:") for tag, value in page.found if tag == "img" and value.get("src"))
    assert not [(tag, name) for tag, value in page.found for name in value if name.startswith("on")]
    assert not [value for _, value in page.found if (value.get("href") or "").lower().startswith("javascript")]
    assert "blink" not in tags


@pytest.mark.parametrize("form", ["label-studio", "cvat", "datumaro", "fiftyone", "hf"])
def test_queues_for_tools(run: Path, tmp_path: Path, form: str) -> None:
    told("queue", run, "--format", form, "--out", tmp_path / "queue", "--top", 40)
    ids, labels = set(), set()
    for path in sorted((tmp_path / "queue").rglob("*")):
        if path.suffix == ".xml":
            root = ET.fromstring(path.read_text(encoding="utf-8"))
            ids |= {each.text for each in root.iter("attribute") if each.get("name") == "sample_id"}
            labels |= {each.text for each in root.iter("name")} | {each.get("value") for each in root.iter("Choice")}
        elif path.suffix == ".json":
            text = json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False)
            ids |= {
                name for name in (f"{each} {row}" for row, each in enumerate(IDS)) if json.dumps(name)[1:-1] in text
            }
            labels |= {each for each in LABELS if json.dumps(each, ensure_ascii=False)[1:-1] in text}
        elif path.suffix == ".jsonl":
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            ids |= {each["sample_id"] for each in lines}
            labels |= {each["given_label"] for each in lines}
        elif path.is_file():
            assert re.fullmatch(r"[\w. -]+\.png", path.name), path.name
    assert ids
    assert set(LABELS) <= labels


def test_tables_for_spreadsheets(run: Path, tmp_path: Path) -> None:
    told("queue", run, "--format", "csv", "--out", tmp_path / "queue.csv", "--top", 0)
    assert_inert(tmp_path / "queue.csv")
    other = run.parent / "other"
    write_run(other, run.parent / "faces.csv", asked=3)
    told("compare", other, run, "--out", tmp_path / "changes.csv")
    assert_inert(tmp_path / "changes.csv")


def test_conflicts_and_the_ledger(run: Path, tmp_path: Path) -> None:
    lines = [
        {"sample_id": f"{IDS[row % len(IDS)]} {row}", "ruling": "label", "label": LABELS[3 + who], "annotator": name}
        for row in range(8)
        for who, name in enumerate(("=cmd()", "<b>"))
    ]
    made = tmp_path / "made.jsonl"
    made.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    told("apply", run, made, "--out", tmp_path / "labels", "--as", "manifest", "--on-conflict", "keep")
    assert_inert(tmp_path / "labels" / "conflicts.csv")
    ledger = (tmp_path / "labels" / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line).get("sample_id") for line in ledger[1:]} == {each["sample_id"] for each in lines}


def test_the_gate(run: Path, tmp_path: Path) -> None:
    names = {"junit": "g.xml", "sarif": "g.sarif", "json": "g.json", "github": "g.txt", "markdown": "g.md"}
    outputs = [word for form, name in names.items() for word in ("--output", f"{form}={tmp_path / name}")]
    told("check", run, "--max-mislabelled", "1", *outputs, "--output", "text", code=1)
    suite = ET.parse(tmp_path / "g.xml").getroot()
    assert not [each for each in suite.iter("testcase") if each.get("name") == "pwned"]
    for name in ("g.sarif", "g.json"):
        json.loads((tmp_path / name).read_text(encoding="utf-8"))
    lines = (tmp_path / "g.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("::error title=labelaudit check::FAILED 1 of 3 limits")
    assert len(lines) == 1 + 10  # what it comes to, and ten files
    assert all(re.match(r"::warning file=[^:,]*,title=[^:]*::", line) for line in lines[1:]), lines
    outside = re.sub(r"(`+).*?\1", "", (tmp_path / "g.md").read_text(encoding="utf-8"))  # code shows what it holds
    assert "<" not in re.sub(r"</?(details|summary)( open)?>", "", outside)
    assert "javascript" not in outside


def test_the_terminal(run: Path) -> None:
    for arguments in (("inspect", run.parent / "faces.csv", "--verbose"), ("apply", run, "--dry-run")):
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        assert "\u202e" not in result.stdout + result.stderr
        assert not re.search(r"^::", result.stdout, re.MULTILINE)
