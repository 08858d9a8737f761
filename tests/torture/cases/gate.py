"""Limits, allow-lists and baselines of ``labelaudit check`` that cannot be meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from .case import Case, refused
from .ground import Ground


def cases() -> Iterator[Case]:
    """All of them."""
    for name, content, words in _LIMITS:
        yield _limits(name, content, words)
    for name, listed, words in _LISTS:
        yield _list(name, listed, words)
    for name, flags, words in _FLAGS:
        yield _check(name, lambda _folder, flags=flags: flags, words)  # type: ignore[misc]
    yield _check("a baseline that is no report", _foreign_baseline, ("baseline.parquet",))


def _check(name: str, flags: Callable[[Path], tuple[str | Path, ...]], words: tuple[str, ...]) -> Case:
    def make(folder: Path, ground: Ground) -> list[str | Path]:
        return ["check", ground.run, "--quiet", *flags(folder)]

    return Case("limits", name, make, refused(*words))


def _limits(name: str, content: str, words: tuple[str, ...]) -> Case:
    def flags(folder: Path) -> tuple[str | Path, ...]:
        (folder / "labelaudit.toml").write_text(content)
        return ()

    return _check(name, flags, words)


def _list(name: str, content: bytes, words: tuple[str, ...]) -> Case:
    def flags(folder: Path) -> tuple[str | Path, ...]:
        (folder / "allowed.txt").write_bytes(content)
        return ("--allow-list", folder / "allowed.txt")

    return _check(name, flags, words)


def _foreign_baseline(folder: Path) -> tuple[str | Path, ...]:
    (folder / "baseline.parquet").write_bytes(b"PAR1PAR1")
    return ("--baseline", folder / "baseline.parquet")


_LIMITS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("broken TOML", "[check", ("labelaudit.toml is not TOML",)),
    ("an unknown table", "[chekc]\n", ("unknown entry chekc", "did you mean check")),
    ("an unknown limit", '[check]\nmax-mislabeled = "2%"', ("unknown key", "did you mean max-mislabelled")),
    ("check is a number", "check = 3", ("check is a table",)),
    ("a share above 100 %", '[check]\nmax-mislabelled = "200%"', ("max-mislabelled",)),
    ("a number below 0", "[check]\nmax-unreadable = -1", ("max-unreadable",)),
    ("a limit that is NaN", "[check]\nmax-drift = nan", ("max-drift",)),
    ("a limit that is a list", "[check]\nmax-conflicts = [1]", ("max-conflicts",)),
    ("a class that is not there", "[check]\nmax-mislabelled = { hapy = 3 }", ("hapy",)),
    ("fail-on that is none", '[check]\nfail-on = "mood"', ("fail-on must be one of",)),
    ("fail-on that is a list", "[check]\nfail-on = []", ("fail-on must be one of",)),
    ("a path that is a number", "[check]\nbaseline = 3", ("baseline must be a path",)),
    ("an allow-list that is not there", '[check]\nallow-list = "none.txt"', ("none.txt",)),
    ("nested 3,000 deep", "[check]\nx = " + "[" * 3_000 + "]" * 3_000, ("labelaudit.toml",)),
)

_LISTS: tuple[tuple[str, bytes, tuple[str, ...]], ...] = (
    ("allow-list: a line that is none", b"happy.png happy\n", ("line 1", "no accepted sample")),
    ("allow-list: a hash cut short", b"3a7bd3e2360a happy\n", ("line 1",)),
    ("allow-list: broken quotes", b"a" * 64 + b'  "\\x"\n', ("line 1", "quotes")),
    ("allow-list: not UTF-8", b"\xff\xfe\x00", ("not UTF-8",)),
    ("allow-list: binary", bytes(range(128, 256)), ("not UTF-8",)),
    ("allow-list: a merge that was not settled", b"<<<<<<< HEAD\n" + b"a" * 64 + b"\n", ("line 1",)),
    ("allow-list: a line of a megabyte", b"a" * (1 << 20) + b"\n", ("line 1",)),
)

_FLAGS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("a baseline that is not there", ("--baseline", "none"), ("none",)),
    ("an output that is none", ("--output", "pdf"), ("pdf",)),
    (
        "an output to a folder that is not there",
        ("--output", "junit=/proc/x/y.xml", "--max-mislabelled", "100%"),
        ("y.xml",),
    ),
    ("a limit that is a word", ("--max-mislabelled", "few"), ("few",)),
    ("a reason without a list", ("--why", "because"), ("--accept",)),
)
