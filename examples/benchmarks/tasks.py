"""The three tasks on faces with ten human votes each, and how an audit of them is scored.

The file is FER2013's training part with the votes of FERPlus beside it (columns ``image_id``, ``label``, ``votes_*``,
``image``). Truth for all three tasks: *majority* is the class with most votes; a row is *clean* where the given label
is the majority and has at least 6 votes, *mislabelled* where it differs from a majority of at least 6, *ambiguous*
where no class has 6. Rows whose eight emotion classes hold fewer than 8 of the ten votes are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, confusion_matrix, f1_score

from labelaudit.bench.drawn import flips, one_vote

CLASSES = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")
VERDICTS = ("clean", "ambiguous", "mislabelled")
_LEAST_VOTES = 8
_MAJORITY = 6


class Task(StrEnum):
    """Where the given label comes from."""

    FLIPS = "flips"
    """The majority, a share of it replaced by another class at random."""
    ONE_VOTE = "one-vote"
    """One of the votes, drawn at random: what a single annotator would have said."""
    FER2013 = "fer2013"
    """The original label, by which whole classes were defined differently."""


@dataclass(frozen=True)
class VotedFaces:
    """A draw of faces under the labels of one task.

    Attributes:
        frame: Columns ``image_id``, ``image`` (encoded) and ``label`` (given), N rows.
        majority: Class with most votes, N names.
        truth: ``clean``, ``ambiguous`` or ``mislabelled``, N of them.
    """

    frame: pd.DataFrame
    majority: NDArray[np.str_]
    truth: NDArray[np.str_]


def draw_task(path: Path, task: Task, *, count: int, seed: int, share: float = 0.2) -> VotedFaces:
    """Draws ``count`` faces and their given labels.

    Args:
        path: The Parquet file with the votes.
        task: Where labels come from.
        count: Faces, or 0 for all that have enough votes.
        seed: Of the draw of faces and labels.
        share: Of labels that ``flips`` replaces.
    """
    table = pq.read_table(path)
    votes = np.stack([table[f"votes_{name}"].to_numpy() for name in CLASSES], axis=1).astype(np.int64)
    generator = np.random.default_rng(seed)
    rows = generator.permutation(np.flatnonzero(votes.sum(axis=1) >= _LEAST_VOTES))
    rows = np.sort(rows[:count] if count else rows)
    votes = votes[rows]
    majority = votes.argmax(axis=1)
    names = np.array(CLASSES)
    if task is Task.ONE_VOTE:
        given = names[one_vote(votes, generator)]
    elif task is Task.FLIPS:
        given = names[flips(majority, share=share, num_classes=len(CLASSES), generator=generator)]
    else:
        given = np.array(table["label"].take(rows).to_pylist())
    right = given == names[majority]
    firm = votes.max(axis=1) >= _MAJORITY
    truth = np.select([firm & right, firm & ~right], ["clean", "mislabelled"], "ambiguous")
    frame = pd.DataFrame(
        {
            "image_id": table["image_id"].take(rows).to_pylist(),
            "image": table["image"].take(rows).to_pylist(),
            "label": given,
        }
    )
    return VotedFaces(frame, names[majority], truth)


def score_report(report: pd.DataFrame, faces: VotedFaces) -> dict[str, float]:
    """Scores a report against the votes. Rows that were not judged count as last in every ranking.

    Args:
        report: Rows of ``report.parquet`` in input order.
        faces: What was audited.

    Returns:
        ``ap``: average precision, mislabelled against clean; ``ap_all``: over every wrong label, ambiguous faces
        included; ``p100`` and ``p500``: share of wrong labels among the first of the ranking; ``noise`` and
        ``noise_said``: share of wrong labels, and the mean of p_mislabelled; ``calibration``: expected calibration
        error of p_mislabelled in 15 bins of equal size; ``precision`` and ``recall`` of the verdict ``mislabelled``
        over every wrong label; ``macro_f1``: three-way verdict against truth; ``suggested_right``: share of
        suggestions that name the majority among wrong labels flagged as mislabelled.
    """
    wrong = report["given_label"].astype(str).to_numpy() != faces.majority
    p = report["p_mislabelled"].to_numpy(dtype=float, na_value=0.0)
    margin = 1.0 - report["label_score"].to_numpy(dtype=float, na_value=1.0)
    firm = faces.truth != "ambiguous"
    order = np.argsort(-margin, kind="stable")
    verdict = report["verdict"].astype(str).to_numpy()
    flagged = verdict == "mislabelled"
    suggested = report["suggested_label"].astype(object).fillna("").to_numpy()
    bins = np.array_split(np.argsort(p, kind="stable"), 15)
    return {
        "ap": average_precision_score(faces.truth[firm] == "mislabelled", margin[firm]),
        "ap_all": average_precision_score(wrong, margin),
        "p100": wrong[order[:100]].mean(),
        "p500": wrong[order[:500]].mean(),
        "noise": wrong.mean(),
        "noise_said": p.mean(),
        "calibration": sum(abs(p[each].mean() - wrong[each].mean()) * len(each) for each in bins) / len(p),
        "precision": wrong[flagged].mean() if flagged.any() else float("nan"),
        "recall": flagged[wrong].mean(),
        "macro_f1": f1_score(faces.truth, verdict, labels=list(VERDICTS), average="macro"),
        "suggested_right": (suggested == faces.majority)[flagged & wrong].mean(),
    }


def three_way(report: pd.DataFrame, faces: VotedFaces) -> pd.DataFrame:
    """Counts of truth (rows) against verdict (columns)."""
    found = confusion_matrix(faces.truth, report["verdict"].astype(str), labels=list(VERDICTS))
    return pd.DataFrame(found, index=[f"is {name}" for name in VERDICTS], columns=[f"said {name}" for name in VERDICTS])
