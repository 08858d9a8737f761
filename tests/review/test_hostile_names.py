"""Names of files, classes and datasets that try to be something else."""

from __future__ import annotations

import shutil
from pathlib import Path

from small_run import served, write_run

from labelaudit.faces import DrawnFaces, write_dataset

CLASS = "<img src=x onerror=alert(1)>"
FILE = "<script>alert(1)<\u2044script>&\"';--.png"


def write_hostile(drawn: DrawnFaces, folder: Path) -> Path:
    """A dataset in which a class and a file have such names."""
    faces = folder / "faces"
    write_dataset(drawn, faces)
    (faces / "happy").rename(faces / CLASS)
    first = sorted((faces / CLASS).iterdir())[0]
    shutil.move(first, first.with_name(FILE))
    return faces


def test_names_travel_as_data(drawn: DrawnFaces, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", write_hostile(drawn, tmp_path), asked=140)
    with served(run) as client:
        desk = client.get("/api/desk")
        assert desk.headers["content-type"] == "application/json"
        assert CLASS in desk.json["classes"]
        named = [client.get(f"/api/faces/{row}").json["name"] for row in desk.json["rows"]]
        assert f"{CLASS}/{FILE}" in named
        row = desk.json["rows"][named.index(f"{CLASS}/{FILE}")]
        assert client.decide(row, CLASS, annotator="<b>Ann</b>").status == 200
        assert client.get(f"/pictures/{row}").status == 200
