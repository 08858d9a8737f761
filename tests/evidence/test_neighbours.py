import numpy as np
import pytest
import torch

from labelaudit.evidence import nearest, neighbours
from labelaudit.evidence.neighbours import find_neighbours


def clouds(seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    """Two clouds of 40 faces that differ in one component among 6."""
    random = np.random.default_rng(seed)
    given = np.repeat([0, 1], 40).astype(np.int32)
    components = random.normal(size=(80, 6))
    components[:, 3] += 8.0 * given
    return torch.from_numpy(components), given


def test_neighbours_are_those_of_a_plain_search(monkeypatch):
    monkeypatch.setattr(nearest, "_PAIRS_AT_ONCE", 7 * 80)  # blocks of seven
    monkeypatch.setattr(neighbours, "NEAREST", 5)
    components, given = clouds()
    found = find_neighbours(components, given, num_classes=2, twins=np.full(80, -1))
    white = (components - components.mean(0)) / components.std(0)
    likeness = torch.nn.functional.cosine_similarity(white[:, None], white[None], dim=2)
    likeness.fill_diagonal_(-2)
    assert np.array_equal(found.nearest, likeness.topk(5, dim=1).indices.numpy())
    assert np.allclose(found.posterior.sum(axis=1), 1, atol=1e-6)


def test_the_vote_is_the_neighbours_and_a_little_of_the_shares(monkeypatch):
    monkeypatch.setattr(neighbours, "NEAREST", 2)
    components = torch.tensor([[1.0, 0.0], [1.0, 0.1], [1.0, -0.1], [-1.0, 0.0]])
    given = np.array([0, 1, 1, 1], dtype=np.int32)
    found = find_neighbours(components, given, num_classes=3, twins=np.full(4, -1))
    assert set(found.nearest[0]) == {1, 2}
    # no vote for 0, two for 1; five more by the shares 1/4, 3/4, 0
    assert found.posterior[0] == pytest.approx([5 / 4 / 7, (2 + 15 / 4) / 7, 0])


def test_a_faces_own_label_has_no_say_but_for_the_shares():
    components, given = clouds()
    before = find_neighbours(components, given, num_classes=2, twins=np.full(80, -1)).posterior
    changed = given.copy()
    changed[5], changed[6] = 1 - given[5], 1 - given[6]
    changed[45], changed[46] = 1 - given[45], 1 - given[46]  # the shares stay
    swapped = find_neighbours(components, changed, num_classes=2, twins=np.full(80, -1))
    apart = ~np.isin(swapped.nearest, [5, 6, 45, 46]).any(axis=1)
    assert np.allclose(before[apart], swapped.posterior[apart])


def test_copies_are_no_neighbours():
    components, given = clouds()
    components[1] = components[0]
    twins = np.full(80, -1)
    assert find_neighbours(components, given, num_classes=2, twins=twins).nearest[0, 0] == 1
    twins[:2] = 0
    found = find_neighbours(components, given, num_classes=2, twins=twins)
    assert 1 not in found.nearest[0]
    assert 0 not in found.nearest[1]


def test_fewer_faces_than_neighbours():
    components, given = clouds()
    twins = np.array([0, 0, -1])
    found = find_neighbours(components[:3], given[:3], num_classes=2, twins=twins)
    assert found.nearest.tolist() == [[2, -1], [2, -1], found.nearest[2].tolist()]
    assert set(found.nearest[2]) == {0, 1}


def many(count: int = 1_500) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """Faces in 30 loose clouds, of which some are copies of each other, three by three."""
    random = np.random.default_rng(3)
    components = random.normal(size=(count, 24)) + 1.5 * random.normal(size=(30, 24))[np.arange(count) % 30]
    twins = np.full(count, -1)
    twins[:60] = np.arange(60) // 3
    components[:60] = components[:60:3].repeat(3, axis=0)
    return torch.from_numpy(components), (np.arange(count) % 3).astype(np.int32), twins


def test_many_faces_are_looked_up_and_that_is_said(monkeypatch):
    pytest.importorskip("faiss")
    components, given, twins = many()
    exact = find_neighbours(components, given, num_classes=3, twins=twins)
    assert exact.note is None
    monkeypatch.setattr(nearest, "EXACT_LIMIT", 1_000)
    stages = []
    found = find_neighbours(components, given, num_classes=3, twins=twins, progress=stages.append)
    share = np.mean([np.isin(one, other).mean() for one, other in zip(exact.nearest, found.nearest, strict=True)])
    assert share >= 0.95
    assert found.note is not None
    assert "1,500 faces" in found.note
    said = float(found.note.partition("finds ")[2].partition(" %")[0]) / 100
    assert said == pytest.approx(share, abs=0.02)
    assert np.abs(exact.posterior - found.posterior).mean() < 0.01
    for group in range(20):
        rows = np.flatnonzero(twins == group)
        assert not np.isin(found.nearest[rows], rows).any()
    assert not (found.nearest == np.arange(1_500)[:, None]).any()
    assert stages[-1].done == 1_500
    assert [stage.done for stage in stages] == sorted(stage.done for stage in stages)
    again = find_neighbours(components, given, num_classes=3, twins=twins)
    assert np.array_equal(found.nearest, again.nearest)


def test_few_are_compared_with_all_where_an_index_is_used(monkeypatch):
    pytest.importorskip("faiss")
    components, given, _ = many()
    monkeypatch.setattr(nearest, "EXACT_LIMIT", 1_000)
    monkeypatch.setattr(nearest, "_MEASURED_ON", 20)
    compared, compare = [], nearest._compared
    monkeypatch.setattr(
        nearest, "_compared", lambda points, rows, **told: compared.append(len(rows)) or compare(points, rows, **told)
    )
    found = find_neighbours(components, given, num_classes=3, twins=np.full(1_500, -1))
    assert sum(compared) == 20
    assert (found.nearest >= 0).all()
    assert not (found.nearest == np.arange(1_500)[:, None]).any()


def test_a_picture_with_more_copies_than_the_index_is_asked_for_has_all_its_neighbours(monkeypatch):
    pytest.importorskip("faiss")
    components, given, twins = many()
    components[:200], twins[:200] = components[0].clone(), 0
    exact = find_neighbours(components, given, num_classes=3, twins=twins)
    monkeypatch.setattr(nearest, "EXACT_LIMIT", 1_000)
    found = find_neighbours(components, given, num_classes=3, twins=twins)
    assert np.array_equal(found.nearest[:200], exact.nearest[:200])


def test_without_the_index_all_are_compared_and_that_is_said(monkeypatch):
    components, given, twins = many()
    exact = find_neighbours(components, given, num_classes=3, twins=twins)
    monkeypatch.setattr(nearest, "EXACT_LIMIT", 1_000)
    monkeypatch.setattr(nearest.importlib.util, "find_spec", lambda _: None)
    found = find_neighbours(components, given, num_classes=3, twins=twins)
    assert np.array_equal(found.nearest, exact.nearest)
    assert "comparing all with all" in found.note
