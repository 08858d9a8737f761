"""Proves the FiftyOne format against FiftyOne: it opens what is written, and its export comes back.

    python -m venv /tmp/fo && /tmp/fo/bin/pip install fiftyone
    python examples/proofs/fiftyone_reads.py --python /tmp/fo/bin/python

FiftyOne needs a MongoDB server. The package brings one along on most systems; elsewhere put the program ``mongod``
(version 6 or newer) on the path.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

from drawn_queue import draw_queue

from labelaudit.decision import Ruling
from labelaudit.queue.choices import choices_of
from labelaudit.queue.fiftyone import SAMPLES, read_fiftyone, write_fiftyone

FACES = 12
_INSIDE = Path(__file__).parent / "inside" / "with_fiftyone.py"


def main() -> None:
    """Runs the whole proof."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, required=True, help="the interpreter of an environment with fiftyone")
    python = parser.parse_args().python.absolute()
    with tempfile.TemporaryDirectory() as temporary:
        prove(python, Path(temporary))
    print("proved")


def prove(python: Path, folder: Path) -> None:
    """FiftyOne opens every sample, and what it exports after two were decided comes back as decisions."""
    out, back = folder / "queue", folder / "decided"
    out.mkdir()
    queue, pictures = draw_queue(FACES, out)
    write_fiftyone(queue, out, pictures=pictures)
    assert read_fiftyone(out / SAMPLES) == (), "what went out is nobody's decision"

    home = {"HOME": str(folder / "home"), "FIFTYONE_DO_NOT_TRACK": "true"}
    ran = subprocess.run([python, _INSIDE, out, back], capture_output=True, text=True, env={**os.environ, **home})
    if ran.returncode:
        raise SystemExit(f"FiftyOne failed:\n{ran.stderr[-2000:]}")
    seen = json.loads(next(line for line in ran.stdout.splitlines() if line.startswith('{"version"')))

    assert seen["classes"] == list(choices_of(queue.classes))
    assert seen["worst"] == queue.items[0].sample_id
    assert len(seen["samples"]) == FACES
    for item, got in zip(queue.items, seen["samples"], strict=True):
        assert (got["sample_id"], got["content_sha256"]) == (item.sample_id, item.content_sha256)
        assert got["size"] == [48, 48]
        assert got["ground_truth"] == item.given_label
        assert got["decision"] is None
        assert abs(got["mistakenness"] - (item.p_mislabelled or 0)) < 1e-4
        assert (got["predictions"] or [None])[0] == item.suggested_label
    print(f"FiftyOne {seen['version']} opens {FACES} samples with pictures, labels and mistakenness")

    decisions = read_fiftyone(back / SAMPLES)
    first, second = queue.items[:2]
    assert [(each.sample_id, each.ruling, each.label) for each in decisions] == [
        (first.sample_id, Ruling.LABEL, queue.classes[2]),
        (second.sample_id, Ruling.LABEL, queue.classes[3]),
    ], decisions
    assert all(each.decided_at.endswith("Z") and each.content_sha256 for each in decisions)
    print("what it exports after two samples were decided comes back as two decisions")


if __name__ == "__main__":
    main()
