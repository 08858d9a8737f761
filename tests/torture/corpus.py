"""Malformed things of every kind that labelaudit reads, and what comes of each: its documented row, or exit code 2 and
one line. Never a traceback, never a hang: every command runs in a child with bounded time and memory.

Alone: ``python -m tests.torture.corpus [--only WORDS] [--verbose]``.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .cases import decisions, files, gate, images, ledgers, manifests, models, reports, settings
from .cases.case import Answer, Case, fault
from .cases.ground import Ground, build_ground, command
from .confined import can_confine, confined, load_everything
from .row import Row

SECONDS = 60
MORE_BYTES = 3 << 29
"""Of address space, 1.5 GiB; half of it is threads' stacks and arenas that are never touched."""
GROWN_BYTES = 768 << 20
_QUICK = 3


@dataclass(frozen=True)
class Tried:
    """A case and what came of it.

    Attributes:
        case: The case.
        wrong: What was wrong; None = nothing.
        answer: What the command said.
        seconds, grown_bytes: What it took.
    """

    case: Case
    wrong: str | None
    answer: Answer
    seconds: float
    grown_bytes: int


def run(*, seed: int, quick: bool, folder: Path) -> list[Row]:
    """Every case, or every third; a row a kind. Nothing is random."""
    if not can_confine():
        return [Row("corpus", "malformed things", 0, 0, 0.0, "needs fork and /proc")]
    start = time.perf_counter()
    ground = build_ground(folder)
    load_everything()
    rows = [Row("corpus", "the faces and the audit that cases stand on", 1, 0, time.perf_counter() - start)]
    chosen = all_cases()[:: _QUICK if quick else 1]
    tried = [attempt(each, ground, folder) for each in chosen]
    for kind in dict.fromkeys(each.kind for each in chosen):
        some = [each for each in tried if each.case.kind == kind]
        lost = [each for each in some if each.wrong is not None]
        most = max(each.grown_bytes for each in some) >> 20
        longest = max(each.seconds for each in some)
        note = f"{lost[0].case.name}: {lost[0].wrong}" if lost else f"at most {longest:.1f} s and {most:,} MiB"
        rows.append(Row("corpus", f"malformed {kind}", len(some), len(lost), sum(each.seconds for each in some), note))
    return rows


def all_cases() -> list[Case]:
    """Every case, in an order that stays."""
    found = [
        one
        for module in (images, files, manifests, models, reports, decisions, ledgers, settings, gate)
        for one in module.cases()
    ]
    names = [(each.kind, each.name) for each in found]
    assert len(set(names)) == len(names), "two cases of one name"
    return found


def attempt(one: Case, ground: Ground, folder: Path) -> Tried:
    """Makes a case and meets it in a confined child."""
    with tempfile.TemporaryDirectory(prefix="case-", dir=folder) as name:
        work = Path(name)
        arguments = one.make(work, ground)

        def child() -> int:
            os.chdir(work)
            return command(*arguments)

        ended = confined(child, folder=work, seconds=SECONDS, more_bytes=MORE_BYTES)
        answer = Answer(-999 if ended.code is None else ended.code, ended.stdout, ended.stderr, work)
        if ended.code is None:
            wrong: str | None = f"it hung: killed after {SECONDS} s"
        elif ended.grown_bytes > GROWN_BYTES:
            wrong = f"it took {ended.grown_bytes >> 20:,} MiB"
        else:
            wrong = fault(answer, one.must)
        for path in work.rglob("*"):  # what a case closed must be removed again
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
    return Tried(one, wrong, answer, ended.seconds, ended.grown_bytes)


def main() -> int:
    """Some or all cases, one line each."""
    parser = argparse.ArgumentParser("python -m tests.torture.corpus")
    parser.add_argument("--only", default="", help="a regular expression that kind and name must match")
    parser.add_argument("--verbose", action="store_true", help="show what was said")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="corpus-") as name:
        os.environ["HF_HUB_OFFLINE"] = "1"
        ground = build_ground(Path(name))
        load_everything()
        chosen = [each for each in all_cases() if re.search(asked.only, f"{each.kind} {each.name}")]
        tried = [attempt(each, ground, Path(name)) for each in chosen]
    for each in tried:
        print("\n".join(_told(each, verbose=asked.verbose)))  # noqa: T201
    lost = sum(each.wrong is not None for each in tried)
    print(f"{len(tried)} cases, {lost} lost")  # noqa: T201
    return int(bool(lost))


def _told(each: Tried, *, verbose: bool) -> Iterator[str]:
    took = f"{each.seconds:.2f} s, {each.grown_bytes >> 20} MiB"
    yield f"{'LOST' if each.wrong else 'ok':5}{each.case.kind}: {each.case.name} ({took})"
    if each.wrong:
        yield f"     {each.wrong}"
    if verbose:
        yield f"     {each.answer.code}: {each.answer.stderr.strip() or each.answer.stdout.strip()[:400]}"


if __name__ == "__main__":
    sys.exit(main())
