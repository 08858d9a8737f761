from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from labelaudit.errors import PixelError
from labelaudit.faces import DrawnFaces
from labelaudit.inspection import Inspection, VoteSummary, estimate_time, inspect_source
from labelaudit.labels import LabelSpace
from labelaudit.records import SampleTable
from labelaudit.settings import AuditSettings, NetSettings, VerdictSettings

SETTINGS = AuditSettings(verdict=VerdictSettings(min_class_size=3))


@dataclass
class Faces:
    """Drawn faces as a source; a face that is None cannot be read."""

    pictures: Sequence[NDArray[np.uint8] | None]
    table: SampleTable
    format: str = "drawn"
    why: str = "the test drew it"
    assumed: Sequence[str] = ("labels are names",)

    def read(self, row: int) -> NDArray[np.uint8]:
        picture = self.pictures[row]
        if picture is None:
            raise PixelError("the file is missing")
        return picture

    def signature(self) -> str:
        return "drawn"


def table(given: Sequence[str | None], classes: tuple[str, ...], **columns: object) -> SampleTable:
    count = len(given)
    splits = columns.pop("split", [None] * count)
    return SampleTable(
        [f"id{row}" for row in range(count)], given, [None] * count, splits, LabelSpace(classes), **columns
    )


@pytest.fixture
def inspection(drawn: DrawnFaces, tmp_path: Path) -> Inspection:
    given = ["happy", "happy", "happy", "happy", "sad", "sad", "fear", "no face", None, "sad"]
    split = ["train"] * 6 + ["test"] * 3 + [None]
    pictures = list(drawn.images[:10])
    pictures[5] = None
    pictures[9] = pictures[0]
    source = Faces(pictures, table(given, ("happy", "sad", "fear", "disgust"), split=split))
    return inspect_source(source, settings=SETTINGS, cache_dir=tmp_path)


def test_counts_worked_out_by_hand(inspection: Inspection) -> None:
    assert inspection.rows == 10
    assert inspection.classes == {"happy": 4, "sad": 3, "fear": 1, "disgust": 0}
    assert inspection.other_labels == {"no face": 1}
    assert inspection.missing_labels == 1
    assert inspection.splits == {"test": 3, "train": 6}
    assert inspection.small_classes == {"sad": 2, "fear": 1, "disgust": 0}  # one sad face cannot be read
    assert inspection.imbalance == 4.0
    assert inspection.votes is None
    assert inspection.cache_note is None


def test_pictures(inspection: Inspection) -> None:
    assert inspection.unreadable == 1
    assert [(item.sample_id, item.message) for item in inspection.unreadable_examples] == [
        ("id5", "the file is missing")
    ]
    assert inspection.sizes is not None
    assert inspection.sizes.median == (48, 48)
    assert inspection.stored_size == 48
    assert (inspection.duplicates.groups, inspection.duplicates.conflicts) == (1, 1)


def test_json_holds_what_the_contract_names(inspection: Inspection) -> None:
    values = json.loads(json.dumps(inspection.to_json(), allow_nan=False))
    assert values["format"] == "drawn"
    assert values["why"] == "the test drew it"
    assert values["assumed"] == ["labels are names"]
    assert values["rows"] == 10
    assert list(values["classes"]) == ["happy", "sad", "fear", "disgust"]
    assert values["splits"] == {"test": 3, "train": 6}
    assert (values["unreadable"], values["duplicate_groups"], values["label_conflicts"]) == (1, 1, 1)
    assert (values["exact_duplicate_groups"], values["exact_label_conflicts"]) == (1, 1)
    assert values["conflict_examples"] == [
        [{"sample_id": "id0", "given_label": "happy"}, {"sample_id": "id9", "given_label": "sad"}]
    ]


def test_votes(drawn: DrawnFaces, tmp_path: Path) -> None:
    votes = np.array([[3, 1], [2, 2], [0, 0], [0, 0]], dtype=np.float32)
    outside = np.array([0, 1, 5, 0], dtype=np.float32)
    sheet = table(["happy", "happy", None, None], ("happy", "sad"), votes=votes, votes_outside=outside)
    found = inspect_source(Faces(list(drawn.images[:4]), sheet), settings=SETTINGS, cache_dir=tmp_path)
    assert found.votes == VoteSummary(rows=3, ties=1, votes_a_row=4.67)  # (4 + 5 + 5) / 3


def test_an_empty_dataset(tmp_path: Path) -> None:
    found = inspect_source(Faces([], table([], ())), settings=SETTINGS, cache_dir=tmp_path)
    assert (found.rows, found.classes, found.sizes, found.imbalance) == (0, {}, None, None)
    json.dumps(found.to_json(), allow_nan=False)


def test_the_networks_size_limits_what_is_kept(drawn: DrawnFaces, tmp_path: Path) -> None:
    source = Faces(list(drawn.images[:3]), table(["happy"] * 3, ("happy",)))
    settings = AuditSettings(nets=NetSettings(size=32))
    assert inspect_source(source, settings=settings, cache_dir=tmp_path).stored_size == 32


def test_time_grows_with_rows_and_folds_and_shrinks_with_cores() -> None:
    two_cores = estimate_time(8_000, cores=2)
    assert two_cores.cpu_seconds == pytest.approx(8_000 * 0.0119)
    assert estimate_time(8_000, cores=8).cpu_seconds == pytest.approx(two_cores.cpu_seconds / 4)
    assert estimate_time(8_000, folds=10).gpu_seconds == pytest.approx(2 * two_cores.gpu_seconds)
    assert estimate_time(0).cpu_seconds == 0


def test_inspecting_does_not_need_torch() -> None:
    code = "import sys, labelaudit.inspection; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
