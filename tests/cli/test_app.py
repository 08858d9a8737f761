from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from labelaudit import pipeline
from labelaudit._version import __version__
from labelaudit.cli.app import app
from labelaudit.errors import SourceError
from labelaudit.pipeline import AuditResult
from labelaudit.rundir import RunDir
from labelaudit.source.detect import FORMATS


def run(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "120", **environment})


def last_line(result: Result) -> str:
    return result.stderr.rstrip("\n").rsplit("\n", 1)[-1]


def called(monkeypatch, summary=None, error=None) -> list[dict]:
    """Puts a fake audit in the pipeline's place and gives what it is called with."""
    calls: list[dict] = []

    def run_audit(source, **more):
        calls.append({"source": source, **more})
        if error is not None:
            raise error
        return AuditResult(RunDir(more["out"]), summary)

    monkeypatch.setattr(pipeline, "run_audit", run_audit)
    return calls


def test_version():
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"labelaudit {__version__}\n")


def test_module_and_script_are_the_same():
    done = subprocess.run([sys.executable, "-m", "labelaudit", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"labelaudit {__version__}\n")


def test_nothing_to_do_shows_the_help():
    result = run()
    assert result.exit_code == 2
    assert "audit" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["audti"],
        ["audit"],
        ["audit", "faces"],
        ["audit", "faces", "--out", "r", "--effort", "huge"],
        ["audit", "faces", "--out", "r", "--seed", "one"],
        ["audit", "faces", "--out", "r", "--flod", "3"],
        ["demo", "--faces", "3"],
    ],
)
def test_usage_errors_exit_with_2_and_say_so_on_stderr(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_wrong_format_lists_them_all(face_folder):
    result = run("inspect", face_folder, "--format", "foldr")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert all(each.name in result.stderr for each in FORMATS)


def test_the_shell_completes_formats_and_choices():
    def completed(*words: str) -> list[str]:
        line = {
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
            "_LABELAUDIT_COMPLETE": "complete_bash",
        }
        done = CliRunner().invoke(app, [], env=line, prog_name="labelaudit")
        return done.stdout.split()

    assert completed("labelaudit", "au") == ["audit"]
    assert completed("labelaudit", "audit", "--format", "fer") == ["fer2013", "ferplus"]
    assert completed("labelaudit", "audit", "--effort", "") == ["quick", "standard", "thorough"]


def test_the_audit_gets_what_was_asked_for(monkeypatch, summary, face_folder, tmp_path):
    calls = called(monkeypatch, summary)
    arguments = ["--out", tmp_path / "run", "--seed", 3, "--folds", 4, "--weights", "none", "--thresholds", "fixed"]
    more = ["--mutual-weight", 0.5, "--min-class-size", 5, "--label-map", "happy=joy", "--resume"]
    result = run("audit", face_folder, *arguments, *more, LABELAUDIT_CACHE=str(tmp_path / "cache"))
    assert result.exit_code == 0, result.stderr
    (call,) = calls
    settings = call["settings"]
    assert (settings.seed, settings.folds, settings.nets.weights) == (3, 4, "none")
    assert (settings.asm.thresholds, settings.asm.mutual_weight) == ("fixed", 0.5)
    assert (settings.verdict.min_class_size, settings.cache_dir) == (5, tmp_path / "cache")
    assert "joy" in call["source"].table.labels
    assert (call["name"], call["force"], call["resume"]) == ("faces", False, True)


def test_stdout_is_json_and_nothing_else(monkeypatch, summary, face_folder, tmp_path):
    called(monkeypatch, summary)
    result = run("audit", face_folder, "--out", tmp_path / "run", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads(json.dumps(summary.to_json()))


def test_quiet_says_nothing(monkeypatch, summary, face_folder, tmp_path):
    called(monkeypatch, summary)
    result = run("audit", face_folder, "--out", tmp_path / "run", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_plain_lines_without_a_terminal(monkeypatch, summary, face_folder, tmp_path):
    called(monkeypatch, summary)
    result = run("audit", face_folder, "--out", tmp_path / "run")
    assert "likely mislabelled" in result.stdout
    assert "\x1b" not in result.output


def test_no_color_is_honoured(monkeypatch, summary, face_folder, tmp_path):
    called(monkeypatch, summary)
    arguments = ["audit", face_folder, "--out", tmp_path / "run"]
    coloured = run(*arguments, FORCE_COLOR="1", TERM="xterm-256color").stdout
    plain = run(*arguments, FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1").stdout
    assert "\x1b[38;" in coloured
    assert "\x1b[38;" not in plain


def test_an_error_is_one_line_and_2(monkeypatch, face_folder, tmp_path):
    called(monkeypatch, error=SourceError("faces holds\nno rows"))
    result = run("audit", face_folder, "--out", tmp_path / "run", "--json")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "labelaudit: faces holds no rows\n")


def test_debug_shows_the_traceback(monkeypatch, face_folder, tmp_path):
    called(monkeypatch, error=SourceError("no rows"))
    result = run("audit", face_folder, "--out", tmp_path / "run", "--debug")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert last_line(result) == "labelaudit: no rows"


def test_the_unexpected_is_one_line_too(monkeypatch, face_folder, tmp_path):
    called(monkeypatch, error=ZeroDivisionError("division by zero"))
    result = run("audit", face_folder, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert result.stderr == (
        "labelaudit: unexpected ZeroDivisionError: division by zero; rerun with --debug for the traceback\n"
    )


def test_a_full_disk_is_one_line(monkeypatch, face_folder, tmp_path):
    called(monkeypatch, error=OSError(28, "No space left on device", "pixels.npy"))
    result = run("audit", face_folder, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert result.stderr.startswith("labelaudit: No space left on device (pixels.npy)")


def test_an_interrupted_audit_says_how_it_goes_on(monkeypatch, face_folder, tmp_path):
    called(monkeypatch, error=KeyboardInterrupt())
    result = run("audit", face_folder, "--out", tmp_path / "my run", "--seed", "3", "--force")
    assert result.exit_code == 130
    assert result.stderr == (
        f"labelaudit: interrupted; go on with: labelaudit audit {face_folder} --out '{tmp_path / 'my run'}'"
        " --seed 3 --resume\n"
    )


def test_what_cannot_go_on_only_says_that_it_was_interrupted(monkeypatch, face_folder):
    monkeypatch.setattr("labelaudit.inspection.inspect_source", _interrupt)
    result = run("inspect", face_folder)
    assert (result.exit_code, result.stderr) == (130, "labelaudit: interrupted\n")


@pytest.mark.parametrize("ends", ["audit", "demo"])
def test_a_scheduler_may_ask_twice_and_is_obeyed_once(monkeypatch, face_folder, tmp_path, ends):
    monkeypatch.setattr(pipeline, "run_audit", _terminate_twice)
    command = [ends, *([str(face_folder)] if ends == "audit" else []), "--out", str(tmp_path / "run"), "--quiet"]
    result = run(*command, *(["--faces", 200] if ends == "demo" else []))
    assert result.exit_code == 143
    assert result.stderr.startswith(f"labelaudit: terminated; go on with: labelaudit {' '.join(command)}")
    assert result.stderr.endswith(" --resume\n")
    assert result.stderr.count("\n") == 1
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_whoever_runs_the_command_line_keeps_their_own_sigterm(monkeypatch, face_folder):
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        monkeypatch.setattr("labelaudit.inspection.inspect_source", _terminate_twice)
        assert run("inspect", face_folder).exit_code == 2  # the fake's result is none
    finally:
        signal.signal(signal.SIGTERM, before)
    assert told == [signal.SIGTERM] * 2


def _terminate_twice(*_: object, **__: object) -> None:
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.raise_signal(signal.SIGTERM)


def _interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_dataset_that_is_not_there(tmp_path):
    result = run("audit", tmp_path / "nowhere", "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert last_line(result).startswith("labelaudit: ")
    assert "nowhere" in last_line(result)
    assert len(result.stderr.splitlines()) == 1


def test_settings_are_refused_before_anything_is_read(tmp_path):
    result = run("audit", tmp_path / "nowhere", "--out", tmp_path / "run", "--noisy-scale", "0.9")
    assert result.exit_code == 2
    assert "noisy_scale" in last_line(result)


def test_a_folder_with_other_things_in_it_is_left_alone(face_folder, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine", encoding="utf-8")
    for choice in ([], ["--force"], ["--resume"]):
        result = run("audit", face_folder, "--out", tmp_path / "run", "--weights", "none", *choice)
        assert result.exit_code == 2
        assert "not empty and not a run of labelaudit" in last_line(result)
    assert os.listdir(tmp_path / "run") == ["thesis.txt"]


def test_a_closed_pipe_ends_quietly(face_folder):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as stdout:
        done = subprocess.run(
            [sys.executable, "-m", "labelaudit", "inspect", str(face_folder), "--json"],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_inspect_counts_what_is_there(face_folder, drawn):
    result = run("inspect", face_folder, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["format"], found["rows"], found["unreadable"]) == ("folder", 140, 0)
    assert found["classes"] == {name: drawn.given.count(name) for name in sorted(set(drawn.given))}
    assert {"splits", "duplicate_groups", "label_conflicts"} <= set(found)


def test_inspect_shows_it(face_folder, drawn):
    (face_folder / "happy" / "broken.png").write_bytes(b"no picture")
    text = run("inspect", face_folder, "--min-class-size", "100", "--verbose").stdout
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[1] == "faces · 141 faces, 7 classes"
    assert any(line.startswith("Pictures: 1 unreadable; all 48×48, kept at") for line in lines)
    assert any(line.startswith("Broken: happy/broken.png: ") for line in lines)
    assert "too few to judge" in text
    assert len(run("inspect", face_folder).stdout.splitlines()) <= 23


def test_a_demo_that_stands_there_already_is_not_drawn_over(tmp_path):
    (tmp_path / "demo-faces").mkdir()
    result = run("demo", "--out", tmp_path / "demo")
    assert result.exit_code == 2
    assert "demo-faces exists already; add --resume to go on or --force to draw anew" in last_line(result)


def test_a_demo_does_not_go_on_with_other_faces(tmp_path):
    (tmp_path / "demo-faces").mkdir()
    result = run("demo", "--faces", "200", "--out", tmp_path / "demo", "--resume")
    assert result.exit_code == 2
    assert "demo-faces was not drawn with this --faces and --seed; repeat those" in last_line(result)


def test_the_file_of_settings_is_named_where_it_is_wrong(tmp_path):
    config = tmp_path / "settings.toml"
    config.write_text("[audit]\nsede = 3\n", encoding="utf-8")
    result = run("audit", tmp_path, "--out", tmp_path / "run", "--config", config)
    assert result.exit_code == 2
    assert "did you mean seed?" in last_line(result)


@pytest.mark.parametrize("command", ["audit", "demo", "inspect"])
def test_help_shows_an_example(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"labelaudit {command}" in result.stdout


def test_a_true_audit_from_end_to_end(face_folder, tmp_path):
    out = tmp_path / "run"
    arguments = ["--weights", "none", "--folds", 2, "--epochs", 2, "--warm-up", 1, "--size", 32, "--json"]
    result = run("audit", face_folder, "--out", out, *arguments)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["rows"], sum(found["verdicts"].values())) == (140, 140)
    assert found == json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert all((out / name).is_file() for name in found["files"])
    assert str(Path(tmp_path)) not in result.stdout

    again = run("audit", face_folder, "--out", out, *arguments)
    assert again.exit_code == 2
    assert "holds a run already; add --resume to go on or --force to replace it" in last_line(again)
