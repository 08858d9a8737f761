"""The command as a shell sees it. ``tests/gate`` holds what it concludes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from gate.gate_reports import Face, faces, sha256_of, write_run, wrong
from typer.testing import CliRunner, Result

from labelaudit.cli.app import app
from labelaudit.records import Verdict
from labelaudit.rundir import RunDir
from labelaudit.source.origin import Origin, write_origin


def run(*arguments: object, **environment: str) -> Result:
    texts = [str(each) for each in arguments]
    return CliRunner().invoke(app, ["check", *texts], env={"GITHUB_STEP_SUMMARY": "", **environment})


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working directory: the root of a repository of its own."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bad(folder) -> Path:
    """Thirty faces, three of them mislabelled."""
    return write_run(folder / "bad", [*faces("ok", 27), *(wrong(f"w{n}.png", p=0.9 - n / 10) for n in range(3))])


@pytest.mark.parametrize(
    ("limit", "code"), [("3", 0), ("2", 1), ("50%", 0), ("happy=2", 1), ("sad=0", 0), ("trained", 2), ("x", 2)]
)
def test_the_exit_code_tells_passed_from_failed_from_broken(bad, limit, code):
    assert run(bad, "--max-mislabelled", limit).exit_code == code


@pytest.mark.parametrize("output", ["text", "json", "junit", "sarif", "github", "markdown"])
def test_the_exit_code_is_the_same_in_every_format(bad, output):
    assert run(bad, "--max-mislabelled", "2", "--output", output).exit_code == 1
    assert run(bad, "--max-mislabelled", "3", "--output", output).exit_code == 0
    broken = run(bad, "--max-mislabelled", "hapy=1", "--output", output)
    assert (broken.exit_code, broken.stdout) == (2, "")
    assert len(broken.stderr.splitlines()) == 1


def test_several_formats_at_once(bad, folder):
    result = run(bad, "--max-mislabelled", "2", "--output", "junit=out/report.xml", "--output", "sarif=faces.sarif")
    assert result.exit_code == 1
    assert result.stdout.startswith("labelaudit check: FAILED 1 of 3 limits\n")  # text still goes to stdout
    assert "w0.png" in result.stdout
    assert (folder / "out" / "report.xml").read_text(encoding="utf-8").startswith("<?xml")
    assert json.loads((folder / "faces.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"


def test_json_alone_on_stdout(bad):
    result = run(bad, "--max-mislabelled", "2", "--json", "--quiet")
    assert json.loads(result.stdout)["failing_files"] == 3
    assert result.stderr == ""


def test_quiet_leaves_the_exit_code(bad):
    result = run(bad, "--max-mislabelled", "2", "--quiet")
    assert (result.exit_code, result.output) == (1, "")


def test_github_gets_its_summary(bad, folder):
    summary = folder / "summary.md"
    result = run(bad, "--max-mislabelled", "2", "--output", "github", GITHUB_STEP_SUMMARY=str(summary))
    assert result.stdout.startswith("::error title=labelaudit check::FAILED 1 of 3 limits")
    assert "w2.png" in summary.read_text(encoding="utf-8")
    run(bad, "--max-mislabelled", "2", GITHUB_STEP_SUMMARY=str(folder / "other.md"))
    assert not (folder / "other.md").exists()


def test_flags_go_over_the_file(bad, folder):
    (folder / "labelaudit.toml").write_text("[check]\nmax-mislabelled = { '*' = 2, sad = 0 }\n")
    assert run(bad).exit_code == 1
    assert run(bad, "--max-mislabelled", "3").exit_code == 0
    (folder / "other.toml").write_text("[check]\nmax-mislabelled = 9\n")
    assert run(bad, "--config", folder / "other.toml").exit_code == 0


def test_paths_are_those_of_the_repository(bad, folder):
    dataset = folder / "data" / "faces"
    dataset.mkdir(parents=True)
    write_origin(RunDir(bad), Origin(str(dataset)))
    assert "data/faces/w0.png" in run(bad, "--max-mislabelled", "2").stdout
    assert "  elsewhere/w0.png" in run(bad, "--max-mislabelled", "2", "--path-prefix", "elsewhere").stdout
    (bad / "dataset.json").write_text("{")
    damaged = run(bad, "--max-mislabelled", "2")
    assert (damaged.exit_code, len(damaged.stderr.splitlines())) == (2, 1)
    assert "--path-prefix" in damaged.stderr


def test_a_baseline_leaves_only_what_is_new(bad, folder):
    new = write_run(folder / "new", [*faces("ok", 27), *(wrong(f"w{n}.png") for n in range(4))])
    result = run(new, "--baseline", bad, "--max-mislabelled", "0")
    assert result.exit_code == 1
    assert "w3.png" in result.stdout
    assert "w2.png" not in result.stdout
    assert "known: 3 findings that the baseline has, too" in result.stdout
    assert run(bad, "--baseline", bad).exit_code == 0  # and gives "trained" something to compare with


def test_accepting_writes_the_list_and_passes(bad, folder):
    accept = ("--accept", "labelaudit-allow.txt", "--why", "Ann: all fine")
    result = run(bad, "--max-mislabelled", "0", *accept)
    assert result.exit_code == 0, result.output
    assert "3 samples added to labelaudit-allow.txt" in result.stderr
    lines = (folder / "labelaudit-allow.txt").read_text(encoding="utf-8").splitlines()
    assert lines[1] == f"{sha256_of('w0.png')}  happy  # Ann: all fine w0.png"
    again = run(bad, "--max-mislabelled", "0")
    assert again.exit_code == 0
    assert "accepted: 3 files" in again.stdout
    fresh = write_run(
        folder / "fresh", [*faces("ok", 9), wrong("w0.png"), wrong("other", content="w1.png"), wrong("w9")]
    )
    assert [line for line in run(fresh, "--max-mislabelled", "0").stdout.splitlines() if "rather" in line] == [
        "  w9  labelled happy, rather sad (80 %); wrong with 90 %"
    ]


def test_two_allow_lists_are_one_too_many(bad, folder):
    (folder / "a.txt").write_text("")
    result = run(bad, "--max-mislabelled", "0", "--allow-list", "a.txt", "--accept", "b.txt")
    assert result.exit_code == 2
    assert not (folder / "b.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "nothing does not exist"),
        (["{run}"], "nothing to compare with"),
        (["{run}", "--max-mislabelled", "sadd=1"], "did you mean sad"),
        (["{run}", "--max-mislabelled", "1", "--max-drift", "0.3"], "needs a batch that a model scored"),
        (["{run}", "--max-mislabelled", "1", "--baseline", "nothing"], "nothing does not exist"),
        (["{run}", "--max-mislabelled", "1", "--allow-list", "nothing"], "cannot be read"),
        (["{run}", "--max-mislabelled", "1", "--output", "junit={run}"], "cannot write"),
        (["{run}", "--max-mislabelled", "1", "--why", "x"], "--accept"),
        (["{run}", "--config", "nothing"], "cannot read limits from nothing"),
        (["started"], "did not finish"),
        (["cut.parquet", "--max-mislabelled", "1"], "cannot be read as Parquet"),
        (["text.parquet", "--max-mislabelled", "1"], "cannot be read as Parquet"),
        (["other.parquet", "--max-mislabelled", "1"], "is not a report of labelaudit"),
        (["less.parquet", "--max-mislabelled", "1"], "lacks the column verdict"),
        (["later.parquet", "--max-mislabelled", "1"], "has report schema 99"),
        (["unsure", "--max-mislabelled", "10%"], "not calibrated"),
        (["unjudged", "--max-mislabelled", "10%"], "none of the 3 files could be judged"),
    ],
)
def test_what_cannot_be_checked_is_one_line_and_2(bad, folder, arguments, said):
    _write_broken_reports(bad / "report.parquet", folder)
    result = run(*[each.format(run=bad) for each in arguments])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr


def _write_broken_reports(report: Path, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = report.read_bytes()
    (folder / "cut.parquet").write_bytes(content[: len(content) // 2])
    (folder / "text.parquet").write_text("sample_id,verdict\n")
    table = pq.read_table(report)
    pq.write_table(pa.table({"verdict": ["clean"]}), folder / "other.parquet")
    pq.write_table(table.drop_columns(["verdict"]), folder / "less.parquet")
    facts = json.loads(table.schema.metadata[b"labelaudit"])
    later = json.dumps({**facts, "schema_version": 99}).encode()
    pq.write_table(table.replace_schema_metadata({b"labelaudit": later}), folder / "later.parquet")
    (folder / "started").mkdir()
    (folder / "started" / "run.json").write_text("{}")
    write_run(folder / "unsure", [*faces("ok", 9), wrong("w")], rule="asm")
    write_run(folder / "unjudged", [Face(f"x{n}", "happy", Verdict.UNDETERMINED) for n in range(3)])


def test_a_check_loads_no_torch_and_nothing_slow(bad):
    slow = "{'torch', 'sklearn', 'matplotlib', 'jinja2', 'datasets', 'torchvision', 'labelaudit.source.detect'}"
    code = (
        "import sys; from labelaudit.cli.app import main\n"
        f"sys.argv = ['labelaudit', 'check', {str(bad)!r}, '--max-mislabelled', '50%', '--quiet']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code in (0, None), end.code\n"
        f"print(sorted({slow} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


WHY = "nothing could be learned from these labels"


@pytest.mark.parametrize("output", ["text", "json", "junit", "sarif", "github"])
def test_verdicts_that_are_not_to_be_trusted_are_not_checked(folder, output):
    run_folder = write_run(folder / "shuffled", faces("ok", 30), distrust=(WHY,))
    refused = run(run_folder, "--max-mislabelled", "100%", "--output", output)
    assert (refused.exit_code, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert f"cannot be checked; these verdicts are not to be trusted: {WHY}; mend that and audit again" in line


def test_nothing_is_held_against_a_baseline_that_is_not_to_be_trusted(bad, folder):
    before = write_run(folder / "before", faces("ok", 30), distrust=(WHY,))
    refused = run(bad, "--baseline", before)
    assert refused.exit_code == 2
    assert "before cannot be checked" in refused.stderr


def test_no_batch_is_scored_by_a_model_that_is_not_to_be_trusted(folder):
    model = write_run(folder / "model", faces("ok", 30), distrust=(WHY,))
    (folder / "new" / "happy").mkdir(parents=True)
    refused = run(folder / "new", "--model", model)  # the model's files are not even there
    assert refused.exit_code == 2
    assert "model cannot be checked; these verdicts are not to be trusted" in refused.stderr
