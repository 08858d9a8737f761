"""Runs command lines one after the other in this process, in which every use of a socket is refused and noted.

Takes a JSON list of command lines and a file; writes to it, for each, the exit code and what it asked of sockets.
The interpreter itself reports sockets to the hook, whoever asks for them and by whatever name, so that nobody can have
taken hold of them before; what is refused is noted, so that nobody can have tried in silence.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

asked: list[str] = []


def refuse(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith("socket."):
        asked.append(event)
        raise OSError(f"{event} in a process that has no network")


if __name__ == "__main__":
    sys.addaudithook(refuse)
    from labelaudit.cli.app import app

    told = []
    for command in json.loads(sys.argv[1]):
        asked.clear()
        code = app(command, standalone_mode=False) or 0
        told.append((code, sorted(set(asked))))
    Path(sys.argv[2]).write_text(json.dumps(told), encoding="utf-8")
