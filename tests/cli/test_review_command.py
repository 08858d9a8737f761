from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from labelaudit.cli.app import app
from labelaudit.cli.output.review import browser_opened


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "120"})


def test_no_run_is_said_in_one_line(tmp_path: Path) -> None:
    result = run("review", tmp_path / "nothing", "--no-open")
    assert result.exit_code == 2
    assert result.stderr.startswith("labelaudit: ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "nothing").exists()


def test_other_machines_are_kept_out_unless_asked_for(tmp_path: Path) -> None:
    result = run("review", tmp_path, "--host", "0.0.0.0")
    assert result.exit_code == 2
    assert "--let-network-in" in result.stderr


@pytest.mark.parametrize(
    ("options", "word"),
    [(("--annotator", " "), "annotator"), (("--min-p", "2"), "min_p"), (("--port", "70000"), "--port")],
)
def test_bad_options_are_refused(tmp_path: Path, options: tuple[str, ...], word: str) -> None:
    result = run("review", tmp_path, *options)
    assert result.exit_code == 2
    assert word in result.stderr


def test_a_browser_is_opened_only_where_somebody_sits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    with browser_opened("http://x", folder=tmp_path, asked=False):
        assert opened == []
        assert not list(tmp_path.iterdir())
    with browser_opened("http://x", folder=tmp_path, asked=True):
        assert len(opened) == 1


def test_the_token_stands_on_no_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    with browser_opened("http://127.0.0.1:1/?token=se%22cret&x=<", folder=tmp_path, asked=True):
        [page] = tmp_path.iterdir()
        assert opened == [page.as_uri()]
        assert "cret" not in opened[0]
        assert page.stat().st_mode & 0o777 == 0o600
        text = page.read_text(encoding="utf-8")
        assert 'content="0; url=http://127.0.0.1:1/?token=se%22cret&amp;x=&lt;"' in text
    assert not page.exists()


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    result = run("review", tmp_path)
    assert result.exit_code == 2
    assert "labelaudit[review]" in " ".join(result.stderr.split())
