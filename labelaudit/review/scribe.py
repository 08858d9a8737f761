"""Keeps decisions one batch at a time: what arrives while the disk syncs waits and is synced together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from labelaudit.review.ledger import Ledger, Outcome, Wanted


class Scribe:
    """Stands between many requests and the one file. All its methods are called on one event loop.

    Args:
        ledger: The decisions.
        told: Called with each decision and what became of it, in the order in which they were kept.
    """

    def __init__(self, ledger: Ledger, told: Callable[[Wanted, Outcome], None]) -> None:
        self._ledger = ledger
        self._told = told
        self._waiting: list[tuple[Wanted, asyncio.Future[Outcome]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, wanted: Wanted) -> Outcome:
        """Returns when the decision is in the file and synced, or is known to be refused.

        Raises:
            DecisionError: The file cannot be written; the decision is not kept.
        """
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, answer))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        return await answer

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                outcomes = await asyncio.to_thread(self._ledger.write_wanted, [wanted for wanted, _ in batch])
            except Exception as error:
                for _, answer in batch:
                    if not answer.done():  # whoever asked may have gone
                        answer.set_exception(error)
                continue
            for (wanted, answer), outcome in zip(batch, outcomes, strict=True):
                self._told(wanted, outcome)
                if not answer.done():
                    answer.set_result(outcome)
