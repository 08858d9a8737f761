"""Draws many spot checks of a run whose labels are known and prints how often their intervals hold the truth.

    python examples/benchmarks/spot_check.py runs/faces truth.csv --size 60 --seeds 300

The truth is a csv or Parquet with the columns ``sample_id`` and ``label``, and maybe ``ambiguous`` (0 or 1): faces on
which people split. Each draw is decided as the truth says. With ``--ambiguous`` people call such faces ambiguous, which
counts as not wrong, and so does the truth then; without it they name the label that most people would.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import labelaudit
from labelaudit import Decision, Report, Ruling

COLUMNS = ("sample_id", "given_label", "verdict", "p_mislabelled", "queue_rank", "content_sha256")


def main() -> None:
    """Runs the draws that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="the folder of a finished audit")
    parser.add_argument("truth", type=Path, help="csv or Parquet with sample_id, label, and maybe ambiguous")
    parser.add_argument("--size", type=int, default=60, help="rows a spot check")
    parser.add_argument("--seeds", type=int, default=300, help="spot checks")
    parser.add_argument("--ambiguous", action="store_true", help="people say ambiguous where they split")
    arguments = parser.parse_args()

    report = labelaudit.read_report(arguments.run, columns=COLUMNS)
    path = arguments.truth
    truth = (pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)).set_index("sample_id")
    truth = truth.loc[report.table["sample_id"].to_pylist()]
    unsure = truth["ambiguous"].to_numpy(dtype=bool) if arguments.ambiguous else np.zeros(len(truth), dtype=bool)
    label = truth["label"].astype(str).to_numpy()
    lines = [line for seed in range(arguments.seeds) for line in check(report, label, unsure, arguments.size, seed)]
    frame = pd.DataFrame(lines)
    print(
        f"{arguments.seeds} spot checks of {arguments.size} rows, {len(report):,} faces; intervals are to hold 90 %\n"
    )
    print(frame.groupby("rows of", sort=False).mean(numeric_only=True).round(3).to_string())


def check(
    report: Report, label: NDArray[np.str_], unsure: NDArray[np.bool_], size: int, seed: int
) -> list[dict[str, object]]:
    """Draws one spot check, decides it by the truth, and compares what it says of each cut with the truth.

    Args:
        report: With ``COLUMNS``, N rows.
        label: True labels, (N,).
        unsure: Faces that people call ambiguous, (N,).
        size: Rows a spot check.
        seed: Of the draw.
    """
    spot = labelaudit.spot_check_of(report, size=size, seed=seed)
    decisions = [
        Decision(sample_id, Ruling.AMBIGUOUS) if unsure[row] else Decision(sample_id, Ruling.LABEL, str(label[row]))
        for sample_id, row in zip(spot.sample_ids, spot.check.rows.tolist(), strict=True)
    ]
    found = labelaudit.measure_decisions(report, spot, decisions).findings
    assert found is not None
    frame = report.to_pandas()
    wrong = (frame["given_label"].astype(str).to_numpy() != label) & ~unsure
    rank = frame["queue_rank"].to_numpy(dtype=float, na_value=np.inf)
    flagged = (frame["verdict"] == "mislabelled").to_numpy()
    judged = frame["p_mislabelled"].notna().to_numpy()
    lines: list[dict[str, object]] = []
    for cut in (*found.cuts, found.noise_rate):
        in_cut = {
            "whole queue": np.isfinite(rank),
            "likely mislabelled": flagged,
            "every judged label": judged,
        }.get(cut.name, rank <= cut.rows)
        true, low, high = wrong[in_cut].mean(), cut.found.low or 0.0, cut.found.high or 1.0
        lines.append(
            {
                "rows of": cut.name,
                "truth": true,
                "found": cut.found.value,
                "holds": low - 5e-5 <= true <= high + 5e-5,  # ends are rounded to four digits
                "width": high - low,
                "looks": cut.looks,
                "off": abs(cut.found.value - true),
                "audit off": abs(cut.said - true),
                "corrected off": abs(cut.recalibrated - true),
            }
        )
    return lines


if __name__ == "__main__":
    main()
