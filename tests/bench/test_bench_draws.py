from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labelaudit.bench.drawn import confusions, draw_faces, flips, give_labels, one_vote
from labelaudit.bench.tasks import Noise, Task, parse_task
from labelaudit.bench.truth import Truth, open_truth
from labelaudit.bench.weak_model import small_grey, weak_posterior
from labelaudit.errors import SettingsError, SourceError
from labelaudit.faces import EXPRESSIONS
from labelaudit.labels import LabelSpace
from labelaudit.source.options import SourceOptions

TASKS = Path(__file__).parents[2] / "examples" / "benchmarks" / "tasks.py"


@pytest.fixture(scope="module")
def examples_tasks():
    """The module that the README's figures were drawn with."""
    spec = importlib.util.spec_from_file_location("examples_tasks", TASKS)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def truth(voted: pd.DataFrame) -> Truth:
    return open_truth(voted, SourceOptions(), truth_column=None)


@pytest.mark.parametrize(
    ("text", "task", "name"),
    [
        ("one-vote", Task(Noise.ONE_VOTE), "one-vote"),
        ("flips", Task(Noise.FLIPS, 0.2), "flips-0.2"),
        ("flips:0.3", Task(Noise.FLIPS, 0.3), "flips-0.3"),
        ("confusions:.15", Task(Noise.CONFUSIONS, 0.15), "confusions-0.15"),
    ],
)
def test_a_task_is_read(text, task, name) -> None:
    assert parse_task(text) == task
    assert parse_task(text).name == name


@pytest.mark.parametrize("text", ["", "flip", "flips:", "flips:0", "flips:0.95", "flips:many", "flips:nan", "own:0.2"])
def test_a_task_that_is_none_is_refused(text) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_task(text)
    assert "\n" not in str(caught.value)


def test_the_truth_is_read_off_votes(truth: Truth, voted: pd.DataFrame, drawn) -> None:
    blends = voted[[f"votes_{name}" for name in EXPRESSIONS]].max(axis=1) == 5
    np.testing.assert_array_equal(truth.firm, ~blends)
    assert truth.usable.all()
    assert [truth.labels.names[k] for k in truth.own] == drawn.given
    right = np.array([truth.labels.names[k] for k in truth.true]) == np.array(drawn.true)
    assert right[~blends].all()
    assert [task.name for task in truth.default_tasks()] == ["one-vote", "flips-0.2", "own"]


def test_a_column_may_hold_the_truth(drawn, voted: pd.DataFrame) -> None:
    frame = voted[["image_id", "image", "label"]].assign(checked=drawn.true)
    truth = open_truth(frame, SourceOptions(label_column="label"), truth_column="checked")
    assert [truth.labels.names[k] for k in truth.true] == drawn.true
    assert [truth.labels.names[k] for k in truth.own] == drawn.given
    with pytest.raises(SettingsError, match="needs annotators' votes"):
        truth.check([Task(Noise.ONE_VOTE)])
    with pytest.raises(SourceError, match="true ones everywhere"):
        open_truth(frame, SourceOptions(label_column="label"), truth_column="label")


def test_labels_are_taken_as_true_for_want_of_better(voted: pd.DataFrame) -> None:
    frame = voted[["image_id", "image", "label"]]
    truth = open_truth(frame, SourceOptions(), truth_column=None)
    assert truth.own is None
    assert [task.name for task in truth.default_tasks()] == ["flips-0.2", "confusions-0.2"]
    assert any("taken as true" in note for note in truth.notes)
    with pytest.raises(SettingsError, match="beside the truth"):
        truth.check([Task(Noise.OWN)])


@pytest.mark.parametrize("count", [100, 140])
@pytest.mark.parametrize(("text", "same"), [("one-vote", "one-vote"), ("flips", "flips"), ("own", "fer2013")])
def test_draws_are_those_of_the_examples(text, same, count, tmp_path, drawn, examples_tasks, monkeypatch) -> None:
    """Same file, same seed: the same faces, given labels and truth as ``examples/benchmarks/tasks.py`` draws."""
    generator = np.random.default_rng(3)
    votes = generator.multinomial(10, generator.dirichlet(np.full(10, 0.2), 150))
    names = (*examples_tasks.CLASSES, "unknown", "not_a_face")
    columns = {f"votes_{name}": votes[:, k].astype(np.uint8) for k, name in enumerate(names)}
    frame = pd.DataFrame(
        {
            "image_id": [f"fer{row:07d}" for row in range(150)],
            "label": [examples_tasks.CLASSES[row % 7] for row in range(150)],
            **columns,
            "image": [f"\x89PNG{row}".encode("latin-1") for row in range(150)],  # never decoded here
        }
    )
    path = tmp_path / "votes.parquet"
    frame.to_parquet(path)
    known = examples_tasks.draw_task(path, examples_tasks.Task(same), count=count, seed=5)
    truth = open_truth(str(path), SourceOptions(), truth_column=None)
    usable = int(truth.usable.sum())
    limit = min(count, usable) + 10  # what is drawn beyond is for testing
    draw = draw_faces(truth, limit=limit, test_share=0.0 if limit > usable else 10 / limit, seed=5)
    labels = give_labels(draw, parse_task(text), weak_model=None)
    kept = ~draw.test
    rows = draw.rows[kept]
    assert [truth.source.table.sample_id[row] for row in rows] == known.frame["image_id"].tolist()
    assert [truth.labels.names[k] for k in labels[kept]] == known.frame["label"].tolist()
    assert [truth.labels.names[k] for k in truth.true[rows]] == known.majority.tolist()
    wrong = labels[kept] != truth.true[rows]
    kind = np.select([~truth.firm[rows], wrong], ["ambiguous", "mislabelled"], "clean")
    np.testing.assert_array_equal(kind, known.truth)


def test_faces_are_parted_into_learned_and_tested(truth: Truth) -> None:
    draw = draw_faces(truth, limit=100, test_share=0.25, seed=1)
    assert len(draw.rows) == 100
    assert draw.test.sum() == 25
    assert (np.diff(draw.rows) > 0).all()
    given = give_labels(draw, Task(Noise.FLIPS, 0.9), weak_model=None)
    true = truth.true[draw.rows]
    np.testing.assert_array_equal(given[draw.test], true[draw.test])
    assert (given != true)[~draw.test].mean() > 0.7
    with pytest.raises(SettingsError, match="raise --limit"):
        draw_faces(truth, limit=20, test_share=0.5, seed=1)


def test_a_drawn_source_reads_the_rows_it_was_drawn_from(truth: Truth, voted: pd.DataFrame) -> None:
    draw = draw_faces(truth, limit=30, test_share=0.0, seed=2)
    source = draw.source(truth.true[draw.rows])
    assert source.read(7) == voted["image"][draw.rows[7]]
    assert source.table.sample_id[7] == voted["image_id"][draw.rows[7]]
    assert (
        source.signature() != draw_faces(truth, limit=30, test_share=0.0, seed=3).source(source.table.given).signature()
    )


def test_one_vote_draws_by_votes() -> None:
    votes = np.array([[0, 10, 0], [3, 0, 7]], dtype=np.float32)
    drawn = one_vote(np.repeat(votes, 4_000, axis=0), np.random.default_rng(0)).reshape(2, -1)
    assert (drawn[0] == 1).all()
    assert np.bincount(drawn[1], minlength=3) / 4_000 == pytest.approx([0.3, 0.0, 0.7], abs=0.03)


def test_flips_go_to_every_other_class_alike() -> None:
    given = flips(np.full(9_000, 2, np.int32), share=0.3, num_classes=4, generator=np.random.default_rng(0))
    assert np.bincount(given, minlength=4) / 9_000 == pytest.approx([0.1, 0.1, 0.7, 0.1], abs=0.015)


def test_confusions_follow_the_weak_model() -> None:
    """Exactly the share is replaced, never where the model is sure, and by what it would rather say."""
    sure, torn = [1.0, 0.0, 0.0], [0.4, 0.6, 0.0]
    posterior = np.repeat(np.array([sure, torn], dtype=np.float32), 500, axis=0)
    given = confusions(np.zeros(1_000, np.int32), posterior, share=0.2, generator=np.random.default_rng(0))
    changed = np.flatnonzero(given)
    assert len(changed) == 200
    assert (changed >= 500).mean() > 0.98
    assert (given[changed] == 1).mean() > 0.98


def test_the_weak_model_judges_out_of_fold_and_learns_something() -> None:
    generator = np.random.default_rng(0)
    true = (np.arange(200) % 2).astype(np.int32)
    pixels = generator.integers(0, 60, (200, 24, 24, 3)).astype(np.uint8)
    pixels[true == 1, :12] += 12
    posterior = weak_posterior(pixels, true, num_classes=3)
    assert posterior.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert (posterior[:, 2] == 0).all()
    assert (posterior.argmax(axis=1) == true).mean() > 0.9


def test_small_grey_is_the_mean_of_each_patch() -> None:
    pixels = np.zeros((1, 24, 24, 3), np.uint8)
    pixels[0, :2, 2:4] = [30, 60, 90]
    small = small_grey(pixels)
    assert small.shape == (1, 144)
    assert small[0, 1] == pytest.approx(60.0)
    assert small[0].sum() == pytest.approx(60.0)


def test_classes_of_the_own_labels_come_after_the_truths(voted: pd.DataFrame) -> None:
    frame = voted.assign(label=["puzzled", *voted["label"][1:]])
    truth = open_truth(frame, SourceOptions(), truth_column=None)
    assert truth.labels == LabelSpace((*EXPRESSIONS, "puzzled"))
    assert truth.own[0] == len(EXPRESSIONS)
