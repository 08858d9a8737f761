"""Opens a folder with FiftyOne, prints what it saw as JSON, decides two samples and exports. Needs no labelaudit.

python with_fiftyone.py FOLDER OUT
"""

from __future__ import annotations

import json
import sys

import fiftyone as fo


def main() -> None:
    """Does what the arguments say."""
    folder, out = sys.argv[1:]
    dataset = fo.Dataset.from_dir(dataset_dir=folder, dataset_type=fo.types.FiftyOneDataset, name="proof")
    dataset.compute_metadata()
    print(json.dumps(seen(dataset)))

    first, second = dataset.head(2)
    first["decision"] = fo.Classification(label=dataset.default_classes[2])
    first.save()
    second["ground_truth"].label = dataset.default_classes[3]
    second.save()
    dataset.export(export_dir=out, dataset_type=fo.types.FiftyOneDataset, export_media=False)


def seen(dataset: fo.Dataset) -> dict[str, object]:
    """Everything of a dataset that a proof looks at; the sizes come from the opened pictures."""
    samples = [
        {
            "sample_id": sample["sample_id"],
            "content_sha256": sample["content_sha256"],
            "size": [sample.metadata.height, sample.metadata.width],
            "ground_truth": sample["ground_truth"].label,
            "predictions": sample["predictions"] and [sample["predictions"].label, sample["predictions"].confidence],
            "mistakenness": sample["mistakenness"],
            "decision": sample["decision"],
        }
        for sample in dataset
    ]
    worst = dataset.sort_by("mistakenness", reverse=True).first()["sample_id"]
    return {"version": fo.__version__, "classes": list(dataset.default_classes), "worst": worst, "samples": samples}


if __name__ == "__main__":
    main()
