"""Plants 1 % pictures that show no face among faces, audits, and says how well they are found.

    python examples/benchmarks/odd_pictures.py FER_VOTES.parquet --weights FILE

The non-faces are crops of the photographs that scikit-learn ships (and scikit-image's, where it is installed), faces
cut into 4 x 4 tiles and shuffled, noise and flat grey; none of them is made by the audit's own planting. Figures are
AUROC of ``outlier_score`` and how many of the rows marked ``off_topic`` were planted. The faces hold wrong crops and
drawings of their own, which count as false marks here. One JSON line is appended to the results file.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from sklearn.metrics import roc_auc_score
from tasks import Task, draw_task

import labelaudit

RESULTS = Path(__file__).with_name("odd_pictures.jsonl")
SIDE = 48
PHOTOGRAPHS = ("camera", "coffee", "chelsea", "rocket", "page", "coins", "moon", "brick", "grass", "gravel", "text")
Grey = NDArray[np.uint8]


def main() -> None:
    """Runs the audit that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("votes", type=Path, help="the Parquet file with images and votes")
    parser.add_argument("--weights", default="auto", help="auto, face, none or a file")
    parser.add_argument("--count", type=int, default=8_000, help="faces")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    generator = np.random.default_rng(arguments.seed)
    faces = draw_task(arguments.votes, Task.ONE_VOTE, count=arguments.count, seed=arguments.seed).frame
    kinds, pictures = non_faces(faces, arguments.count // 100, generator)
    planted = pd.DataFrame(
        {
            "image_id": [f"{kind}-{place}" for place, kind in enumerate(kinds)],
            "image": [encoded(picture) for picture in pictures],
            "label": generator.choice(faces["label"].to_numpy(), len(pictures)),
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        result = labelaudit.audit(
            pd.concat([faces, planted], ignore_index=True),
            out=Path(folder) / "run",
            settings=labelaudit.AuditSettings(nets=labelaudit.NetSettings(weights=arguments.weights)),
            options=labelaudit.SourceOptions(label_column="label", id_column="image_id", image_column="image"),
        )
        report = labelaudit.read_report(result.run).to_pandas()
    line = {"weights": result.summary.weights, "faces": len(faces), "planted": len(planted), "seed": arguments.seed}
    line |= score(report, len(faces), np.array(kinds))
    with arguments.results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print(pd.Series(line).to_string())


def score(report: pd.DataFrame, faces: int, kinds: NDArray[np.str_]) -> dict[str, float]:
    """AUROC in all and by kind, and precision and recall of the mark ``off_topic``."""
    odd = report["outlier_score"].to_numpy(dtype=float)
    marked = (report["reason"].astype(str) == "off_topic").to_numpy()
    real = np.arange(len(report)) < faces
    found = {"auroc": roc_auc_score(~real, odd)}
    for kind in np.unique(kinds):
        some = real.copy()
        some[faces:] = kinds == kind
        found[f"auroc_{kind}"] = roc_auc_score(~real[some], odd[some])
    found |= {"marked": int(marked.sum()), "precision": (~real)[marked].mean(), "recall": marked[~real].mean()}
    return {name: round(float(value), 4) for name, value in found.items()}


def non_faces(faces: pd.DataFrame, count: int, generator: np.random.Generator) -> tuple[list[str], list[Grey]]:
    """Pictures that show no face and what each is: three fifths crops of photographs, the rest shared out."""
    photographs = [grey(Image.fromarray(image)) for image in load_sample_images().images]
    try:
        from skimage import data

        photographs += [grey(Image.fromarray(np.asarray(getattr(data, name)()))) for name in PHOTOGRAPHS]
    except ImportError:
        print("scikit-image is not installed: crops come from two photographs only")
    kinds = generator.choice(["photograph", "shuffled", "noise", "flat"], count, p=[0.6, 0.2, 0.15, 0.05])
    made = []
    for kind in kinds:
        if kind == "photograph":
            made.append(crop(photographs[generator.integers(len(photographs))], generator))
        elif kind == "shuffled":
            face = grey(Image.open(io.BytesIO(faces["image"].iloc[generator.integers(len(faces))])))
            tiles = face.reshape(4, SIDE // 4, 4, SIDE // 4).swapaxes(1, 2).reshape(16, SIDE // 4, SIDE // 4)
            mixed = tiles[generator.permutation(16)].reshape(4, 4, SIDE // 4, SIDE // 4).swapaxes(1, 2)
            made.append(mixed.reshape(SIDE, SIDE))
        elif kind == "noise":
            made.append(generator.integers(0, 256, (SIDE, SIDE), dtype=np.uint8))
        else:
            made.append(np.full((SIDE, SIDE), generator.integers(0, 256), dtype=np.uint8))
    return kinds.tolist(), made


def crop(photograph: Grey, generator: np.random.Generator) -> Grey:
    """A square part of a photograph, at least 48 pixels wide, scaled down to that."""
    side = int(generator.integers(SIDE, min(photograph.shape) + 1))
    top, left = (int(generator.integers(0, whole - side + 1)) for whole in photograph.shape)
    part = Image.fromarray(photograph[top : top + side, left : left + side])
    return np.asarray(part.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def grey(image: Image.Image) -> Grey:
    """Grey pixels."""
    return np.asarray(image.convert("L"))


def encoded(picture: Grey) -> bytes:
    """The picture as PNG."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
