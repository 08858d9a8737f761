"""The examples for CI systems, run as far as a machine without those systems can."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from gate.gate_reports import faces, write_run, wrong

from labelaudit.likeness import Overlap, Scored

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "ci"
HASH = "0123456789abcdef"
NOBODY = {
    "GIT_AUTHOR_NAME": "n",
    "GIT_AUTHOR_EMAIL": "n@example.com",
    "GIT_COMMITTER_NAME": "n",
    "GIT_COMMITTER_EMAIL": "n@example.com",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the example's limits and a finished audit; the batch comes from ``deliver``."""
    root = tmp_path / "repository"
    (root / "data").mkdir(parents=True)
    (root / "runs").mkdir()
    shutil.copy(EXAMPLES / "labelaudit.toml", root)
    write_run(root / "runs" / "faces", [*faces("old", 180), *(wrong(f"old-w{n}", p=0.7) for n in range(20))])
    _run("git init -q", root)
    return root


def deliver(root: Path, *, bad: bool) -> None:
    """Puts a batch there, as ``labelaudit score`` leaves it, so that no model is needed."""
    few = [wrong(f"w{n}.png", p=0.97) for n in range(15 if bad else 2)]
    scored = Scored(HASH, "faces", None, Overlap(0, 0, 0))
    write_run(root / "data" / "new-faces", [*faces("new", 60), *few], scored=scored)


def _run(command: str, root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command as CI does, with this environment's labelaudit."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
        cwd=root,
        env={**os.environ, **NOBODY, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _load(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


each_batch = pytest.mark.parametrize(("bad", "code"), [(False, 0), (True, 1)])


@each_batch
def test_the_github_action(repository, bad, code, tmp_path):
    deliver(repository, bad=bad)
    action = _load("action.yml")
    install, check = action["runs"]["steps"]
    assert action["runs"]["using"] == "composite"
    assert all(step["shell"] == "bash" for step in (install, check))
    assert "${{" not in install["run"] + check["run"], "inputs reach a shell through env only"

    inputs = {name: each.get("default", "") for name, each in action["inputs"].items()}
    inputs |= {"batch": "data/new-faces", "arguments": "--max-ambiguous=5%\n--max-drift\n0.3\n"}
    values = {name: _filled(value, inputs) for name, value in check["env"].items()}
    summary = tmp_path / "summary.md"
    done = _run(check["run"], repository, GITHUB_STEP_SUMMARY=str(summary), **values)
    assert done.returncode == code, done.stderr
    assert done.stdout.splitlines()[0].startswith("::error title=" if bad else "::notice title=")
    assert done.stdout.count("::warning file=") == (10 if bad else 0)
    assert "labelaudit check" in summary.read_text(encoding="utf-8")
    assert (repository / "labelaudit.sarif").is_file()
    assert (repository / "labelaudit.xml").is_file()


def test_the_action_runs_nothing_of_its_inputs(repository):
    deliver(repository, bad=False)
    _, check = _load("action.yml")["runs"]["steps"]
    nasty = '$(touch pwned); `touch pwned` "; touch pwned'
    values = dict.fromkeys(check["env"], nasty) | {"SARIF": "a.sarif", "JUNIT": "a.xml"}
    assert _run(check["run"], repository, **values).returncode == 2
    assert not (repository / "pwned").exists()


def test_the_action_installs_its_own_repository():
    install = _load("action.yml")["runs"]["steps"][0]
    default = _load("action.yml")["inputs"]["install"]["default"]
    place = Path(_filled(default, {}, action_path=str(EXAMPLES)))
    assert (place / "pyproject.toml").is_file()
    assert install["run"] == 'python -m pip install --quiet "$INSTALL"'


def _filled(text: str, inputs: dict[str, str], *, action_path: str = "") -> str:
    """An expression as GitHub fills it in, of the two kinds that the action has."""
    text = text.replace("${{ github.action_path }}", action_path)
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], text)


def test_the_workflow_gives_the_action_what_it_takes():
    workflow, action = _load("github-workflow.yml"), _load("action.yml")
    steps = workflow["jobs"]["check"]["steps"]
    [ours] = [step for step in steps if "labelaudit/examples/ci" in step.get("uses", "")]
    assert set(ours["with"]) <= set(action["inputs"])
    assert {name for name, each in action["inputs"].items() if each.get("required")} <= set(ours["with"])
    [upload] = [step for step in steps if "upload-sarif" in step.get("uses", "")]
    assert upload["with"]["sarif_file"] == action["inputs"]["sarif"]["default"]
    assert upload["if"] == "always()"


@each_batch
def test_the_gitlab_job(repository, bad, code):
    deliver(repository, bad=bad)
    job = _load(".gitlab-ci.yml")["labels"]
    done = _run("\n".join(job["script"]), repository)
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith("labelaudit check: FAILED" if bad else "labelaudit check: passed")
    assert (repository / job["artifacts"]["reports"]["junit"]).is_file()
    assert all((repository / name).is_file() for name in job["artifacts"]["paths"])
    assert job["artifacts"]["when"] == "always"


@each_batch
def test_the_dvc_stage(repository, bad, code):
    deliver(repository, bad=bad)
    stage = _load("dvc.yaml")["stages"]["check-labels"]
    assert all((repository / each).exists() for each in stage["deps"])
    done = _run(stage["cmd"], repository)
    assert done.returncode == code, done.stderr
    [metrics] = [name for each in stage["metrics"] for name in each]
    assert json.loads((repository / metrics).read_text(encoding="utf-8"))["passed"] is not bad


@each_batch
def test_the_hook_as_pre_commit_calls_it(repository, bad, code):
    deliver(repository, bad=bad)
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))  # where pre-commit looks
    assert hook["language"] == "system"
    assert hook["pass_filenames"] is False
    assert re.search(hook["files"], "data/new-faces/a.PNG".lower())
    assert _run(f"{hook['entry']} data/new-faces", repository).returncode == code


@each_batch
def test_the_hook_in_pre_commit(repository, bad, code, tmp_path):
    deliver(repository, bad=bad)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks)
    _run("git init -q && git add -A && git commit -qm hooks", hooks)
    revision = _run("git rev-parse HEAD", hooks).stdout.strip()
    config = {"repos": [{"repo": str(hooks), "rev": revision}]}
    config["repos"][0]["hooks"] = [{"id": "labelaudit-check", "args": ["data/new-faces"]}]
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    (repository / "data" / "new-faces" / "w0.png").write_bytes(b"a face")
    _run("git add -A", repository)
    done = _run(f"pre-commit run {shlex.quote('labelaudit-check')}", repository, PRE_COMMIT_HOME=str(tmp_path / "home"))
    assert done.returncode == code, done.stdout + done.stderr
    assert ("FAILED 1 of" in done.stdout) is bad
