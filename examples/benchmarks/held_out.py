"""How good a finished audit's model is on faces it has not seen, and how often it takes a batch for odd.

    python examples/benchmarks/held_out.py FER_VOTES.parquet --weights FILE

Audits all faces of a task, and audits them without a held-out part. The held-out faces are then judged twice: by the
first audit, cross-fitted, and by the model that the second one left behind. Then random batches of the held-out faces
are scored, and batches of other kinds of pictures: how many are said to be unlike the training data?
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from tasks import Task, VotedFaces, draw_task, score_report

import labelaudit
from labelaudit.faces import draw_dataset

OPTIONS = labelaudit.SourceOptions(label_column="label", id_column="image_id", image_column="image")
FIGURES = ("ap", "ap_all", "p100", "noise", "noise_said", "calibration", "precision", "recall")
Pixels = NDArray[np.uint8]


def main() -> None:
    """Reads the command line and prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("votes", type=Path, help="the Parquet file with images and votes")
    parser.add_argument("--weights", default="auto", help="auto, face, none or a file")
    parser.add_argument("--tasks", nargs="+", type=Task, default=[Task.ONE_VOTE], help="one-vote, flips, fer2013")
    parser.add_argument("--count", type=int, default=8_000, help="faces")
    parser.add_argument("--held", type=int, default=2_000, help="faces of them that are held out")
    parser.add_argument("--batches", type=int, default=200, help="random clean batches")
    parser.add_argument("--size", type=int, default=200, help="faces a batch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache-dir", type=Path, default=None)
    told = parser.parse_args()
    for task in told.tasks:
        with tempfile.TemporaryDirectory() as folder:
            compare(told, task, Path(folder))


def compare(told: argparse.Namespace, task: Task, folder: Path) -> None:
    """Prints the tables of one task."""
    faces = draw_task(told.votes, task, count=told.count, seed=told.seed)
    held = np.sort(np.random.default_rng(told.seed).permutation(told.count)[: told.held])
    rest = np.setdiff1d(np.arange(told.count), held)
    settings = labelaudit.AuditSettings(
        seed=told.seed, cache_dir=told.cache_dir, nets=labelaudit.NetSettings(weights=str(told.weights))
    )
    audit = labelaudit.audit(faces.frame, out=folder / "all", settings=settings, options=OPTIONS)
    part = labelaudit.audit(faces.frame.iloc[rest], out=folder / "part", settings=settings, options=OPTIONS)
    size = part.run.model_weights.stat().st_size / 1e6
    print(f"{task}: {len(rest):,} faces left a model of {size:.0f} MB; {len(held):,} held-out faces")
    scorer = labelaudit.Scorer.load(part.run)

    def score(frame: pd.DataFrame, name: str) -> labelaudit.ScoreResult:
        out = folder / name
        return labelaudit.score(
            frame, model=scorer, out=out, options=OPTIONS, cache_dir=told.cache_dir, force=out.exists()
        )

    def figures(report: pd.DataFrame, rows: NDArray[np.int64]) -> dict[str, float]:
        found = score_report(report.reset_index(drop=True), subset(faces, rows))
        return {name: round(found[name], 3) for name in FIGURES}

    crossed = labelaudit.read_report(audit.run).to_pandas().iloc[held]
    scored = score(faces.frame.iloc[held], "held")
    lines = {
        "held out, cross-fitted among all": figures(crossed, held),
        "held out, scored": figures(labelaudit.read_report(scored.run).to_pandas(), held),
        "the others, cross-fitted": figures(labelaudit.read_report(part.run).to_pandas(), rest),
    }
    print(pd.DataFrame(lines).T.to_string(), flush=True)
    known = scored.scored.overlap
    print(f"{known.rows} of them show a picture that the model was trained on, {known.exact} by the same bytes\n")

    generator = np.random.default_rng(told.seed + 1)
    draws = (held[np.sort(generator.permutation(len(held))[: told.size])] for _ in range(told.batches))
    drifts = [score(faces.frame.iloc[rows], "batch").scored.drift for rows in draws]
    clean = [drift for drift in drifts if drift is not None]
    told_odd = np.mean([drift.found for drift in clean])
    strength = np.quantile([drift.strength for drift in clean], [0.5, 0.95, 1.0])
    print(f"{len(clean)} clean batches of {told.size}: {told_odd:.1%} said to be unlike, ", end="")
    print(f"{np.mean([drift.other_shares for drift in clean]):.1%} of other class shares; ", end="")
    print("strength {:.2f} in the middle, {:.2f} at 95 %, {:.2f} at most".format(*strength), flush=True)
    some = decoded(faces.frame.iloc[held[: told.size]])
    for name, change in KINDS.items():
        frame = pd.DataFrame({"image_id": range(len(some)), "image": encoded(change(some)), "label": "neutral"})
        drift = score(frame.assign(image_id=frame["image_id"].astype(str)), "batch").scored.drift
        assert drift is not None
        print(f"  {name:24s} unlike: {drift.found!s:5s}  p {drift.p:.3f}  strength {drift.strength:.2f}", flush=True)


def subset(faces: VotedFaces, rows: NDArray[np.int64]) -> VotedFaces:
    """Some of the faces."""
    return VotedFaces(faces.frame.iloc[rows], faces.majority[rows], faces.truth[rows])


def decoded(frame: pd.DataFrame) -> Pixels:
    """The pictures as grey pixels, (N, S, S)."""
    return np.stack([np.asarray(Image.open(io.BytesIO(each)).convert("L")) for each in frame["image"]])


def encoded(pictures: Pixels) -> list[bytes]:
    """Pixels as PNG files."""
    files = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, format="PNG")
        files.append(file.getvalue())
    return files


def photographs(faces: Pixels) -> Pixels:
    """As many crops of scikit-learn's two sample photographs."""
    generator = np.random.default_rng(0)
    found = []
    for number in range(len(faces)):
        photograph = load_sample_images().images[number % 2]
        side = int(generator.integers(48, 160))
        top, left = generator.integers(0, photograph.shape[0] - side), generator.integers(0, photograph.shape[1] - side)
        crop = Image.fromarray(photograph[top : top + side, left : left + side])
        found.append(np.asarray(crop.convert("L").resize((48, 48), Image.Resampling.BILINEAR)))
    return np.stack(found)


def blurred(faces: Pixels) -> Pixels:
    """The faces as they look at less than half their size."""
    small = [Image.fromarray(face).resize((20, 20), Image.Resampling.BILINEAR) for face in faces]
    return np.stack([np.asarray(each.resize((48, 48), Image.Resampling.BILINEAR)) for each in small])


def noise(faces: Pixels) -> Pixels:
    """As many pictures of noise."""
    return np.random.default_rng(0).integers(0, 256, faces.shape, dtype=np.uint8)


KINDS: dict[str, Callable[[Pixels], Pixels]] = {
    "the same faces": lambda faces: faces,
    "at half the light": lambda faces: faces // 2,
    "upside down": lambda faces: faces[:, ::-1],
    "negatives": lambda faces: 255 - faces,
    "blurred": blurred,
    "drawn faces": lambda faces: draw_dataset(len(faces), seed=0, size=48).images,
    "crops of photographs": photographs,
    "noise": noise,
}

if __name__ == "__main__":
    main()
