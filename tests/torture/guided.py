"""Fuzzing by coverage: atheris changes a file until new lines of ours are reached, and never an error that is not ours.

Alone: ``python -m tests.torture.guided TARGET --seconds 60``. The parsers that are our own, one process each. Where
random spoiling (``fuzz``) tries many kinds of files, this goes deep into a few.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .row import Row, told

PART = "guided"
_MINUTES, _QUICK_MINUTES = 6.0, 0.5
_ONE_INPUT_SECONDS = 10
_CHOSEN = ("settings toml", "limits toml", "allow-list", "label map")
"""Beside the exports of decisions, the targets whose files parsers of our own read, without a command around them."""
_EXPORTS_OF_LIBRARIES = (".parquet", ".zip")


def run(*, seed: int, quick: bool, folder: Path) -> list[Row]:
    """A session over every parser."""
    if importlib.util.find_spec("atheris") is None:
        return [Row(PART, "parsers, guided by coverage", 0, 0, 0.0, "needs atheris")]
    names = list(_names(folder))
    seconds = max(5, int(60 * (_QUICK_MINUTES if quick else _MINUTES) / len(names)))
    return [told(_session(name, seconds=seconds, seed=seed, folder=folder)) for name in names]


def _names(folder: Path) -> Iterator[str]:
    from .cases import reader_targets, run_targets
    from .cases.ground import Ground

    ground = Ground(*[folder] * 4)  # these targets need no run
    exports = [each.name for each in reader_targets.targets(ground) if each.name.startswith("decisions")]
    yield from (name for name in exports if not name.endswith(_EXPORTS_OF_LIBRARIES))
    yield from (each.name for each in run_targets.targets(ground) if each.name in _CHOSEN)


def _session(name: str, *, seconds: int, seed: int, folder: Path) -> Row:
    work = Path(tempfile.mkdtemp(dir=folder))
    start = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-m", "tests.torture.guided", name, "--seconds", str(seconds)]
    ended = subprocess.run(
        [*command, "--seed", str(seed + 1), "--folder", str(work)],
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=seconds + 120,
        cwd=Path(__file__).resolve().parents[2],
        check=False,
    )
    runs = re.search(r"Done (\d+) runs", ended.stderr)
    reached = re.findall(r"cov: (\d+)", ended.stderr)
    fine = ended.returncode == 0 and runs is not None
    said = [line for line in ended.stderr.splitlines() if "Error" in line or "ERROR" in line]
    note = f"{reached[-1]} places reached" if fine and reached else f"exit code {ended.returncode}: {said[:1]}"
    return Row(PART, name, int(runs.group(1)) if runs else 1, int(not fine), time.perf_counter() - start, note)


def main() -> None:
    """One session; ends as atheris ends it: exit code 0 where nothing was found."""
    parser = argparse.ArgumentParser("python -m tests.torture.guided")
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("guided"), help="inputs, and what was found")
    asked = parser.parse_args()
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

    with atheris.instrument_imports(include=["labelaudit"]):
        from labelaudit.errors import LabelAuditError

        from .cases import reader_targets, run_targets
        from .cases.ground import Ground

        inputs, kept = (asked.folder.absolute() / name for name in ("inputs", "corpus"))
        for each in (inputs, kept):
            each.mkdir(parents=True, exist_ok=True)
        ground = Ground(*[asked.folder] * 4)
        every = (*reader_targets.targets(ground), *run_targets.targets(ground))
        [target] = [each for each in every if each.name == asked.target]
        os.chdir(inputs)
        prepared = target.prepare(Path.cwd())
        prepared.read()  # imports what it needs
    path = prepared.files[0]
    (kept / "whole").write_bytes(path.read_bytes())

    def read(content: bytes) -> None:
        path.write_bytes(content)
        try:
            prepared.read()
        except LabelAuditError as error:
            if not str(error) or "\n" in str(error):
                raise AssertionError(f"not one line: {error!r}") from error

    limits = [f"-max_total_time={asked.seconds}", f"-timeout={_ONE_INPUT_SECONDS}", "-rss_limit_mb=4096"]
    atheris.Setup([sys.argv[0], *limits, f"-seed={asked.seed}", "-max_len=8192", str(kept)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
