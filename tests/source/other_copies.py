"""Small copies of sets that label something else than expressions, and of the layouts that any set may come in."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from source.copies import A_CLASS, Album, Copy, Write, put

from labelaudit.records import Reason

FAIRFACE_HEADER = "file,age,gender,race,service_test\n"

_NAMES = ("happy", "sad")


def _celeba(folder: Path, album: Album) -> list[tuple[str, str, str]]:
    """Writes the pictures; gives name, smiling and split a row. The last one's picture is missing."""
    rows = [(f"{row:06d}.jpg", "1" if row % 2 else "-1", str((0, 0, 0, 1, 2)[row // 2])) for row in range(10)]
    for name, smiling, _ in rows:
        path = folder / "img_align_celeba" / "img_align_celeba" / name
        put(path, album.file("happy" if smiling == "1" else "neutral", "JPEG"))
    return [*rows, ("000090.jpg", "1", "0")]


def _celeba_copy(folder: Path, file: str) -> Copy:
    ids = [f"img_align_celeba/img_align_celeba/{row:06d}.jpg" for row in (*range(10), 90)]
    return Copy(
        location=folder,
        format="celeba",
        seen=f"{file} found: CelebA",
        ids=ids,
        classes={"not Smiling": 5, "Smiling": 6},
        splits={"train": 7, "val": 2, "test": 2},
        odd={ids[-1]: Reason.DECODE_ERROR},
        options=("--label-column", "Smiling"),
    )


def celeba(folder: Path, album: Album) -> Copy:
    """The original text files, two spaces before a 1."""
    rows = _celeba(folder, album)
    lines = [f"{name} -1 {smiling:>2} -1" for name, smiling, _ in rows]
    head = [str(len(rows)), "5_o_Clock_Shadow Smiling Young "]
    put(folder / "list_attr_celeba.txt", "\r\n".join([*head, *lines, "", ""]))
    put(folder / "list_eval_partition.txt", "\n".join([*(f"{name} {split}" for name, _, split in rows), ""]))
    return _celeba_copy(folder, "list_attr_celeba.txt")


def celeba_csv(folder: Path, album: Album) -> Copy:
    """As Kaggle ships it, with csv files of boxes and landmarks beside it."""
    rows = _celeba(folder, album)
    lines = [f"{name},-1,{smiling},-1" for name, smiling, _ in rows]
    put(folder / "list_attr_celeba.csv", "\n".join(["image_id,5_o_Clock_Shadow,Smiling,Young", *lines, ""]))
    put(
        folder / "list_eval_partition.csv",
        "\n".join(["image_id,partition", *(f"{name},{split}" for name, _, split in rows), ""]),
    )
    put(folder / "list_bbox_celeba.csv", "image_id,x_1,y_1,width,height\n000000.jpg,1,2,3,4\n")
    return _celeba_copy(folder, "list_attr_celeba.csv")


def utkface(folder: Path, album: Album) -> Copy:
    """Two folders of pictures; one name lacks the race, as in the published set."""
    rows = [(f"part{1 + row % 2}/{20 + row}_{row % 2}_{row % 5}_20170109{row:09d}.jpg.chip.jpg") for row in range(12)]
    odd = "part2/61_1_20170109142408075.jpg.chip.jpg"
    for row, path in enumerate([*rows, odd]):
        put(folder / path, album.file(("neutral", "surprise")[row % 2], "JPEG"))
    return Copy(
        location=folder,
        format="utkface",
        seen="pictures are named [age]_[gender]_[race]_[time]",
        ids=sorted([*rows, odd]),
        classes={"male": 6, "female": 6},
        odd={odd: Reason.NO_LABEL},
        options=("--label-column", "gender"),
    )


def fairface(folder: Path, album: Album) -> Copy:
    """Two csv files that overlap in one picture; a cell is empty."""
    lines: dict[str, list[str]] = {"train": [], "val": []}
    ids: list[str] = []
    for row in range(12):
        part = "train" if row < 8 else "val"
        name = f"{part}/{row}.jpg"
        put(folder / "fairface-img-margin025-trainval" / name, album.file(("neutral", "surprise")[row % 2], "JPEG"))
        lines[part].append(f"{name},30-39,{('Male', 'Female')[row % 2] if row != 7 else ''},East Asian,True")
        ids.append(f"fairface-img-margin025-trainval/{name}")
    lines["val"].append(lines["train"][0])
    for part, rows in lines.items():
        put(folder / f"fairface_label_{part}.csv", FAIRFACE_HEADER + "\n".join([*rows, "", ""]))
    return Copy(
        location=folder,
        format="fairface",
        seen="fairface_label_train.csv, fairface_label_val.csv with the columns of FairFace found",
        ids=[*ids, f"{ids[0]}#2"],
        classes={"Male": 7, "Female": 5},
        splits={"train": 8, "val": 5},
        odd={ids[7]: Reason.NO_LABEL},
        options=("--label-column", "gender"),
    )


def write_tar(path: Path, files: dict[str, bytes], *, link: str | None = None) -> Path:
    """An uncompressed tar of files, after a link that leads out of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        if link is not None:
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, "../secret.jpg"
            archive.addfile(member)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def webdataset_codes(folder: Path, album: Album) -> Copy:
    """Two shards with .cls; a key has no picture, another no label."""
    ids = [f"{row:04d}" for row in range(10)]
    for shard, keys in (("train-000000", ids[:6]), ("train-000001", ids[6:])):
        files: dict[str, bytes] = {}
        for key in keys:
            files |= {f"{key}.jpg": album.file(_NAMES[int(key) % 2], "JPEG"), f"{key}.cls": str(int(key) % 2).encode()}
        if shard == "train-000001":
            files |= {"0090.cls": b"1\n", "0091.JPG": album.file("sad", "JPEG")}
        write_tar(folder / f"{shard}.tar", files)
    return Copy(
        location=folder,
        format="webdataset",
        seen="2 tar files found: WebDataset shards",
        ids=[*ids, "0090", "0091"],
        classes={"happy": 5, "sad": 6},
        splits={"train": 12},
        odd={"0090": Reason.DECODE_ERROR, "0091": Reason.NO_LABEL},
        options=("--label-map", "0=happy,1=sad"),
    )


def webdataset_json(folder: Path, album: Album) -> Copy:
    """One shard with .json, labels by name."""
    files: dict[str, bytes] = {}
    for row in range(10):
        label = {"label": _NAMES[row % 2], "split": "train" if row < 8 else "dev"}
        files |= {f"a/{row}.png": album.file(_NAMES[row % 2]), f"a/{row}.json": json.dumps(label).encode()}
    return Copy(
        location=write_tar(folder / "faces.tar", files),
        format="webdataset",
        seen="faces.tar found: WebDataset shards",
        ids=[f"a/{row}" for row in range(10)],
        classes=dict.fromkeys(_NAMES, A_CLASS),
        splits={"train": 8, "val": 2},
    )


def _manifest_rows(folder: Path, album: Album) -> list[dict[str, str | None]]:
    """Writes pictures; gives path, label and split a row. One picture is missing, one row has no label."""
    rows: list[dict[str, str | None]] = [
        {"path": f"pictures/é {row}.PNG", "label": _NAMES[row % 2], "split": "train" if row < 8 else "dev"}
        for row in range(10)
    ]
    for row in rows:
        put(folder / str(row["path"]), album.file(str(row["label"])))
    put(folder / "pictures" / "x.png", album.file("sad"))
    rows.append({"path": "pictures/gone.png", "label": "sad", "split": "train"})
    return [*rows, {"path": "pictures/x.png", "label": None, "split": "train"}]


def _comma(file: Path, rows: list[dict[str, str | None]]) -> None:
    lines = [",".join(cell or "" for cell in row.values()) for row in rows]
    put(file, b"\xef\xbb\xbf" + "\r\n".join(["path,label,split", *lines, ",,", "", ""]).encode())


def _tab(file: Path, rows: list[dict[str, str | None]]) -> None:
    put(file, "\n".join(["path\tlabel\tsplit", *("\t".join(cell or "" for cell in row.values()) for row in rows), ""]))


def _json_lines(file: Path, rows: list[dict[str, str | None]]) -> None:
    put(file, "\n".join([*map(json.dumps, rows), "", ""]))


def _parquet(file: Path, rows: list[dict[str, str | None]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), file)


def manifest(name: str, write_table: Callable[[Path, list[dict[str, str | None]]], None]) -> Write:
    """A copy whose labels stand in one table."""

    def write(folder: Path, album: Album) -> Copy:
        rows = _manifest_rows(folder, album)
        write_table(folder / name, rows)
        return Copy(
            location=folder,
            format="manifest",
            seen=f"{name} names pictures and labels",
            ids=[str(row["path"]) for row in rows],
            classes={"happy": 5, "sad": 6},
            splits={"train": 10, "val": 2},
            odd={"pictures/gone.png": Reason.DECODE_ERROR, "pictures/x.png": Reason.NO_LABEL},
        )

    write.__name__ = f"manifest_{name.rpartition('.')[2]}"
    return write


manifest_csv = manifest("labels.csv", _comma)
manifest_tsv = manifest("labels.tsv", _tab)
manifest_jsonl = manifest("labels.jsonl", _json_lines)
manifest_parquet = manifest("labels.parquet", _parquet)


def parquet(folder: Path, album: Album) -> Copy:
    """One file with the pictures' bytes and ids of its own; a cell is empty."""
    rows = [{"key": f"k{row}", "picture": album.file(_NAMES[row % 2]), "label": _NAMES[row % 2]} for row in range(10)]
    rows.append({"key": "k90", "picture": None, "label": "sad"})
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "faces.parquet", row_group_size=4)
    return Copy(
        location=folder / "faces.parquet",
        format="parquet",
        seen="faces.parquet with encoded pictures in the column 'picture'",
        ids=[*(f"k{row}" for row in range(10)), "k90"],
        classes={"happy": 5, "sad": 6},
        odd={"k90": Reason.DECODE_ERROR},
    )


def parquet_shards(folder: Path, album: Album) -> Copy:
    """Shards as the Hub converts them: structs of bytes and path, class names in the metadata."""
    features = {"image": {"_type": "Image"}, "label": {"names": list(_NAMES), "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    (folder / "data").mkdir(parents=True)
    for name, rows in (("train-00000-of-00002", 4), ("train-00001-of-00002", 4), ("test-00000-of-00001", 2)):
        cells = [{"bytes": album.file(_NAMES[row % 2]), "path": f"{row}.png"} for row in range(rows)]
        table = pa.table({"image": cells, "label": [row % 2 for row in range(rows)]})
        pq.write_table(table.replace_schema_metadata(metadata), folder / "data" / f"{name}.parquet")
    return Copy(
        location=folder,
        format="parquet",
        seen="3 Parquet files with encoded pictures in the column 'image'",
        ids=[str(row) for row in range(10)],
        classes=dict.fromkeys(_NAMES, A_CLASS),
        splits={"train": 8, "test": 2},
    )


def huggingface(folder: Path, album: Album) -> Copy:
    """What save_to_disk writes of two splits."""
    import datasets

    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(_NAMES))})
    parts = {
        name: datasets.Dataset.from_dict(
            {
                "image": [{"bytes": album.file(_NAMES[row % 2]), "path": None} for row in range(rows)],
                "label": [row % 2 for row in range(rows)],
            },
            features=features,
        )
        for name, rows in (("train", 8), ("validation", 2))
    }
    datasets.DatasetDict(parts).save_to_disk(folder)
    return Copy(
        location=folder,
        format="huggingface",
        seen="dataset_dict.json found: a saved Hugging Face dataset",
        ids=[*(f"train/{row}" for row in range(8)), "validation/0", "validation/1"],
        classes=dict.fromkeys(_NAMES, A_CLASS),
        splits={"train": 8, "val": 2},
    )
