from __future__ import annotations

import io

import pytest
from rich.console import Console

from labelaudit.cli.output.consoles import ProgressConsole
from labelaudit.cli.progress import StageLines, stage_lines
from labelaudit.records import Stage


class Clock:
    """Seconds that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(clock, log) -> StageLines:
    return StageLines(Console(file=log, width=60, markup=False, highlight=False, _environ={}), clock=clock)


def words(line: str) -> list[str]:
    return line.split()


def test_a_stage_leaves_one_line_with_its_rate(lines, clock, log):
    lines(Stage("features", 0, 8_000, "faces"))
    clock.now += 30.5
    lines(Stage("features", 4_000, 8_000, "faces"))
    assert words(log.getvalue()) == words("features 4,000 of 8,000 faces 131/s 30 s left")
    log.truncate(log.seek(0))
    clock.now += 30.5
    lines(Stage("features", 8_000, 8_000, "faces"))
    assert words(log.getvalue()) == words("features 8,000 faces 61 s 131/s")


def test_a_log_hears_of_long_stages_every_half_minute_only(lines, clock, log):
    for done in range(60):
        lines(Stage("fold 1 of 5", done, 60, "epochs"))
        clock.now += 1.0
    assert len(log.getvalue().splitlines()) == 1


def test_the_rate_of_a_resumed_stage_counts_what_was_done_here(lines, clock, log):
    lines(Stage("features", 7_000, 8_000, "faces"))
    clock.now += 10.0
    lines(Stage("features", 8_000, 8_000, "faces"))
    assert words(log.getvalue()) == words("features 8,000 faces 10 s 100/s")


def test_a_stage_that_was_done_already_has_no_rate(lines, log):
    lines(Stage("features", 8_000, 8_000, "faces"))
    assert words(log.getvalue()) == words("features 8,000 faces 0.0 s")


def test_a_stage_may_come_again(lines, clock, log):
    for _ in range(2):
        lines(Stage("ridge", 0, 10, "faces"))
        clock.now += 1.0
        lines(Stage("ridge", 10, 10, "faces"))
    assert len(log.getvalue().splitlines()) == 2


def test_a_wait_without_units_is_said_once(lines, log):
    lines(Stage("waiting for another labelaudit", 0, 0, "faces"))
    assert log.getvalue() == "waiting for another labelaudit\n"


def test_lines_do_not_wrap_and_hold_no_escapes_without_a_terminal(lines, clock, log):
    lines(Stage("a stage with a name that is rather long for a line", 0, 1_000_000, "faces"))
    clock.now += 2.0
    lines(Stage("a stage with a name that is rather long for a line", 1_000_000, 1_000_000, "faces"))
    assert len(log.getvalue().splitlines()) == 1
    assert "\x1b" not in log.getvalue()


def test_a_terminal_sees_a_moving_line_and_keeps_the_last(clock):
    screen = io.StringIO()
    lines = StageLines(Console(file=screen, force_terminal=True, width=80, highlight=False, _environ={}), clock=clock)
    lines(Stage("features", 0, 100, "faces"))
    clock.now += 10.0
    lines(Stage("features", 50, 100, "faces"))
    lines.close()
    assert "5/s   10 s left" in screen.getvalue()
    clock.now += 10.0
    lines(Stage("features", 100, 100, "faces"))
    assert words(screen.getvalue().splitlines()[-1])[-2:] == ["s", "5/s"]


def test_closing_early_leaves_no_line(lines, log):
    lines(Stage("features", 0, 100, "faces"))
    lines.close()
    assert log.getvalue() == ""


def test_quiet_says_nothing(capsys):
    with stage_lines(quiet=True) as progress:
        progress(Stage("features", 1, 1, "faces"))
    assert capsys.readouterr() == ("", "")


def test_progress_is_on_stderr(capsys):
    with stage_lines(quiet=False) as progress:
        progress(Stage("features", 1, 1, "faces"))
    output = capsys.readouterr()
    assert output.out == ""
    assert "features" in output.err


def test_work_goes_on_when_nobody_reads_stderr(clock):
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    lines = StageLines(ProgressConsole(file=Gone()), clock=clock)
    for done in (0, 10):
        lines(Stage("features", done, 10, "faces"))
