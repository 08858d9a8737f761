from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelaudit.errors import SettingsError
from labelaudit.queue.assign import assign, part_of
from labelaudit.queue.item import Queue, QueueItem
from labelaudit.records import Verdict

NAMES = ("ann", "bo", "cy", "dee", "eve")


def queue_of(count: int) -> Queue:
    items = (
        QueueItem(i + 1, f"{i}.png", None, None, None, "sad", Verdict.MISLABELLED, 0.9, None, None, "", None)
        for i in range(count)
    )
    return Queue(tuple(items), ("happy", "sad"), "faces", "labelaudit-0")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(1, 5), st.data())
def test_every_row_has_its_annotators_and_loads_differ_by_one_at_most(count, people, data):
    overlap = data.draw(st.integers(1, people))
    shared = assign(queue_of(count), NAMES[:people], overlap=overlap, seed=data.draw(st.integers(0, 5)))
    assert [item.sample_id for item in shared.items] == [f"{i}.png" for i in range(count)]
    assert all(len(set(item.annotators)) == overlap for item in shared.items)
    loads = [len(part_of(shared, name)) for name in NAMES[:people]]
    assert sum(loads) == count * overlap
    assert max(loads) - min(loads) <= 1


@pytest.mark.parametrize("people", [3, 4, 5])
def test_pairs_meet_about_equally_often(people):
    shared = assign(queue_of(60), NAMES[:people], overlap=2, seed=1)
    met = [sum({a, b} == set(item.annotators) for item in shared.items) for a, b in combinations(NAMES[:people], 2)]
    assert sum(met) == 60
    assert max(met) - min(met) <= 1


def test_the_seed_decides_who_comes_first():
    first = {assign(queue_of(1), NAMES, seed=seed).items[0].annotators for seed in range(20)}
    assert len(first) > 1
    assert assign(queue_of(9), NAMES, overlap=2, seed=4) == assign(queue_of(9), NAMES, overlap=2, seed=4)


def test_ones_own_part_names_nobody_else():
    shared = assign(queue_of(4), ("ann", "bo"), overlap=2)
    mine = part_of(shared, "bo")
    assert len(mine) == 4
    assert {item.annotators for item in mine.items} == {("bo",)}
    assert mine.classes == shared.classes


@pytest.mark.parametrize(
    ("names", "overlap", "said"),
    [
        (("ann", "../bo"), 1, "'../bo' has no fit name"),
        (("ann", ""), 1, "'' has no fit name"),
        ((".ann",), 1, "no fit name"),
        (("ann", "Ann"), 1, "different names"),
        (("ann", "bo"), 3, "overlap is 3; it must be at least 1 and at most 2"),
        (("ann", "bo"), 0, "overlap is 0"),
    ],
)
def test_unfit_annotators_are_refused(names, overlap, said):
    with pytest.raises(SettingsError, match=said):
        assign(queue_of(3), names, overlap=overlap)


def test_names_of_any_script_and_addresses_are_fit():
    assert len(assign(queue_of(2), ("Zoë", "bo@example.org", "李")).items) == 2
