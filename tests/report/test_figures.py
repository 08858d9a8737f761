from __future__ import annotations

import re
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from labelaudit.report.curves import CONFIDENCE_BINS, MARGIN_BINS, EpochCurves, MarginCurve, QueueCurve
from labelaudit.report.figures import (
    draw_calibration,
    draw_class_epochs,
    draw_confidence,
    draw_partitions,
    draw_queue,
)
from labelaudit.report.metadata import Estimate
from labelaudit.report.svg import INK, LINE, Drawing, drawing, to_svg

NAN = float("nan")


@pytest.fixture
def queue() -> QueueCurve:
    return QueueCurve(np.array([1, 100, 1_200]), np.array([0.97, 0.9, 0.4], dtype=np.float32))


@pytest.fixture
def epochs() -> EpochCurves:
    return EpochCurves(
        epoch=np.array([7, 8, 9], dtype=np.int32),
        folds=5,
        mean_confidence=np.array([[0.5, 0.6, 0.7], [NAN] * 3], dtype=np.float32),
        clean=np.array([[0.4, 0.48, 0.56], [NAN] * 3], dtype=np.float32),
        noisy=np.array([[0.1, 0.12, 0.14], [NAN] * 3], dtype=np.float32),
        held=np.array([[50, 60, 70], [40, 30, 20], [10, 10, 10]]),
    )


@pytest.fixture
def counts() -> np.ndarray:
    found = np.zeros(CONFIDENCE_BINS, dtype=np.int64)
    found[[2, 10, 30, 39]] = 5, 10, 20, 40
    return found


def words(figure: Drawing) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(figure.svg).iter("text")]


def test_the_queue_names_what_was_measured(queue):
    figure = draw_queue(queue, head=200, measured=Estimate(0.94, 0.89, 0.97))
    assert "first 200: 94 % (89 to 97 %)" in words(figure)
    assert "rows worked through, worst first" in words(figure)
    assert "from 97 % at the head of the queue to 40 % over all of its 1,200 rows" in figure.alt
    assert "1,200 rows" in figure.caption


@pytest.mark.parametrize("measured", [None, Estimate(0.94)])
def test_without_an_interval_none_is_drawn(queue, measured):
    assert not any(text.startswith("first") for text in words(draw_queue(queue, head=200, measured=measured)))


def test_the_calibration_says_where_labels_turn_wrong():
    rows = np.zeros(MARGIN_BINS, dtype=np.int64)
    rows[5], rows[30] = 1_000, 20
    curve = MarginCurve(np.array([-1.0, 0.0, 0.5, 1.0]), np.array([0.0, 0.0, 1.0, 1.0]), rows)
    figure = draw_calibration(curve)
    assert "passes 50 % at a margin of 0.25" in figure.alt
    assert "1,020 rows" in figure.caption
    low = draw_calibration(MarginCurve(np.array([-1.0, 1.0]), np.array([0.0, 0.3]), rows))
    assert "never passes 50 %" in low.alt
    assert "50 %" in words(figure)


def test_partitions_are_named_where_they_end(epochs):
    figure = draw_partitions(epochs)
    assert {"clean 70 %", "ambiguous 20 %", "noisy 10 %"} <= set(words(figure))
    assert "70 % clean, 20 % ambiguous, 10 % noisy; in the first 50 % were clean" in figure.alt
    assert "5 folds" in figure.caption


def test_a_class_is_followed_through_the_epochs(epochs):
    figure = draw_class_epochs(epochs, 0, label="happy")
    assert figure is not None
    assert {"mean 0.70", "clean 0.56", "noisy 0.14"} <= set(words(figure))
    assert figure.alt.startswith("happy: mean confidence goes from 0.50 to 0.70, the clean threshold from 0.40 to 0.56")
    assert draw_class_epochs(epochs, 1, label="sad") is None


def test_one_epoch_is_enough():
    one = EpochCurves(
        np.array([3], dtype=np.int32), 1, *(np.full((1, 1), 0.5, dtype=np.float32),) * 3, np.array([[5], [0], [0]])
    )
    assert "3" in words(draw_partitions(one))
    assert draw_class_epochs(one, 0, label="happy") is not None


def test_confidence_stands_beside_its_thresholds(counts):
    figure = draw_confidence(counts, 0, label="happy", clean=0.7, noisy=0.2)
    assert figure is not None
    assert {"noisy ≤ 0.20", "clean ≥ 0.70"} <= set(words(figure))
    assert "half of the 75 rows" in figure.alt
    assert "0.99" in figure.alt  # the middle row is in the last bin, 0.975 to 1
    colours = {colour: figure.svg.lower().count(f"fill: {colour}") for colour in ("#d55e00", "#e69f00", "#009e73")}
    assert colours == {"#d55e00": 8, "#e69f00": 20, "#009e73": 12}  # bins up to 0.2, up to 0.7, up to 1


def test_a_class_that_was_not_judged_has_no_zones(counts):
    figure = draw_confidence(counts, 0, label="happy", clean=None, noisy=None)
    assert figure is not None
    assert "#7f7f7f" in figure.svg
    assert "noisy" not in figure.alt
    assert draw_confidence(np.zeros_like(counts), 0, label="sad", clean=0.7, noisy=0.2) is None


def test_the_same_figure_gives_the_same_text(queue, counts):
    assert draw_queue(queue, head=200, measured=None) == draw_queue(queue, head=200, measured=None)
    again = [draw_confidence(counts, k, label="happy", clean=0.7, noisy=0.2) for k in (0, 0)]
    assert again[0] == again[1]


def test_no_two_figures_of_a_page_share_an_id(queue, epochs, counts):
    figures = [draw_queue(queue, head=200, measured=Estimate(0.94, 0.89, 0.97)), draw_partitions(epochs)]
    figures += [draw_confidence(counts, k, label="happy", clean=0.7, noisy=0.2) for k in (0, 1)]
    ids = [name for figure in figures for name in re.findall(r' id="([^"]+)"', figure.svg)]
    assert ids
    assert len(ids) == len(set(ids))
    for figure in figures:
        own = set(re.findall(r' id="([^"]+)"', figure.svg))
        assert set(re.findall(r'href="#([^"]+)"', figure.svg)) | set(re.findall(r"url\(#([^)]+)\)", figure.svg)) == own


def test_a_figure_takes_the_page_s_colours_and_leaves_nothing_else(queue):
    svg = draw_queue(queue, head=200, measured=None).svg
    assert "currentColor" in svg
    assert "var(--rule)" in svg
    for unwanted in (INK, LINE, "metadata", "font-family", "<style", "http", "matplotlib", "ns0:"):
        assert unwanted not in svg


def test_text_in_a_figure_is_text_and_never_mathematics():
    with drawing("words", width=100, height=100) as (figure, axes):
        axes.text(0, 0, "$5 <b> & $6")
        svg = to_svg(figure)
    assert "$5 &lt;b&gt; &amp; $6" in svg


def test_drawing_leaves_the_process_s_style_alone(queue):
    before = dict(matplotlib.rcParams)
    draw_queue(queue, head=200, measured=None)
    assert dict(matplotlib.rcParams) == before
