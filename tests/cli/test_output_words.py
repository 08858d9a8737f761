from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.cli.output.words import (
    ASCII,
    UNICODE,
    counted,
    duration,
    expected_wrong,
    glyphs_for,
    interval,
    number,
    percent,
    rate,
    share_of,
    shown,
)
from labelaudit.report.metadata import Estimate


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (0.96, "1.0 s"),
        (61.2, "61 s"),
        (119.4, "119 s"),
        (119.6, "2 min 0 s"),
        (192, "3 min 12 s"),
        (7199.7, "2 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("per_second", "words"),
    [(1310.4, "1,310/s"), (131.4, "131/s"), (12.3, "12/s"), (3.21, "3.2/s"), (0.321, "0.32/s"), (0.0321, "0.032/s")],
)
def test_rates(per_second, words):
    assert rate(per_second) == words


def test_numbers_and_shares():
    assert number(1234567) == "1,234,567"
    assert counted(1, "face", "faces") == "1 face"
    assert counted(2000, "face", "faces") == "2,000 faces"
    assert percent(0.1265) == "12.7 %"
    assert share_of(1, 8) == "12.5 %"
    assert share_of(0, 0) == ""


def test_estimates():
    assert interval(Estimate(0.81, 0.76, 0.854)) == "(76 to 85 %)"
    assert interval(Estimate(0.81)) == ""
    assert expected_wrong(Estimate(0.81, 0.76, 0.85)) == "expect 81 % of them wrong (76 to 85 %)"
    assert expected_wrong(Estimate(0.81), of_them=False) == "expect 81 % wrong"


@pytest.mark.parametrize(
    ("encoding", "glyphs"), [("utf-8", UNICODE), ("latin-1", ASCII), ("ascii", ASCII), ("no such", ASCII)]
)
def test_glyphs_follow_the_encoding(encoding, glyphs):
    assert glyphs_for(encoding) is glyphs


def test_ascii_glyphs_are_ascii():
    assert all(sign.isascii() for sign in vars(ASCII).values())


def test_what_could_steer_a_terminal_is_spelled_out():
    assert shown("übel 顔 [red]") == "übel 顔 [red]"
    assert shown("\x1b[31mred\nand\tmore\udcff") == "\\x1b[31mred\\nand\\tmore\\udcff"


@given(st.text(st.characters(exclude_categories=[])))
def test_shown_text_is_one_printable_line(text):
    assert shown(text).isprintable()
    assert shown(shown(text)) == shown(text)
