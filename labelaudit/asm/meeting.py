"""How the processes of one audit wait for each other: by a key-value store, not by a collective that hangs.

Long work of one process (decoding, ridge, a fold) is waited for by asking the store now and then, where every process
leaves a sign of life. A process that fails says so before it goes, one that is killed falls silent, and either ends all
the others with a word on why, at the latest after ``SILENCE``.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from torch.distributed import DistError, Store  # type: ignore[attr-defined]

from labelaudit.errors import LabelAuditError, OtherProcessError

SILENCE = 60.0
"""Seconds without a sign of life after which a process counts as lost."""
_BEAT = 5.0
_ASK_EVERY = 0.05
_LOOK_EVERY = 1.0
_LEAVE = 5.0
"""Seconds that processes wait for each other in the end."""
_FAILED = "failed"
_GONE = "the first process of the audit is gone; go on with --resume"


class Meeting:
    """Where processes meet.

    Args:
        store: What all can read and write.
        rank: This process's place in [0, size).
        size: How many there are.
    """

    def __init__(self, store: Store, *, rank: int, size: int) -> None:
        self._store = store
        self._rank = rank
        self._size = size
        self._met = 0
        self._beats = [b""] * size

    def meet(self, said: dict[str, Any]) -> list[dict[str, Any]]:
        """Waits until every process has said something, JSON values; gives what they said, in order.

        Raises:
            OtherProcessError: Another process has failed or is gone.
        """
        number, self._met = self._met, self._met + 1
        keys = [f"meeting-{number}/{rank}" for rank in range(self._size)]
        try:
            self._store.set(keys[self._rank], json.dumps(said))
            self._wait_for(keys)
            return [json.loads(self._store.get(key)) for key in keys]
        except DistError as error:
            raise OtherProcessError(_GONE) from error

    def leave(self) -> None:
        """The last meeting, after which the store may be gone."""
        self.meet({})
        with contextlib.suppress(DistError):
            self._store.set(f"left/{self._rank}", "")
            self._linger([f"left/{rank}" for rank in range(self._size) if self._rank == 0])

    def fail(self, error: BaseException) -> BaseException:
        """Tells the others that this process ends by an error; gives what it should end by.

        A process that lost the connection to another one ends by what that one said.
        """
        with contextlib.suppress(DistError):
            if self._store.check([_FAILED]):
                if isinstance(error, RuntimeError):
                    error = OtherProcessError(self._store.get(_FAILED).decode())
            elif _is_lost_connection(error):
                error = OtherProcessError("the connection to another process is lost; go on with --resume")
            elif not isinstance(error, OtherProcessError):
                self._store.set(_FAILED, self._last_words(error))
            # A launcher ends all processes when the first is gone: the one that prints goes first.
            self._store.set(f"left/{self._rank}", "")
            self._linger(["left/0"])
        return error

    @contextlib.contextmanager
    def signs_of_life(self) -> Iterator[None]:
        """Leaves one in the store every few seconds, from a thread of its own."""
        ended = threading.Event()
        mine = self._store.clone()  # a connection of its own: the other may be waiting for an answer

        def beat() -> None:
            number = 0
            with contextlib.suppress(DistError):
                while not ended.wait(_BEAT if number else 0.0):
                    number += 1
                    mine.set(f"beat/{self._rank}", str(number))

        thread = threading.Thread(target=beat, name="labelaudit-sign-of-life", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _wait_for(self, keys: list[str]) -> None:
        heard, looked = [time.monotonic()] * self._size, 0.0
        while not self._store.check(keys):
            if self._store.check([_FAILED]):
                raise OtherProcessError(self._store.get(_FAILED).decode())
            now = time.monotonic()
            if now - looked >= _LOOK_EVERY:
                looked = now
                for rank in range(self._size):
                    if self._has_beaten(rank) or self._store.check([keys[rank]]):
                        heard[rank] = now
                    elif now - heard[rank] > SILENCE:
                        raise OtherProcessError(
                            f"process {rank + 1} of {self._size} has shown no sign of life for {SILENCE:.0f} s; "
                            "go on with --resume"
                        )
            time.sleep(_ASK_EVERY)

    def _has_beaten(self, rank: int) -> bool:
        key = f"beat/{rank}"
        before, self._beats[rank] = self._beats[rank], self._store.get(key) if self._store.check([key]) else b""
        return self._beats[rank] != before

    def _linger(self, keys: list[str]) -> None:
        until = time.monotonic() + _LEAVE
        while keys and time.monotonic() < until and not self._store.check(keys):
            time.sleep(_ASK_EVERY)

    def _last_words(self, error: BaseException) -> str:
        said = str(error) if isinstance(error, LabelAuditError) else f"{type(error).__name__} {error}".strip()
        return f"process {self._rank + 1} of {self._size} has ended: {said}"


def _is_lost_connection(error: BaseException) -> bool:
    """True for what NCCL and gloo say of a peer that is gone."""
    return isinstance(error, DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error).lower())
