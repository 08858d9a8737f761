"""SIGKILL of the review page while several people decide: what it said to be kept is in the file, which can be read."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from labelaudit.queue.decision_lines import read_decision_lines

from .acts import Ground, remove_place
from .forks import Job
from .row import Row

PEOPLE = 4
_PATIENCE = 60.0


@dataclass
class Page:
    """Speaks to a review page on this machine.

    Attributes:
        port: Where it listens.
        token: Its password.
    """

    port: int
    token: str

    def ask(self, method: str, path: str, value: object = None) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            origin = f"http://127.0.0.1:{self.port}"
            headers = {"Origin": origin, "Cookie": f"labelaudit-{self.port}={self.token}"}
            headers["Content-Type"] = "application/json"
            connection.request(method, path, None if value is None else json.dumps(value), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()


@dataclass
class Sitting:
    """Several people who decide until the page is gone.

    Attributes:
        page: The page.
        kept: (annotator, sample, version, label) of every decision that the page said to be kept.
    """

    page: Page
    kept: list[tuple[str, str, int, str]] = field(default_factory=list)

    def start(self) -> list[threading.Thread]:
        """Begins; each thread ends with the page."""
        _, desk = self.page.ask("GET", "/api/desk")
        threads = [threading.Thread(target=self._decide, args=(f"a{k}", desk)) for k in range(PEOPLE)]
        for thread in threads:
            thread.start()
        return threads

    def _decide(self, who: str, desk: Any) -> None:
        seen = 0
        while True:
            for row in desk["rows"]:
                label = desk["classes"][seen % len(desk["classes"])]
                said = {"row": row, "ruling": "label", "label": label, "annotator": who, "seen": seen}
                try:
                    status, _ = self.page.ask("POST", "/api/decisions", said)
                except (OSError, http.client.HTTPException):
                    return
                if status == 200:
                    self.kept.append((who, row, seen + 1, label))
            seen += 1


def review_rows(ground: Ground, rng: random.Random, *, times: int) -> list[Row]:
    """Kills the review page so many times; the row of the table."""
    start = time.perf_counter()
    losses: list[str] = []
    decisions = 0
    for number in range(times):
        place = ground.new_place("run")
        kept = _killed(ground, place, rng, at_step=number % 2 == 0)
        decisions += len(kept)
        losses += _lost(ground, place, kept)[:1]
        remove_place(place)
    note = losses[0] if losses else f"{decisions:,} decisions kept, {PEOPLE} people at once"
    return [Row("kill", "review page", times, len(losses), time.perf_counter() - start, note)]


def _killed(ground: Ground, place: Path, rng: random.Random, *, at_step: bool) -> list[tuple[str, str, int, str]]:
    """What a page that was killed had said to be kept."""
    job = _job(place)
    if at_step:
        job = replace(job, at=rng.randint(20, 200), signal=signal.SIGKILL)
    process = ground.stage.begin(job)
    sitting = Sitting(_page_of(job))
    threads = sitting.start()
    if not at_step:
        time.sleep(rng.uniform(0.05, 1.5))
        os.kill(process, signal.SIGKILL)
    for thread in threads:
        thread.join(_PATIENCE)
    ground.stage.end(job)
    return sitting.kept


def _lost(ground: Ground, place: Path, kept: list[tuple[str, str, int, str]]) -> list[str]:
    """What is wrong after a kill: in the file, and in a page that is opened anew."""
    lines = [line for line in read_decision_lines(place / "run" / "decisions.jsonl") if line.annotator.startswith("a")]
    lines = [line for line in lines if line.annotator != "ann"]
    lost = [] if len(kept) <= len(lines) <= len(kept) + PEOPLE else [f"{len(kept)} were kept, {len(lines)} are there"]
    job = _job(place)
    process = ground.stage.begin(job)
    page = _page_of(job)
    for who in {name for name, *_ in kept}:
        _, progress = page.ask("GET", f"/api/progress?annotator={who}")
        stands = {row: (version, label) for row, version, _, label in progress["decisions"]}
        last = {row: (version, label) for name, row, version, label in kept if name == who}
        for row, (version, label) in last.items():  # the answer to one more may have been on its way
            if stands.get(row) != (version, label) and stands.get(row, (0, ""))[0] != version + 1:
                lost.append(f"{who} said {label} of row {row}, there stands {stands.get(row)}")
    os.kill(process, signal.SIGINT)
    ended = ground.stage.end(job)
    if ended.code:
        lost.append(f"opened again it ended with {ended.code}: {ended.last_line}")
    return lost


def _job(place: Path) -> Job:
    return Job(("review", str(place / "run"), "--json", "--no-open", "--port", "0"), str(place))


def _page_of(job: Job) -> Page:
    """The page of a job that has begun, when it is open."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if job.out.exists() and (found := re.search(r"127\.0\.0\.1:(\d+)/\?token=([^\"\s]+)", job.out.read_text())):
            return Page(int(found[1]), found[2])
        time.sleep(0.01)
    raise TimeoutError(f"no page was opened: {job.err.read_text()}")
