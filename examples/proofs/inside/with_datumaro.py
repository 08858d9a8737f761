"""Reads folders with datumaro and prints what it saw as JSON. Runs where datumaro is installed; needs no labelaudit.

python with_datumaro.py read FORMAT FOLDER      prints the items
python with_datumaro.py relabel FOLDER OUT      gives the first item another label and exports Datumaro's own form
"""

from __future__ import annotations

import json
import sys

import datumaro
from datumaro import Dataset
from datumaro.components.annotation import Label


def main() -> None:
    """Does what the arguments say."""
    what, *names = sys.argv[1:]
    if what == "read":
        print(json.dumps(seen(Dataset.import_from(names[1], names[0]))))
    else:
        relabel(*names)


def seen(dataset: Dataset) -> dict[str, object]:
    """Everything of a dataset that a proof looks at; each picture is decoded."""
    classes = [label.name for label in dataset.categories()[datumaro.AnnotationType.label]]
    items = [
        {
            "id": item.id,
            "size": list(item.media.data.shape),
            "attributes": item.attributes,
            "labels": [[classes[each.label], each.attributes] for each in item.annotations],
        }
        for item in dataset
    ]
    return {"version": datumaro.__version__, "classes": classes, "items": items}


def relabel(folder: str, out: str) -> None:
    """Does a person's work: the first item's label becomes class 2, the second item gets class 3 beside its own."""
    dataset = Dataset.import_from(folder, "datumaro")
    first, second = list(dataset)[:2]
    dataset.put(first.wrap(annotations=[Label(2)]))
    dataset.put(second.wrap(annotations=[*second.annotations, Label(3)]))
    dataset.export(out, "datumaro", save_media=False)


if __name__ == "__main__":
    main()
