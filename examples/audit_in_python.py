"""The main job from Python: audit arrays in memory, and use the report.

python examples/audit_in_python.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import labelaudit
from labelaudit.faces import LabelTruth, draw_dataset


def main() -> None:
    """Draws faces, audits them, and compares what was flagged with what was planted."""
    drawn = draw_dataset(600, seed=4)
    settings = labelaudit.AuditSettings(
        seed=0,
        nets=labelaudit.NetSettings(weights="none", backbone="gradients"),  # no weights, no network access
    )
    with tempfile.TemporaryDirectory() as folder:
        result = labelaudit.audit(
            (drawn.images, drawn.given),
            out=Path(folder) / "run",
            settings=settings,
            name="drawn faces",
        )
        report = labelaudit.read_report(result.run).to_pandas()

    print(f"{len(report)} faces: {result.summary.verdicts}")
    for pair in result.summary.confused[:3]:
        print(f"  given {pair.first}, more likely {pair.second}: {pair.count}")

    flagged = (report["verdict"] == labelaudit.Verdict.MISLABELLED).to_numpy()
    wrong = [kind is LabelTruth.MISLABELLED for kind in drawn.kind]
    found = sum(flag and is_wrong for flag, is_wrong in zip(flagged, wrong, strict=True))
    print(f"{found} of {sum(wrong)} wrong labels are among the {flagged.sum()} flagged as mislabelled")


if __name__ == "__main__":
    main()
