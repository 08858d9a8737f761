import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from small_queue import ABOUT, AWKWARD, ITEM, PICTURES, UNSURE, small_queue

from labelaudit.decision import Decision, Ruling
from labelaudit.queue.decisions import read_decisions
from labelaudit.queue.imagefolder import write_imagefolder


def written(tmp_path, queue, pictures=PICTURES):
    write_imagefolder(queue, tmp_path, pictures=pictures)
    return [json.loads(line) for line in (tmp_path / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_row_names_its_picture_and_what_is_known(tmp_path):
    first, second = written(tmp_path, small_queue())
    assert first == {
        "file_name": "images/1.png",
        "sample_id": "a/1.png",
        "content_sha256": "aa",
        "annotators": None,
        "rank": 1,
        "given_label": "happy",
        "suggested_label": "sad",
        "suggested_confidence": 0.88,
        "p_mislabelled": 0.9311,
        "verdict": "mislabelled",
        "reason": "confidence 0.04",
        "decision": None,
    }
    assert list(second) == list(first)
    assert second["given_label"] == AWKWARD


def test_a_blind_queue_tells_nothing(tmp_path):
    for row in written(tmp_path, small_queue(blind=True)):
        assert not ABOUT & set(row)


@pytest.mark.parametrize("blind", [False, True])
def test_datasets_loads_it(tmp_path, blind):
    datasets = pytest.importorskip("datasets")
    out = tmp_path / "queue"
    (out / "images").mkdir(parents=True)
    items = (UNSURE, *(replace(ITEM, sample_id=f"a/{number}.png") for number in range(4)))  # the first knows least
    pictures = {item.sample_id: f"images/{number}.png" for number, item in enumerate(items)}
    for number, name in enumerate(pictures.values()):
        Image.fromarray(np.full((8, 8, 3), 40 * number, np.uint8)).save(out / name)
    write_imagefolder(small_queue(items=items, blind=blind), out, pictures=pictures)
    datasets.disable_progress_bars()
    loaded = datasets.load_dataset("imagefolder", data_dir=str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert [row["sample_id"] for row in loaded] == [item.sample_id for item in items]
    assert [np.asarray(row["image"])[0, 0, 0] for row in loaded] == [0, 40, 80, 120, 160]
    if not blind:
        assert [row["given_label"] for row in loaded] == [item.given_label for item in items]
        assert [row["suggested_label"] for row in loaded] == [None, *["sad"] * 4]


def test_a_filled_file_comes_back_as_decisions(tmp_path):
    rows = written(tmp_path, small_queue())
    rows[0]["decision"] = "(ambiguous)"
    path = tmp_path / "metadata.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_decisions(path) == (Decision("a/1.png", Ruling.AMBIGUOUS, tool="jsonl", content_sha256="aa"),)
