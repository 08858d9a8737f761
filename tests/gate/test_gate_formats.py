from __future__ import annotations

import functools
import json
from pathlib import Path, PurePosixPath

import jsonschema
import pytest
from gate.gate_reports import Face, faces, sha256_of, wrong
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from labelaudit.errors import GateError
from labelaudit.gate import sarif
from labelaudit.gate.check import Batch, check_gate
from labelaudit.gate.findings import Finding
from labelaudit.gate.github import render_github, write_step_summary
from labelaudit.gate.json_ import render_json
from labelaudit.gate.junit import render_junit
from labelaudit.gate.limits import Count, Kind, Limit, Share
from labelaudit.gate.markdown import _row, render_markdown
from labelaudit.gate.outputs import Output, OutputFormat, parse_outputs, write_output
from labelaudit.gate.place import Place
from labelaudit.gate.run import read_checked
from labelaudit.gate.sarif import as_uri, render_sarif
from labelaudit.gate.text import render_text
from labelaudit.records import Verdict

SCHEMAS = Path(__file__).parent / "schemas"
NASTY = "ü %1,2:3|`x`\n<b>&\x1b[31m\x00.png"


@functools.cache
def sarif_schema() -> jsonschema.Draft4Validator:
    return jsonschema.Draft4Validator(json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8")))


@functools.cache
def junit_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMAS / "junit-10.xsd"))


@pytest.fixture
def failed(write):
    """Twelve wrong labels, an unreadable file and a conflict; two limits fail."""
    rows = [
        *faces("ok", 40),
        wrong(NASTY, p=0.98),
        *(wrong(f"w{n:02d}.png", "sad", p=0.9 - n / 100, rather="happy") for n in range(11)),
        Face("broken.png", verdict=Verdict.UNREADABLE),
        Face("t1.png", "happy", group=0),
        Face("t2.png", "sad", group=0),
    ]
    limits = [
        Limit(Kind.MISLABELLED, Share(0.02)),
        Limit(Kind.MISLABELLED, Count(20), "sad"),
        Limit(Kind.CONFLICTS, Count(0)),
        Limit(Kind.UNREADABLE, Count(1)),
    ]
    return check_gate(Batch(read_checked(write(rows))), limits, place=Place(PurePosixPath("data/new faces")))


@pytest.fixture
def passed(write):
    return check_gate(Batch(read_checked(write(faces("ok", 5), name="passed"))), [Limit(Kind.MISLABELLED, Count(0))])


def test_text_names_the_worst_and_counts_the_rest(write):
    rows = [*faces("ok", 10), *(wrong(f"w{n:02d}.png", p=0.9 - n / 100) for n in range(25))]
    result = check_gate(Batch(read_checked(write(rows))), [Limit(Kind.MISLABELLED, Count(3))])
    assert render_text(result).splitlines() == [
        "labelaudit check: FAILED 1 of 3 limits",
        "new faces, 35 files, judged by labelaudit-01234567",
        "",
        "passed  unreadable   0 of 35 unreadable, limit 0",
        "passed  conflicts    0 of 35 under two labels, limit 0",
        "FAILED  mislabelled  25 of 35 called mislabelled, limit 3",
        "",
        "Worst first, 20 of 25 files:",
        *(f"  w{n:02d}.png  labelled happy, rather sad (80 %); wrong with {90 - n} %" for n in range(20)),
        "  and 5 more; --output json=FILE names them all",
    ]


def test_text_of_a_gate_that_passed_names_no_file(passed):
    assert render_text(passed).splitlines()[0] == "labelaudit check: passed 3 limits"
    assert ".png" not in render_text(passed)


def test_json_has_every_figure_and_every_file(failed):
    said = json.loads(render_json(failed))
    assert (said["schema_version"], said["passed"], said["rows"], said["failing_files"]) == (1, False, 55, 14)
    assert [(each["kind"], each["class"], each["failed"]) for each in said["limits"]] == [
        ("unreadable", None, False),
        ("conflicts", None, True),
        ("mislabelled", None, True),
        ("mislabelled", "sad", False),
    ]
    assert said["limits"][2]["limit"] == {"share": 0.02}
    assert said["limits"][2]["share"] == pytest.approx(12 / 54, abs=1e-6)
    assert len(said["findings"]) == 15
    assert said["findings"][-1]["detail"] == "truncated"
    assert {"data/new faces/w00.png", f"data/new faces/{NASTY}"} <= {each["file"] for each in said["findings"]}


def test_junit_has_a_case_a_limit_and_class(failed, passed):
    for result in (failed, passed):
        junit_schema().assertValid(etree.fromstring(render_junit(result).encode()))
    root = etree.fromstring(render_junit(failed).encode())
    suite = root.find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("4", "2")
    cases = {(each.get("classname"), each.get("name")): each for each in suite.iter("testcase")}
    assert set(cases) == {
        ("labelaudit.check.unreadable", "all files"),
        ("labelaudit.check.conflicts", "all files"),
        ("labelaudit.check.mislabelled", "all files"),
        ("labelaudit.check.mislabelled", "sad"),
    }
    failure = cases["labelaudit.check.mislabelled", "all files"].find("failure")
    assert failure.get("message").startswith("12 of 54 called mislabelled, 22.2 %")
    lines = failure.text.splitlines()
    assert len(lines) == 12
    assert lines[0].startswith("data/new faces/ü %1,2:3|`x`\\n<b>&\\x1b[31m\\x00.png: labelled happy, rather sad")
    assert cases["labelaudit.check.mislabelled", "sad"].find("failure") is None


def test_junit_counts_what_it_does_not_name(write):
    rows = [*faces("ok", 10), *(wrong(f"w{n:02d}.png") for n in range(60))]
    result = check_gate(Batch(read_checked(write(rows))), [Limit(Kind.MISLABELLED, Count(3))])
    failure = etree.fromstring(render_junit(result).encode()).find(".//failure")
    assert failure.text.splitlines()[-1] == "and 10 more"


def test_sarif_is_what_the_standard_says(failed, passed):
    for result in (failed, passed):
        sarif_schema().validate(json.loads(render_sarif(result)))
    [run] = json.loads(render_sarif(failed))["runs"]
    assert run["invocations"][0]["exitCode"] == 1
    results = run["results"]
    assert len(results) == 15
    for each in results:
        assert run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"]
        assert each["level"] == ("warning" if each["ruleId"] == "labelaudit/unreadable" else "error")
    by_file = {each["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]: each for each in results}
    nasty = by_file[NASTY]
    assert nasty["ruleId"] == "labelaudit/mislabelled"
    assert nasty["rank"] == 98.0
    assert nasty["partialFingerprints"]["contentSha256/v1"] == sha256_of(NASTY)
    uri = nasty["locations"][0]["physicalLocation"]["artifactLocation"]
    assert uri["uriBaseId"] == "%SRCROOT%"
    assert uri["uri"] == ("data/new%20faces/%C3%BC%20%251%2C2%3A3%7C%60x%60%0A%3Cb%3E%26%1B%5B31m%00.png")
    assert by_file["broken.png"]["message"]["text"] == "unreadable: cannot be decoded: truncated"


def test_sarif_keeps_the_worst_and_says_how_many_it_dropped(failed, monkeypatch):
    monkeypatch.setattr(sarif, "MOST_RESULTS", 4)
    [run] = json.loads(render_sarif(failed))["runs"]
    assert len(run["results"]) == 4
    assert run["properties"]["droppedResults"] == 11
    said = [each["message"]["text"] for each in run["invocations"][0]["toolExecutionNotifications"]]
    assert said[-1] == "11 results beyond the worst 4 left out"


def test_sarif_of_pictures_without_a_file(write):
    rows = [*faces("ok", 5), Face("id 7", "happy", Verdict.MISLABELLED, 0.9, "sad", embedded=True)]
    report = read_checked(write(rows))
    limits = [Limit(Kind.MISLABELLED, Count(0))]
    [run] = json.loads(render_sarif(check_gate(Batch(report), limits)))["runs"]
    assert "physicalLocation" not in run["results"][0]["locations"][0]
    held = check_gate(Batch(report), limits, place=Place(holder="data/batch.parquet"))
    sarif_schema().validate(json.loads(render_sarif(held)))
    [run] = json.loads(render_sarif(held))["runs"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "data/batch.parquet"


@given(st.text())
def test_no_name_leaves_the_repository_or_breaks_a_uri(name):
    uri = as_uri(name.encode("utf-8", "ignore").decode())
    assert not uri.startswith("/")
    assert set(uri) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/%")


def test_github_annotates_ten_files_and_says_where_the_rest_is(failed, passed):
    lines = render_github(failed).splitlines()
    assert len(lines) == 11
    assert lines[0].startswith("::error title=labelaudit check::FAILED 2 of 4 limits: conflicts: 2 of 55 under two")
    assert lines[0].endswith("4 more files than are annotated stand in the summary")
    assert all(line.startswith("::warning file=data/new faces/") for line in lines[1:])
    assert lines[1] == (
        "::warning file=data/new faces/t1.png,title=label conflict%3A happy::labelled happy, "
        "and the same picture stands under another label; wrong with 10 %25"
    )
    nasty = (
        "::warning file=data/new faces/ü %251%2C2%3A3|`x`%0A<b>&\x1b[31m\x00.png,title=likely mislabelled%3A happy::"
    )
    assert sum(line.startswith(nasty) for line in lines) == 1
    assert render_github(passed) == "::notice title=labelaudit check::passed 3 limits\n"


def test_the_summary_of_a_step_is_added_to(tmp_path, failed):
    path = tmp_path / "summary.md"
    path.write_text("before\n", encoding="utf-8")
    write_step_summary(path, render_markdown(failed))
    assert path.read_text(encoding="utf-8").startswith("before\n### ❌ labelaudit check: FAILED 2 of 4 limits\n")


def test_markdown_is_two_tables_and_names_are_no_markup(failed, passed):
    lines = render_markdown(failed).splitlines()
    assert "| ❌ | conflicts | 2 of 55 under two labels, limit 0 |" in lines
    assert "| ✅ | mislabelled `sad` | 11 of 12 called mislabelled, limit 20 |" in lines
    [row] = [line for line in lines if "1,2:3" in line]
    name = r"`` data/new faces/ü %1,2:3\|`x`\n<b>&\x1b[31m\x00.png ``"
    assert row == f"| {name} | `happy` | `sad` (80 %) | 98 % | likely mislabelled |"
    assert "<details" not in render_markdown(passed)


@given(st.text(min_size=1))
def test_a_row_of_a_table_stays_one_row(name):
    row = _row(Finding(Kind.MISLABELLED, True, name, name, name, None, None, None, None, None))
    assert "\n" not in row
    assert row.replace("\\|", "").count("|") == 6


@pytest.mark.parametrize(
    ("texts", "outputs"),
    [
        ([], (Output(OutputFormat.TEXT),)),
        (["json"], (Output(OutputFormat.JSON),)),
        (["json=-"], (Output(OutputFormat.JSON),)),
        (["text", "github"], (Output(OutputFormat.TEXT), Output(OutputFormat.GITHUB))),
        (["junit=a=b.xml", "json"], (Output(OutputFormat.JUNIT, Path("a=b.xml")), Output(OutputFormat.JSON))),
    ],
)
def test_outputs_go_to_stdout_or_a_file(texts, outputs):
    assert parse_outputs(texts) == outputs


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["xml"], "no known format"),
        (["json", "sarif"], "json and sarif cannot share stdout"),
        (["text", "text"], "cannot share stdout"),
        (["json=a", "sarif=./a"], "two outputs go to a"),
    ],
)
def test_outputs_that_cannot_be(texts, said):
    with pytest.raises(GateError, match=said):
        parse_outputs(texts)


def test_a_file_is_written_whole_and_over_an_earlier_one(tmp_path, passed):
    target = tmp_path / "new" / "report.json"
    for _ in range(2):
        write_output(passed, Output(OutputFormat.JSON, target))
    assert json.loads(target.read_text(encoding="utf-8"))["passed"] is True
    assert [path.name for path in target.parent.iterdir()] == ["report.json"]
