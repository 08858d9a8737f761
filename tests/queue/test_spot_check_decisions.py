from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from labelaudit.decision import Decision, Ruling
from labelaudit.errors import DecisionError, QueueError, ReportError, SettingsError
from labelaudit.queue.decision_lines import write_decision_lines
from labelaudit.queue.spot_check import build_spot_check, measure_decisions, spot_check_queue, write_measurement
from labelaudit.records import Verdict
from labelaudit.report.spot_check import RunSpotCheck, read_spot_check, spot_check_of, spot_check_path
from labelaudit.report.table import Report
from labelaudit.rundir import RunDir


@pytest.fixture
def report(make_report) -> Report:
    """100 rows: 40 in the queue, likely wrong; 60 outside, likely right; the last row was not judged."""
    queued = [{"p_mislabelled": 0.9, "queue_rank": rank} for rank in range(1, 41)]
    clean = [{"p_mislabelled": 0.1, "queue_rank": None, "verdict": Verdict.CLEAN} for _ in range(59)]
    unread = {"p_mislabelled": None, "queue_rank": None, "verdict": Verdict.UNREADABLE}
    return make_report(*queued, *clean, unread)


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path)


def decided(spot: RunSpotCheck, *, who: str = "ann", wrong: int = 0, ambiguous: int = 0) -> list[Decision]:
    """The first rows of the queue's part are wrong, the next ambiguous, all others right."""
    found = []
    for index, sample_id in enumerate(spot.sample_ids):
        if index < wrong:
            found.append(Decision(sample_id, Ruling.LABEL, "sad", who))
        elif index < wrong + ambiguous:
            found.append(Decision(sample_id, Ruling.AMBIGUOUS, None, who))
        else:
            found.append(Decision(sample_id, Ruling.LABEL, "happy", who))
    return found


def test_it_goes_out_blind_and_shuffled(report: Report) -> None:
    spot = spot_check_of(report, size=30, seed=0)
    queue = spot_check_queue(report, spot)
    assert queue.blind
    assert sorted(item.sample_id for item in queue.items) == sorted(spot.sample_ids)
    assert [item.sample_id for item in queue.items] != list(spot.sample_ids)
    assert "a/99.png" not in spot.sample_ids
    assert spot.check.sizes.tolist() == [40, 0, 0, 59]


def test_findings_by_hand(report: Report) -> None:
    spot = spot_check_of(report, size=30, seed=0)
    looks = np.bincount(spot.check.stratum, minlength=4)
    assert looks.sum() == 30
    found = measure_decisions(report, spot, decided(spot, wrong=6, ambiguous=2)).findings
    assert found is not None
    assert (found.drawn, found.decided, found.wrong, found.ambiguous, found.split) == (30, 30, 6.0, 2, 0)
    (queue, flagged), every = found.cuts, found.noise_rate
    assert (queue.name, queue.rows, queue.looks, queue.said) == ("whole queue", 40, looks[0], 0.9)
    assert flagged == type(flagged)(**{**vars(queue), "name": "likely mislabelled"})
    # Rows of a report come in the order of the queue here, so the six wrong ones are all in it.
    share = np.average(np.arange(looks[0]) < 6, weights=1 / spot.check.inclusion[: looks[0]])
    assert queue.found.value == pytest.approx(share, abs=1e-4)
    assert every.found.value == pytest.approx(40 * share / 99, abs=1e-4)
    assert every.found.low is not None
    assert every.found.low <= every.found.value
    assert found.head == queue
    assert queue.recalibrated < queue.said  # people found fewer


def test_ambiguous_is_not_wrong_unless_it_is_said_to_be(report: Report) -> None:
    spot = spot_check_of(report, size=30, seed=0)
    decisions = decided(spot, wrong=6, ambiguous=2)
    asked = measure_decisions(report, spot, decisions, ambiguous_is_wrong=True).findings
    assert asked is not None
    assert (asked.wrong, asked.ambiguous, asked.ambiguous_is_wrong) == (8.0, 2, True)


def test_people_who_differ_are_counted(report: Report) -> None:
    spot = spot_check_of(report, size=30, seed=0)
    ann, bob, cid = (decided(spot, who=who, wrong=wrong) for who, wrong in (("ann", 6), ("bob", 4), ("cid", 4)))
    two = measure_decisions(report, spot, [*ann, *bob]).findings
    assert two is not None
    assert (two.wrong, two.split) == (5.0, 2)  # two of the six are half wrong
    three = measure_decisions(report, spot, [*ann, *bob, *cid]).findings
    assert three is not None
    assert (three.wrong, three.split) == (4.0, 2)
    faces = [Decision(spot.sample_ids[0], Ruling.NOT_A_FACE, None, "ann"), *ann[1:]]
    no_face = measure_decisions(report, spot, faces).findings
    assert no_face is not None
    assert no_face.wrong == 6.0


def test_what_is_skipped_or_elsewhere_does_not_count(report: Report) -> None:
    spot = spot_check_of(report, size=30, seed=0)
    decisions = decided(spot, wrong=6)
    decisions[0] = Decision(decisions[0].sample_id, Ruling.SKIP, None, "ann")
    elsewhere = next(f"a/{row}.png" for row in range(99) if f"a/{row}.png" not in spot.sample_ids)
    found = measure_decisions(report, spot, [*decisions, Decision(elsewhere, Ruling.LABEL, "sad", "ann")]).findings
    assert found is not None
    assert (found.decided, found.wrong) == (29, 5.0)
    with pytest.raises(DecisionError, match="none of the 1 decisions is about one of the 30 rows"):
        measure_decisions(report, spot, [Decision(elsewhere, Ruling.LABEL, "sad", "ann")])
    other = Decision(spot.sample_ids[0], Ruling.LABEL, "sad", "ann", content_sha256="ff" * 32)
    with pytest.raises(DecisionError, match="a picture that is not the one that was audited"):
        measure_decisions(report, spot, [other])
    only_queue = [each for each, part in zip(decisions, spot.check.stratum, strict=True) if part == 0]
    with pytest.raises(ReportError, match="outside the queue; decide more of its rows"):
        measure_decisions(report, spot, only_queue)


def test_a_run_keeps_its_draw(report: Report, run: RunDir) -> None:
    spot = build_spot_check(run, report, size=30, seed=0)
    assert build_spot_check(run, report, size=30, seed=0).sample_ids == spot.sample_ids
    with pytest.raises(QueueError, match=r"has a spot check of 30 rows, drawn with the seed 0; .* add --force"):
        build_spot_check(run, report, size=31, seed=0)
    assert len(build_spot_check(run, report, size=31, seed=0, force=True).check) == 31
    with pytest.raises(SettingsError):
        build_spot_check(run, report, size=3, seed=0)


def test_findings_are_kept_and_read_back(report: Report, run: RunDir) -> None:
    with pytest.raises(QueueError, match="has no spot check; draw one with labelaudit queue"):
        write_measurement(run, report, [])
    spot = build_spot_check(run, report, size=30, seed=0)
    decisions = decided(spot, wrong=6)
    write_decision_lines(run.decisions, decisions[:20])  # in the review page
    write_decision_lines(run.root / "others.jsonl", decisions[20:])
    measured = write_measurement(run, report, [run.root / "others.jsonl", run.decisions])
    assert measured.findings is not None
    assert measured.findings.decided == 30
    again = read_spot_check(run, report.metadata)
    assert again is not None
    assert again.findings == measured.findings
    np.testing.assert_array_equal(again.check.inclusion, spot.check.inclusion)
    kept = build_spot_check(run, report, size=30, seed=0)
    assert kept.findings == measured.findings  # asking for the same draw loses nothing


def test_a_spot_check_belongs_to_one_audit(report: Report, run: RunDir, make_report) -> None:
    spot = build_spot_check(run, report, size=30, seed=0)
    other = make_report(*({} for _ in range(50)), settings={"folds": 1})
    assert read_spot_check(run, other.metadata) is None
    assert build_spot_check(run, other, size=30, seed=0).sample_ids != spot.sample_ids
    spot_check_path(run).write_text("{")
    with pytest.raises(ReportError, match="is damaged"):
        read_spot_check(run, report.metadata)
    assert len(build_spot_check(run, report, size=30, seed=0, force=True).check) == 30
    told = json.loads(spot_check_path(run).read_text())
    told["schema_version"] = 9
    spot_check_path(run).write_text(json.dumps(told))
    with pytest.raises(ReportError, match="version 9"):
        read_spot_check(run, report.metadata)
