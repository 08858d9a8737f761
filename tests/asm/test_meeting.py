from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import torch
from torch.distributed import HashStore

from labelaudit.asm import meeting
from labelaudit.asm.meeting import Meeting
from labelaudit.asm.ranks import ONE, Ranks, joined_ranks
from labelaudit.errors import OtherProcessError, SettingsError, SourceError


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> tuple[Meeting, Meeting]:
    """Two who meet in one process, and are quick to miss each other."""
    monkeypatch.setattr(meeting, "SILENCE", 0.4)
    monkeypatch.setattr(meeting, "_LOOK_EVERY", 0.05)
    monkeypatch.setattr(meeting, "_LEAVE", 0.1)
    store = HashStore()
    return Meeting(store, rank=0, size=2), Meeting(store, rank=1, size=2)


def _beside(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_everybody_hears_what_everybody_says(pair: tuple[Meeting, Meeting]):
    found: list[list[dict[str, int]]] = []
    other = _beside(lambda: found.extend(pair[1].meet({"number": number}) for number in (1, 2)))
    found += [pair[0].meet({"number": 10}), pair[0].meet({"number": 20})]
    other.join()
    first, second = [{"number": 10}, {"number": 1}], [{"number": 20}, {"number": 2}]
    assert sorted(map(str, found)) == sorted(map(str, [first, second, first, second]))


def test_who_shows_no_sign_of_life_is_missed(pair: tuple[Meeting, Meeting]):
    with pytest.raises(
        OtherProcessError, match="process 2 of 2 has shown no sign of life for 0 s; go on with --resume"
    ):
        pair[0].meet({})


def test_who_lives_is_waited_for(pair: tuple[Meeting, Meeting]):
    def slow() -> None:
        for beat in range(12):
            pair[1]._store.set("beat/1", str(beat))
            time.sleep(0.1)
        pair[1].meet({"done": True})

    other = _beside(slow)
    assert pair[0].meet({})[1] == {"done": True}
    other.join()


def test_who_fails_says_so_to_those_that_wait(pair: tuple[Meeting, Meeting]):
    error = SourceError("the dataset is gone")
    assert pair[1].fail(error) is error
    with pytest.raises(OtherProcessError, match="process 2 of 2 has ended: the dataset is gone"):
        pair[0].meet({})
    lost = pair[0].fail(RuntimeError("[gloo] Connection closed by peer"))
    assert str(lost) == "process 2 of 2 has ended: the dataset is gone"
    assert isinstance(lost, OtherProcessError)


def test_a_connection_that_breaks_without_a_word(pair: tuple[Meeting, Meeting]):
    found = pair[0].fail(RuntimeError("[../gloo/transport/tcp/pair.cc:547] Connection closed by peer"))
    assert "connection to another process is lost; go on with --resume" in str(found)
    own = RuntimeError("shapes do not match")
    assert pair[0].fail(own) is own


def test_a_process_alone_asks_nobody(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_ranks() as ranks:
        assert ranks is ONE
    array = torch.arange(6).view(2, 3)
    assert ONE.is_first
    assert ONE.share(array) is array
    assert ONE.tell({"a": 1}) == {"a": 1}
    assert ONE.first_then_others(lambda: 5) == 5
    assert ONE.gather(array) == [array]
    teams, own, team = ONE.teams(5)
    assert (teams, own, team is not None and team.size) == (1, 0, 1)
    with pytest.raises(SourceError):
        ONE.agree(_gone)


def _gone() -> None:
    raise SourceError("the dataset is gone")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE is 'two', not a number"),
        ({"WORLD_SIZE": "2", "RANK": "2"}, "WORLD_SIZE is 2 and RANK 2; start the processes with torchrun"),
        ({"WORLD_SIZE": "2", "RANK": "0", "MASTER_PORT": "1"}, "the 2 processes do not find each other"),
    ],
)
def test_a_launcher_that_makes_no_sense_is_refused(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
):
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=said), joined_ranks():
        pass


@pytest.mark.parametrize(("size", "folds"), [(2, 5), (3, 3), (8, 5)])
def test_a_fold_a_process_needs_no_group(size: int, folds: int):
    """Nothing to set up between processes: every one can say which folds are its own."""
    taken = []
    for rank in range(size):
        meet = Meeting(HashStore(), rank=rank, size=size)
        teams, own, team = Ranks(rank, size, meeting=meet).teams(folds)
        if team is not None:
            assert team.size == 1
            taken += list(range(folds))[own::teams]
    assert sorted(taken) == list(range(folds))
