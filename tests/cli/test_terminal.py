from __future__ import annotations

import re
from dataclasses import replace

import pytest
import typer.main

from labelaudit.cli.app import app
from labelaudit.cli.output.terminal import print_summary
from labelaudit.cli.output.truth import truth_parts
from labelaudit.report.guidelines import GuidelineDoubt
from labelaudit.report.metadata import Estimate
from labelaudit.report.slices import SliceColumn, SliceEstimate
from labelaudit.report.truth import Tally, TruthScore


def screen(printed, summary, *, verbose=False, **more):
    return printed(print_summary, summary, run="runs/faces", verbose=verbose, **more)


def squeezed(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_first_screen_says_what_matters(printed, summary):
    lines = squeezed(screen(printed, summary, width=120))
    assert lines[1] == "faces · 8,000 faces, 8 classes · face weights, 5 folds, seed 0 · 3 min 12 s on cpu"
    assert "■ likely mislabelled 1,012 12.7 % expect 81 % of them wrong (76 to 85 %)" in lines
    assert "▲ ambiguous 2,310 28.9 % most often neutral / sad (612)" in lines
    assert "● clean 4,655 58.2 %" in lines
    assert "– not judged 23 0.3 % 20 unreadable, 3 in classes under 10" in lines
    assert "happy 2,000 10 0.5 % 100 5.0 % 0.71 0.18 neutral (7)" in lines
    assert "contempt 250 80 32.0 % 100 40.0 % – – neutral (7)" in lines
    assert "Next: labelaudit review runs/faces the 200 worst: expect 94 % of them wrong (89 to 97 %)" in lines
    assert "labelaudit report runs/faces a page to read and share" in lines


@pytest.mark.parametrize("classes", [2, 7, 8])
@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_a_screen_with_a_line_for_the_prompt(printed, summary, classes, width):
    lines = screen(printed, replace(summary, per_class=summary.per_class[:classes]), width=width).splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) <= width


def test_many_classes_still_fit_and_are_said_to_be_more(printed, summary):
    many = [replace(each, label=f"{each.label} {copy}") for copy in range(10) for each in summary.per_class]
    lines = screen(printed, replace(summary, per_class=many)).splitlines()
    assert len(lines) <= 24
    assert any("and 72 classes with fewer mislabelled: --verbose" in line for line in lines)
    assert len(screen(printed, replace(summary, per_class=many), verbose=True).splitlines()) > 80


def test_assumptions_that_do_not_fit_are_counted(printed, summary):
    text = " ".join(screen(printed, summary).split())
    kept = sum(each in text for each in summary.assumed)
    assert 0 < kept < len(summary.assumed)
    assert f"{len(summary.assumed) - kept} more, listed by --verbose" in text
    assert "--verbose" not in screen(printed, replace(summary, assumed=summary.assumed[:1]))


def test_verbose_says_everything(printed, summary):
    lines = squeezed(screen(printed, summary, verbose=True, width=120))
    text = "\n".join(lines)
    assert all(each in text for each in summary.assumed)
    assert "sad neutral 120" in lines
    assert "3 happy – 97 % happy/00003.png" in lines
    assert "10 happy neutral 90 % happy/00010.png" in lines
    assert "of all labels expect 20 % wrong (18 to 23 %)" in text
    assert "12 pictures stand in more than one row (30 rows), 3 of them under different labels" in text
    assert "Took: pixels 12 s, features 61 s, fold 1 of 5 119 s" in lines
    assert "Files: report.parquet, thresholds.parquet, summary.json in runs/faces" in lines


def test_plain_signs_where_the_encoding_has_no_others(printed, summary):
    text = screen(printed, summary, encoding="ascii", verbose=True)
    assert "# likely mislabelled" in text
    assert ">=" in text
    assert "\\u" not in text


def test_colours_in_a_terminal_only(printed, summary):
    assert "\x1b[" not in screen(printed, summary)
    assert "\x1b[" in screen(printed, summary, terminal=True)


def test_names_cannot_steer_the_terminal(printed, summary):
    nasty = "[bold]\x1b[2J\nsad"
    changed = replace(
        summary,
        dataset=nasty,
        per_class=[replace(summary.per_class[0], label=nasty, really=nasty)],
        assumed=[nasty],
        worst=[replace(summary.worst[0], sample_id=nasty)],
    )
    text = screen(printed, changed, verbose=True, width=200)
    assert "\x1b" not in text
    assert "[bold]\\x1b[2J\\nsad" in text


def test_nothing_wrong_is_said(printed, summary):
    clean = replace(summary, mislabelled_precision=None, queue_precision=None, queue_head=0, ambiguous_between=[])
    text = " ".join(screen(printed, clean).split())
    assert "nothing to ask about: no label looks wrong" in text
    assert "expect" not in text


def test_one_row_in_question(printed, summary):
    text = " ".join(screen(printed, replace(summary, queue_head=1, queue_precision=Estimate(0.5))).split())
    assert "the one in question: expect 50 % of them wrong" in text


def test_only_commands_that_exist_are_suggested(printed, summary):
    suggested = re.findall(r"labelaudit (\w+)", screen(printed, summary, verbose=True))
    assert suggested == ["review", "report"]
    assert set(suggested) <= set(typer.main.get_command(app).commands)


@pytest.fixture
def score():
    flagged = Tally(170, 150, 12, Estimate(0.8824, 0.82, 0.92))
    return TruthScore(180, Estimate(0.8333, 0.77, 0.88), flagged, Tally(100, 95, 0, Estimate(0.95, 0.89, 0.98)))


def demo_screen(printed, summary, score, **more):
    return screen(printed, summary, ending=truth_parts(score, faces="runs/demo-faces"), **more)


def test_a_demo_says_what_is_true(printed, summary, score):
    lines = squeezed(demo_screen(printed, summary, score, width=120))
    assert lines[-4:] == [
        "In truth (runs/demo-faces_truth.csv)",
        "found 150 of 180 wrong labels 83 % (77 to 88 %)",
        "right 150 of 170 called mislabelled 88 % (82 to 92 %); 12 are blends",
        "worst 95 of 100 at the head of the queue 95 % (89 to 98 %)",
    ]


def test_a_demo_fits_a_screen(printed, summary, score):
    lines = demo_screen(printed, replace(summary, per_class=summary.per_class[:7]), score).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_a_demo_that_flags_nothing_has_no_precision(printed, summary):
    nothing = Tally(0, 0, 0, None)
    lines = squeezed(demo_screen(printed, summary, TruthScore(5, Estimate(0.0, 0.0, 0.4), nothing, nothing)))
    assert lines[-1] == "found 0 of 5 wrong labels 0 % (0 to 40 %)"


def test_no_line_for_rows_not_judged_where_all_are(printed, summary):
    judged = replace(summary, verdicts={**summary.verdicts, "undetermined": 0, "unreadable": 0})
    assert "not judged" not in screen(printed, judged)


def test_verdicts_that_are_not_to_be_trusted_are_said_first(printed, summary):
    told = replace(summary, distrust=("peer 2 gives every face the same answer", "thresholds swallowed \x1b[2Jsad"))
    text = screen(printed, told)
    lines = squeezed(text)
    start = lines.index("Warning: these verdicts are not to be trusted: peer 2 gives every face the")
    assert lines[start + 1] == "same answer; thresholds swallowed \\x1b[2Jsad"
    assert start < next(number for number, line in enumerate(lines) if "likely mislabelled" in line)
    assert text.count("\n") < 24
    assert "Warning:" not in screen(printed, summary)


def test_what_is_no_matter_of_single_labels_is_notable(printed, summary):
    bo = SliceEstimate("bo", 412, Estimate(0.31, 0.26, 0.37), 0.12, 0.001, True)
    doubt = GuidelineDoubt("fear", "sad", True, 40, 0.42)
    told = replace(summary, slices=(SliceColumn("who", (bo,)),), guidelines=(doubt,))
    said = " ".join(squeezed(screen(printed, told, verbose=True)))
    assert "Notable: who bo: 31 % of 412 labels wrong (26 to 37 %); others have 12 % in the same classes" in said
    assert "guideline of fear: 40 labels of it (42 %) look like sad" in said
    brief = screen(printed, told)
    assert "Notable:" in brief
    assert len(brief.splitlines()) <= 23
    assert "Notable:" not in screen(printed, summary)
