from __future__ import annotations

import pytest

from labelaudit.errors import QueueError
from labelaudit.queue.select import QUEUE_COLUMNS, QueueChoice
from labelaudit.queue.spot_check import build_spot_check, shuffled_rows
from labelaudit.report.table import read_report
from labelaudit.review.desk import open_desk
from labelaudit.rundir import RunDir


def test_a_spot_check_is_decided_blind_in_its_own_order(run: RunDir) -> None:
    with pytest.raises(QueueError, match="has no spot check; draw one with labelaudit queue"):
        open_desk(run, QueueChoice(blind=True), spot_check=True)
    spot = build_spot_check(run, read_report(run, columns=QUEUE_COLUMNS), size=20, seed=0)
    desk = open_desk(run, QueueChoice(blind=True), spot_check=True)
    assert desk.blind
    assert list(desk.faces) == shuffled_rows(spot).tolist()
    assert {face.item.sample_id for face in desk.faces.values()} == set(spot.sample_ids)
    assert any(face.item.rank is None for face in desk.faces.values())  # rows outside the queue, too
    assert len(open_desk(run, QueueChoice(top=5))) == 5
