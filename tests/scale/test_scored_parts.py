"""Scoring in parts gives the report of a scoring in one piece; on Ray see also ``tests/torture/scale.py``."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pyarrow as pa
import pytest

from labelaudit._version import __version__
from labelaudit.errors import SettingsError, SourceError
from labelaudit.evidence.scorer import Scorer
from labelaudit.records import Stage
from labelaudit.scale import local
from labelaudit.scale.part import PartPlan, check_rows, decode_part, rows_digest
from labelaudit.scale.reader import Reader, unpacked
from labelaudit.scale.settings import Engine, PartSettings
from labelaudit.scale.shelf import Shelf
from labelaudit.scoring import score
from labelaudit.source.detect import open_source
from labelaudit.source.origin import Origin


def _plan(**changes) -> PartPlan:
    told = {"rows": 10, "part_rows": 4, "side": 48, "fingerprint": "f", "model": "m"} | changes
    return PartPlan.make(**told)


@pytest.fixture(scope="module")
def whole(scene, tmp_path_factory):
    """The batch scored in one piece."""
    root = tmp_path_factory.mktemp("whole")
    return score(scene.batch, model=scene.model, out=root / "out", cache_dir=root / "cache", device="cpu")


def test_parts_cover_the_rows_once():
    plan = _plan()
    assert [plan.part(number) for number in plan] == [range(0, 4), range(4, 8), range(8, 10)]
    assert len(plan) == 3
    assert list(plan.parts_of(range(3, 9))) == [0, 1, 2]
    assert list(plan.parts_of(range(4, 8))) == [1]
    assert [_plan(part_rows=None, side=side).part_rows for side in (16, 112, 1_000)] == [4_096, 1_783, 256]


def test_parts_of_another_plan_are_none_of_this_one(tmp_path):
    shelf, table = Shelf(tmp_path / "parts", _plan()), pa.table({"x": [1, 2, 3, 4]})
    shelf.write_part(1, table)
    assert shelf.missing() == [0, 2]
    for other in ({"model": "another"}, {"fingerprint": "another"}, {"side": 47}, {"rows": 11}):
        assert 1 in Shelf(tmp_path / "parts", _plan(**other)).missing()
    shelf.path(1).rename(shelf.path(0))  # a part is itself at its own place only
    assert shelf.missing() == [0, 1, 2]
    shelf.write_part(1, table.slice(0, 3))  # too short
    (tmp_path / "parts" / shelf.path(2).name).write_bytes(b"PAR1 cut short")
    assert shelf.missing() == [0, 1, 2]


def test_rows_are_read_across_parts(tmp_path):
    shelf = Shelf(tmp_path, _plan())
    for number in shelf.plan:
        shelf.write_part(
            number, pa.table({"x": list(shelf.plan.part(number)), "y": [0] * len(shelf.plan.part(number))})
        )
    assert shelf.missing() == []
    for rows in (range(0, 10), range(3, 9), range(4, 8), range(9, 10)):
        assert shelf.read(rows, ["x"])["x"].to_pylist() == list(rows)


@pytest.mark.parametrize("rows", [13, None])
def test_the_report_is_that_of_one_piece_byte_for_byte(scene, whole, tmp_path, rows):
    stages: list[Stage] = []
    parts = PartSettings(rows=rows)
    cache = tmp_path / "cache"
    found = score(
        scene.batch, model=scene.model, out=tmp_path / "out", cache_dir=cache, parts=parts, progress=stages.append
    )
    assert found.report.read_bytes() == whole.report.read_bytes()
    assert found.scored == whole.scored
    assert found.scored.overlap.exact == 1
    assert found.scored.drift is not None
    assert not found.run.checkpoint.exists()
    assert not (cache / "pixels").exists()
    assert stages[-1] == Stage("verdicts", 74, 74, "faces")
    assert [each.done for each in stages if each.name == "scores"][-1] == 74


def test_an_interrupted_scoring_goes_on_and_makes_no_part_twice(scene, whole, tmp_path, monkeypatch):
    made: list[int] = []
    decode = local.decode_part

    def counted(source, rows, *, side):
        made.append(rows.start)
        return decode(source, rows, side=side)

    monkeypatch.setattr(local, "decode_part", counted)
    settings = {"model": scene.model, "out": tmp_path / "out", "parts": PartSettings(rows=20), "workers": 1}

    def stop(stage: Stage) -> None:
        if stage.name == "scores" and stage.done == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(scene.batch, cache_dir=tmp_path / "one", progress=stop, **settings)
    assert made == [0, 20]
    kept = sorted(path.stat().st_mtime_ns for path in (tmp_path / "out" / "checkpoint").glob("part-*"))
    assert len(kept) == 2
    found = score(scene.batch, cache_dir=tmp_path / "two", resume=True, **settings)
    assert made == [0, 20, 40, 60]
    assert found.report.read_bytes() == whole.report.read_bytes()
    again = score(scene.batch, cache_dir=tmp_path / "two", resume=True, **settings)
    assert again.computed == 0
    assert again.scored == whole.scored
    assert len(made) == 4


def test_a_worker_that_finds_another_dataset_says_so(scene):
    batch, trained = open_source(scene.batch), open_source(scene.trained)
    rows = range(0, 20)
    check_rows(batch, rows, rows_digest(batch, rows))
    with pytest.raises(SourceError, match="a worker finds another dataset at the same place"):
        check_rows(trained, rows, rows_digest(batch, rows))


def test_a_decoded_part_survives_the_way_to_another_process(scene):
    plan = _plan(rows=74, part_rows=20, side=48)
    source = open_source(scene.batch)
    asked = pa.table({"part": [1], "digest": [rows_digest(source, plan.part(1))]})
    reader = Reader(Origin(str(scene.batch)), Shelf(scene.model, plan), __version__)
    number, decoded = unpacked(reader(asked))
    assert number == 1
    here = decode_part(source, range(20, 40), side=48)
    assert decoded.schema == here.schema
    for name in here.column_names:
        np.testing.assert_array_equal(decoded[name].to_numpy(), here[name].to_numpy())  # NaN is NaN
    with pytest.raises(SettingsError, match=r"a worker has labelaudit .*, this is 0\.0; install the same"):
        Reader(reader.origin, reader.shelf, "0.0")(asked)


def test_what_does_not_go_together_is_refused(scene, tmp_path):
    with pytest.raises(SettingsError, match="parts of 0 rows hold nothing"):
        PartSettings(rows=0)
    with pytest.raises(SettingsError, match="add --engine ray"):
        PartSettings(ray_address="auto")
    table = pa.table({"image": [path.read_bytes() for path in sorted(scene.batch.rglob("*.png"))[:30]]})
    table = table.append_column("label", pa.array(["sad", "happy"] * 15))
    with pytest.raises(SettingsError, match="give its path or URL, not data in memory"):
        score(
            table,
            model=Scorer.load(scene.model),
            out=tmp_path / "out",
            cache_dir=tmp_path / "cache",
            parts=PartSettings(engine=Engine.RAY),
        )


def test_without_ray_it_is_said_how_to_get_it(scene, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    parts = PartSettings(engine=Engine.RAY)
    with pytest.raises(SettingsError, match=r"--engine ray needs Ray: pip install 'labelaudit\[ray\]'"):
        score(scene.batch, model=scene.model, out=tmp_path / "out", cache_dir=tmp_path / "cache", parts=parts)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra ray")
@pytest.mark.filterwarnings("ignore")  # Ray's own, at start and at shutdown
def test_on_ray_the_report_is_the_same(scene, whole, tmp_path):
    """On a cluster of this machine; that machines may die is shown by ``python -m tests.torture --part scale``."""
    parts = PartSettings(rows=20, engine=Engine.RAY)
    found = score(scene.batch, model=scene.model, out=tmp_path / "out", cache_dir=tmp_path / "cache", parts=parts)
    assert found.report.read_bytes() == whole.report.read_bytes()
