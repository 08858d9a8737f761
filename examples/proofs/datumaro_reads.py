"""Proves the Datumaro and CVAT formats against datumaro: its own importers read what is written, and back.

    python -m venv /tmp/dm && /tmp/dm/bin/pip install datumaro
    python examples/proofs/datumaro_reads.py --python /tmp/dm/bin/python

CVAT itself is a dozen containers and is not started here; datumaro's importer of CVAT's XML is what CVAT itself uses
for projects.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from drawn_queue import draw_queue

from labelaudit.decision import Ruling
from labelaudit.queue.choices import choices_of
from labelaudit.queue.cvat import write_cvat
from labelaudit.queue.datumaro import ANNOTATIONS, read_datumaro, write_datumaro
from labelaudit.queue.item import Queue

FACES = 12
_INSIDE = Path(__file__).parent / "inside" / "with_datumaro.py"


def main() -> None:
    """Runs the whole proof."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, required=True, help="the interpreter of an environment with datumaro")
    python = parser.parse_args().python.absolute()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prove_datumaro(python, folder)
        prove_cvat(python, folder)
    print("proved")


def prove_datumaro(python: Path, folder: Path) -> None:
    """Datumaro reads every item, and what it exports after relabelling comes back as decisions."""
    queue, out = _written(folder / "datumaro", write_datumaro)
    seen = _inside(python, "read", "datumaro", out)
    assert seen["classes"] == list(choices_of(queue.classes))
    assert len(seen["items"]) == FACES
    for item, got in zip(queue.items, seen["items"], strict=True):
        assert got["size"] == [48, 48, 3]
        assert [label for label, _ in got["labels"]] == [item.given_label]
        attributes = got["attributes"]
        assert attributes["sample_id"] == item.sample_id
        assert attributes["content_sha256"] == item.content_sha256
        assert attributes["suggested_label"] == item.suggested_label
        assert abs(attributes["p_mislabelled"] - (item.p_mislabelled or 0)) < 1e-4
    print(f"datumaro {seen['version']} reads {FACES} items with pictures, labels and attributes")

    assert read_datumaro(out / ANNOTATIONS) == (), "what went out is nobody's decision"
    _inside(python, "relabel", out, folder / "relabelled")
    decisions = read_datumaro(folder / "relabelled" / ANNOTATIONS)
    got = {(each.sample_id, each.ruling, each.label) for each in decisions}
    first, second = queue.items[:2]
    assert got == {
        (first.sample_id, Ruling.LABEL, queue.classes[2]),
        (second.sample_id, Ruling.LABEL, queue.classes[3]),
    }, got
    print("what it exports after two labels were changed comes back as two decisions")


def prove_cvat(python: Path, folder: Path) -> None:
    """Datumaro's importer of CVAT's XML reads every picture and the tag on it."""
    queue, out = _written(folder / "cvat", write_cvat)
    seen = _inside(python, "read", "cvat", out)
    assert seen["classes"] == [*choices_of(queue.classes), "(labelaudit)"]
    assert len(seen["items"]) == FACES
    for number, (item, got) in enumerate(zip(queue.items, seen["items"], strict=True)):
        assert got["attributes"]["frame"] == number
        assert got["size"] == [48, 48, 3]
        ((label, attributes),) = got["labels"]
        assert label == "(labelaudit)"
        assert attributes["sample_id"] == item.sample_id
        assert attributes["content_sha256"] == item.content_sha256
        assert attributes["given_label"] == item.given_label
    print(f"its importer of CVAT's XML reads {FACES} pictures, each with its tag")


def _written(out: Path, write: Any) -> tuple[Queue, Path]:
    out.mkdir()
    queue, pictures = draw_queue(FACES, out)
    write(queue, out, pictures=pictures)
    return queue, out


def _inside(python: Path, *arguments: object) -> Any:
    """What datumaro says, from JSON."""
    ran = subprocess.run([python, _INSIDE, *map(str, arguments)], capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"datumaro failed:\n{ran.stderr[-2000:]}")
    return json.loads(ran.stdout.splitlines()[-1]) if ran.stdout.strip() else None


if __name__ == "__main__":
    main()
