"""Things in a dataset's folder that are no plain files, names that are hard to bear, and files without an end."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from .case import Answer, Case, Must, inspect, inspected, one_unreadable
from .ground import Ground
from .images import FINE

Put = Callable[[Path, bytes], None]
"""Puts something into a class folder; is given a good picture's bytes."""


def cases() -> Iterator[Case]:
    """All of them."""
    for name, put, must in _THINGS:
        yield _case(name, put, must, heavy=True)
    for name, file in _NAMES:
        yield _case(f"name: {name}", _named(file), FINE)
    yield _case("name: invalid UTF-8", _invalid_name, FINE, heavy=True)  # nothing may assume that it can be printed


def _case(name: str, put: Put, must: Must, *, heavy: bool = False) -> Case:
    def make(folder: Path, ground: Ground) -> list[str | Path]:
        faces = ground.copy_of_faces(folder)
        put(faces / "happy", next((faces / "sad").iterdir()).read_bytes())
        return inspect(faces)

    return Case("files", name, make, must, heavy)


def _fifo(folder: Path, face: bytes) -> None:
    os.mkfifo(folder / "pipe.jpg")


def _socket(folder: Path, face: bytes) -> None:
    here = Path.cwd()
    os.chdir(folder)  # a socket's whole path may have 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket.jpg")
    finally:
        os.chdir(here)


def _device(folder: Path, face: bytes) -> None:
    (folder / "device.jpg").symlink_to("/dev/zero")


def _folder(folder: Path, face: bytes) -> None:
    (folder / "a.jpg").mkdir()


def _folder_with_face(folder: Path, face: bytes) -> None:
    (folder / "a.jpg").mkdir()
    (folder / "a.jpg" / "b.png").write_bytes(face)


def _broken_link(folder: Path, face: bytes) -> None:
    (folder / "link.png").symlink_to("nowhere.png")


def _link_loop(folder: Path, face: bytes) -> None:
    (folder / "one.png").symlink_to("one.png")


def _folder_loop(folder: Path, face: bytes) -> None:
    (folder / "loop").symlink_to("..")


def _links_among_folders(folder: Path, face: bytes) -> None:
    """Each of twenty folders links to all others: a walk that follows links of links would never end."""
    for one in range(20):
        (folder / f"f{one}").mkdir()
        for other in range(20):
            (folder / f"f{one}" / f"to{other}").symlink_to(f"../f{other}")


def _leaving_link(folder: Path, face: bytes) -> None:
    outside = folder.parents[1] / "outside.png"
    outside.write_bytes(face)
    (folder / "link.png").symlink_to(outside)


def _leaving_folder(folder: Path, face: bytes) -> None:
    (folder / "root").symlink_to("/")


def _hard_link(folder: Path, face: bytes) -> None:
    os.link(next(folder.iterdir()), folder / "twin.png")


def _sparse(folder: Path, face: bytes) -> None:
    with open(folder / "huge.png", "wb") as file:
        file.write(face)
        file.truncate(64 << 30)


def _closed_file(folder: Path, face: bytes) -> None:
    (folder / "closed.png").write_bytes(face)
    (folder / "closed.png").chmod(0)


def _deep(folder: Path, face: bytes) -> None:
    place = folder
    for _ in range(60):
        place = place / "d"
    place.mkdir(parents=True)
    (place / "deep.png").write_bytes(face)


def _proc(folder: Path, face: bytes) -> None:
    (folder / "mem.jpg").symlink_to("/proc/self/mem")


def _closed_must(answer: Answer) -> str | None:
    """Root can read it; nobody else can."""
    return FINE(answer) if os.geteuid() == 0 else one_unreadable("Permission denied")(answer)


def _twin_must(answer: Answer) -> str | None:
    return FINE(answer) or (None if json.loads(answer.stdout)["exact_duplicate_rows"] else "no duplicate was seen")


_TWELVE = inspected(unreadable=0, rows=12)
_THINGS: tuple[tuple[str, Put, Must], ...] = (
    ("fifo named .jpg", _fifo, one_unreadable("not a file")),
    ("socket named .jpg", _socket, one_unreadable("not a file")),
    ("link to /dev/zero named .jpg", _device, one_unreadable("leaves the root")),
    ("link to /proc/self/mem named .jpg", _proc, one_unreadable("leaves the root")),
    ("folder named a.jpg", _folder, _TWELVE),
    ("folder named a.jpg with a face in it", _folder_with_face, FINE),
    ("broken link", _broken_link, one_unreadable("not found")),
    ("link to itself", _link_loop, one_unreadable()),
    ("link to the folder above", _folder_loop, _TWELVE),
    ("400 links between 20 folders", _links_among_folders, _TWELVE),
    ("link out of the dataset", _leaving_link, one_unreadable("leaves the root")),
    ("link to the root of the machine", _leaving_folder, _TWELVE),
    ("hard link to another face", _hard_link, _twin_must),
    ("64 GiB with a hole in it", _sparse, one_unreadable("larger than")),
    ("file without permissions", _closed_file, _closed_must),
    ("60 folders deep", _deep, FINE),
)


def _named(file: str) -> Put:
    def put(folder: Path, face: bytes) -> None:
        (folder / file).write_bytes(face)

    return put


def _invalid_name(folder: Path, face: bytes) -> None:
    with open(os.fsencode(folder) + b"/\xff\xfe face \x80.png", "wb") as file:
        file.write(face)


_NAMES = (
    ("with a line break", "a\nb\r.png"),
    ("with escape sequences of terminals", "\x1b[2J\x1b]0;pwned\x07.png"),
    ("written from right to left", "\u202egnp.exe\u202c.png"),
    ("255 bytes", "x" * 251 + ".png"),
    ("spaces, quotes and a semicolon", " '\"; rm -rf $(x) `y`.png"),
    ("a formula", "=HYPERLINK(1).png"),
    ("markup", "<img src=x onerror=alert(1)>.png"),
    ("two dashes", "--help.png"),
    ("combined accents", "e\u0301\u0301\u0301.png"),
    ("upper case ending", "FACE.PNG"),
)
