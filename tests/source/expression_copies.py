"""Small copies of the expression datasets: FER2013, FER+, RAF-DB, AffectNet, ExpW, CK+."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from source.copies import A_CLASS, Album, Copy, encoded, put

from labelaudit.records import Reason

AFFECTNET_HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n"
)
FERPLUS_HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"

_FER = {"angry": 0, "happy": 3, "sad": 4}
_USAGES = ["Training"] * 3 + ["PublicTest", "PrivateTest"]
_BOX = '"(0, 0, 48, 48)"'
_VOTES = {
    "happy": "1,8,0,0,0,0,0,0,1,0",
    "sad": "2,0,0,7,0,0,1,0,0,0",
    "angry": "0,0,1,0,9,0,0,0,0,0",
}
_NO_FACE = "0,0,0,0,0,0,0,0,0,10"
_RAFDB = {"happy": 4, "sad": 5, "angry": 6}
_AFFECTNET = {"neutral": 0, "happy": 1, "sad": 2}


def _fer_rows(album: Album) -> list[tuple[str, str, str]]:
    """Code, pixels and usage a row."""
    rows = [(name, usage) for usage in _USAGES for name in _FER]
    return [(str(_FER[name]), album.pixels(name), usage) for name, usage in rows]


def _fer_ids(rows: int) -> list[str]:
    return [f"row-{row:05d}" for row in range(rows)]


def fer2013(folder: Path, album: Album) -> Copy:
    """The original csv: CRLF, a blank last line, a code out of range, a row without label, a picture cut off."""
    rows = [*_fer_rows(album), ("7", album.pixels("sad"), "Training"), ("", album.pixels("sad"), "Training")]
    rows.append(("3", album.pixels("happy")[:-9], "PrivateTest"))
    lines = ["emotion,pixels,Usage", *(",".join(row) for row in rows)]
    put(folder / "fer2013.csv", "\r\n".join(lines) + "\r\n\r\n")
    return Copy(
        location=folder / "fer2013.csv",
        format="fer2013",
        seen="fer2013.csv with a column of pixels: FER2013",
        ids=_fer_ids(18),
        classes={"angry": 5, "happy": 6, "sad": 5},
        splits={"train": 11, "val": 3, "test": 4},
        odd={"row-00015": Reason.NOT_A_CLASS, "row-00016": Reason.NO_LABEL, "row-00017": Reason.DECODE_ERROR},
    )


def fer2013_kaggle(folder: Path, album: Album) -> Copy:
    """Kaggle's copy: a space before two names, columns in another order, the same rows again beside it."""
    rows = _fer_rows(album)
    lines = [f"{code},{usage},{pixels}" for code, pixels, usage in rows]
    put(folder / "icml_face_data.csv", "\n".join(["emotion, Usage, pixels", *lines, ""]))
    put(folder / "train.csv", "\n".join(["emotion,pixels", *(f"{code},{pixels}" for code, pixels, _ in rows[:9]), ""]))
    put(folder / "test.csv", "\n".join(["pixels", *(pixels for _, pixels, _ in rows[9:]), ""]))
    return Copy(
        location=folder,
        format="fer2013",
        seen="icml_face_data.csv with a column of pixels: FER2013",
        ids=_fer_ids(15),
        classes=dict.fromkeys(_FER, A_CLASS),
        splits={"train": 9, "val": 3, "test": 3},
    )


def fer2013_halves(folder: Path, album: Album) -> Copy:
    """Kaggle's train.csv without Usage and test.csv without emotion."""
    rows = _fer_rows(album)
    put(folder / "train.csv", "\n".join(["emotion,pixels", *(f"{code},{pixels}" for code, pixels, _ in rows), ""]))
    put(folder / "test.csv", "\n".join(["pixels", album.pixels("sad"), album.pixels("happy"), ""]))
    return Copy(
        location=folder,
        format="fer2013",
        seen="train.csv, test.csv with a column of pixels: FER2013",
        ids=_fer_ids(17),
        classes=dict.fromkeys(_FER, A_CLASS),
        splits={"train": 15, "test": 2},
        odd={"row-00015": Reason.NO_LABEL, "row-00016": Reason.NO_LABEL},
    )


def fer2013_folders(folder: Path, album: Album) -> Copy:
    """Split, then class; endings in upper case; a file that is no picture; a class of one."""
    ids = [f"test/{name}/PrivateTest_{number}.jpg" for name in _FER for number in range(2)]
    ids += ["train/angry/Training_0.JPG", "train/angry/Training_1.jpg", "train/angry/Training_2.jpg"]
    ids += ["train/fear/Training_9.jpg"]
    ids += [f"train/{name}/Training_{number}.jpg" for name in ("happy", "sad") for number in range(3)]
    for path in ids:
        put(folder / path, album.file(path.split("/")[1], "JPEG"))
    put(folder / "train" / "happy" / "Training_8.jpg", b"\xff\xd8 cut off")
    put(folder / "train" / "happy" / "Thumbs.db", b"x")
    return Copy(
        location=folder,
        format="folder",
        seen="pictures lie in a folder a class below train/test folders",
        ids=sorted([*ids, "train/happy/Training_8.jpg"]),
        classes={"angry": 5, "fear": 1, "happy": 6, "sad": 5},
        splits={"test": 6, "train": 11},
        odd={"train/fear/Training_9.jpg": Reason.CLASS_TOO_SMALL, "train/happy/Training_8.jpg": Reason.DECODE_ERROR},
    )


def _voted(album: Album) -> list[tuple[str, str, bytes]]:
    """Usage, votes and picture a row."""
    rows = [(usage, _VOTES[name], album.file(name)) for usage in _USAGES for name in _VOTES]
    return [*rows, ("Training", _NO_FACE, album.file("fear"))]


def fer2013_with_votes(folder: Path, album: Album) -> Copy:
    """fer2013.csv with FER+'s file beside it; the last row's votes all say that it shows no face."""
    rows = [*_fer_rows(album), ("2", album.pixels("fear"), "Training")]
    put(folder / "fer2013.csv", "\n".join(["emotion,pixels,Usage", *(",".join(row) for row in rows), ""]))
    by_code = {str(code): _VOTES[name] for name, code in _FER.items()}
    lines = [
        f"{usage},{f'fer{row:07d}.png' if code in by_code else ''},{by_code.get(code, _NO_FACE)}\n"
        for row, (code, _, usage) in enumerate(rows)
    ]
    put(folder / "fer2013new.csv", FERPLUS_HEADER + "".join(lines))
    return Copy(
        location=folder,
        format="fer2013",
        seen="FER2013, with the votes of fer2013new.csv",
        ids=_fer_ids(16),
        classes={"happiness": 5, "sadness": 5, "anger": 5},
        splits={"train": 10, "val": 3, "test": 3},
        odd={"row-00015": Reason.NOT_A_CLASS},
    )


_FERPLUS_FOLDERS = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}


def ferplus(folder: Path, album: Album) -> Copy:
    """FER+'s own folders, a label.csv without header in each; one picture is missing."""
    lines: dict[str, list[str]] = {name: [] for name in _FERPLUS_FOLDERS.values()}
    for row, (usage, votes, picture) in enumerate(_voted(album)):
        name, below = f"fer{row:07d}.png", _FERPLUS_FOLDERS[usage]
        put(folder / below / name, picture)
        lines[below].append(f"{name},{_BOX},{votes}")
    lines["FER2013Valid"].append(f"fer0000099.png,{_BOX},{_VOTES['sad']}")
    for below, rows in lines.items():
        put(folder / below / "label.csv", "\r\n".join([*rows, ""]))
    ids = [f"{below}/{line.split(',')[0]}" for below in sorted(lines) for line in lines[below]]
    return Copy(
        location=folder,
        format="ferplus",
        seen="FER2013Test/label.csv found: FER+ with its votes",
        ids=ids,
        classes={"happiness": 5, "sadness": 6, "anger": 5},
        splits={"train": 10, "val": 4, "test": 3},
        odd={
            "FER2013Train/fer0000015.png": Reason.NOT_A_CLASS,
            "FER2013Valid/fer0000099.png": Reason.DECODE_ERROR,
        },
    )


def ferplus_table(folder: Path, album: Album) -> Copy:
    """fer2013new.csv above FER+'s folders of pictures; the row that shows no face names no picture."""
    rows = _voted(album)
    names = [f"fer{row:07d}.png" for row in range(len(rows) - 1)] + [""]
    lines = [f"{usage},{name},{votes}\n" for name, (usage, votes, _) in zip(names, rows, strict=True)]
    ids = [f"images/{_FERPLUS_FOLDERS[usage]}/{name}" for name, (usage, _, _) in zip(names, rows, strict=True)]
    put(folder / "fer2013new.csv", FERPLUS_HEADER + "".join(lines))
    for path, (_, _, picture) in zip(ids[:-1], rows, strict=False):
        put(folder / path, picture)
    return Copy(
        location=folder,
        format="ferplus",
        seen="fer2013new.csv and the folder images/FER2013Test found: FER+ with its votes",
        ids=[*ids[:-1], "row 16"],
        classes={"happiness": 5, "sadness": 5, "anger": 5},
        splits={"train": 10, "val": 3, "test": 3},
        odd={"row 16": Reason.DECODE_ERROR},
        no_class=1,
    )


def rafdb(folder: Path, album: Album) -> Copy:
    """The original: a BOM and CRLF in the list, a code out of range, a picture that is missing."""
    parts = ["train"] * 4 + ["test"]
    names = [(f"{part}_{row}{code}", name) for name, code in _RAFDB.items() for row, part in enumerate(parts)]
    lines = [f"{stem}.jpg {_RAFDB[name]}" for stem, name in names]
    for stem, name in names:
        put(folder / "Image" / "aligned" / f"{stem}_aligned.jpg", album.file(name, "JPEG"))
    put(folder / "Image" / "aligned" / "train_90_aligned.jpg", album.file("fear", "JPEG"))
    lines += ["train_90.jpg 8", "test_91.jpg 5", ""]
    put(folder / "EmoLabel" / "list_patition_label.txt", b"\xef\xbb\xbf" + "\r\n".join([*lines, ""]).encode())
    return Copy(
        location=folder,
        format="rafdb",
        seen="list_patition_label.txt found: RAF-DB basic",
        ids=[f"Image/aligned/{stem}_aligned.jpg" for stem in [*(stem for stem, _ in names), "train_90", "test_91"]],
        classes={"happy": 5, "sad": 6, "angry": 5},
        splits={"train": 13, "test": 4},
        odd={
            "Image/aligned/train_90_aligned.jpg": Reason.NOT_A_CLASS,
            "Image/aligned/test_91_aligned.jpg": Reason.DECODE_ERROR,
        },
    )


def rafdb_with_shares(folder: Path, album: Album) -> Copy:
    """With the annotators' shares of the seven classes, which end in a space; they say angry of one sad face."""
    plain = rafdb(folder, album)
    shares = {
        "4": "0.1 0.0 0.0 0.9 0.0 0.0 0.0",
        "5": "0.0 0.1 0.1 0.0 0.6 0.0 0.2",
        "6": "0.0 0.0 0.2 0.0 0.0 0.8 0.0",
    }
    listed = (folder / "EmoLabel" / "list_patition_label.txt").read_text(encoding="utf-8-sig").split("\n")
    fields = [line.split() for line in listed if line.strip() and not line.startswith("train_90")]
    lines = [f"{name} {shares['6' if name == 'train_05.jpg' else code]} " for name, code in fields]
    put(folder / "EmoLabel" / "distribution_basic.txt", "\n".join([*lines, ""]))
    return Copy(
        location=folder,
        format="rafdb",
        seen="list_patition_label.txt found: RAF-DB basic",
        ids=plain.ids,
        classes={"happy": 5, "sad": 5, "angry": 6},
        splits=plain.splits,
        odd=plain.odd,
    )


def rafdb_reshipped(folder: Path, album: Album) -> Copy:
    """Folders 1 to 7 below train and test with two csv files; one picture is in no csv, one is missing."""
    rows = {
        part: [(f"{part}_{row}{code}_aligned.jpg", code) for code in _RAFDB.values() for row in numbers]
        for part, numbers in (("train", range(4)), ("test", range(4, 5)))
    }
    by_code = {code: name for name, code in _RAFDB.items()}
    ids = []
    for part, listed in rows.items():
        put(folder / f"{part}_labels.csv", "\n".join(["image,label", *(f"{name},{code}" for name, code in listed), ""]))
        for name, code in listed:
            ids.append(f"DATASET/{part}/{code}/{name}")
            put(folder / ids[-1], album.file(by_code[code], "JPEG"))
    (folder / ids[0]).unlink()
    ids[0] = "DATASET/train/4/train_99_aligned.jpg"
    put(folder / ids[0], album.file("happy", "JPEG"))
    return Copy(
        location=folder,
        format="rafdb",
        seen="RAF-DB basic, re-shipped",
        ids=["DATASET/train/4/train_04_aligned.jpg", *ids[1:], ids[0]],
        classes={"happy": 6, "sad": 5, "angry": 5},
        splits={"train": 13, "test": 3},
        odd={"DATASET/train/4/train_04_aligned.jpg": Reason.DECODE_ERROR},
    )


def affectnet(folder: Path, album: Album) -> Copy:
    """The csv form with its lists and pictures in folders of their own; automatic labels beside those of people."""
    canvas = np.full((96, 120, 3), 90, dtype=np.uint8)
    lines: dict[str, list[str]] = {"training": [], "validation": [], "automatically_annotated": []}
    ids: list[str] = []

    def add(part: str, row: int, code: int, face: str) -> None:
        home = "Automatically_Annotated" if part == "automatically_annotated" else "Manually_Annotated"
        picture = canvas.copy()
        picture[20:68, 30:78] = album.face(face)
        name = f"{row % 3}/{row:04x}.{'JPG' if row % 2 else 'png'}"
        put(folder / home / f"{home}_Images" / name, encoded(picture))
        lines[part].append(f"{name},30,20,48,48,1.0;2.0;3.0,{code},0.1,-0.2")
        ids.append(f"{home}/{home}_Images/{name}")

    for row in range(9):
        face = list(_AFFECTNET)[row % 3]
        add("training", row, _AFFECTNET[face], face)
    for code in (8, 9, 10):
        add("training", 10 + code, code, "fear")
    for row, (face, code) in enumerate(_AFFECTNET.items(), start=30):
        add("validation", row, code, face)
    lines["validation"].append(lines["training"][0])  # the two lists overlap
    ids.append(f"{ids[0]}#2")
    for row, (face, code) in enumerate(_AFFECTNET.items(), start=40):
        add("automatically_annotated", row, code, face)
    for part, rows in lines.items():
        home = "Automatically_Annotated" if part == "automatically_annotated" else "Manually_Annotated"
        put(folder / f"{home}_file_lists" / f"{part}.csv", AFFECTNET_HEADER + "\n".join([*rows, "", ""]))
    return Copy(
        location=folder,
        format="affectnet",
        seen="with the column subDirectory_filePath: AffectNet",
        ids=ids,
        classes={"neutral": 6, "happy": 5, "sad": 5},
        splits={"train": 12, "val": 4, "automatic": 3},
        odd=dict.fromkeys(ids[9:12], Reason.NOT_A_CLASS),
    )


def affectnet_npy(folder: Path, album: Album) -> Copy:
    """The form of 2021: codes as text in npy files; a picture without annotation, an annotation without picture."""
    ids: list[str] = []
    odd: dict[str, Reason] = {}
    faces = [(part, name) for part in ["train_set"] * 4 + ["val_set"] for name in _AFFECTNET]
    for number, (part, name) in enumerate(faces):
        ids.append(f"{part}/images/{number}.jpg")
        put(folder / ids[-1], album.file(name, "JPEG"))
        _save_code(folder / part / "annotations" / f"{number}_exp.npy", _AFFECTNET[name])
    for number, code in ((90, 8), (91, None)):
        path = f"train_set/images/{number}.jpg"
        put(folder / path, album.file("fear", "JPEG"))
        odd[path] = Reason.NOT_A_CLASS if code else Reason.NO_LABEL
        if code is not None:
            _save_code(folder / "train_set" / "annotations" / f"{number}_exp.npy", code)
    _save_code(folder / "val_set" / "annotations" / "99_exp.npy", 1)
    missing = "val_set/images/99.jpg"
    return Copy(
        location=folder,
        format="affectnet-npy",
        seen="train_set/annotations/0_exp.npy found: AffectNet",
        ids=[*sorted([*ids, *odd]), missing],
        classes={"neutral": 5, "happy": 6, "sad": 5},
        splits={"train": 14, "val": 4},
        odd={**odd, missing: Reason.DECODE_ERROR},
    )


def _save_code(path: Path, code: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.array(str(code)))
    np.save(path.with_name(path.name.replace("_exp", "_val")), np.array("0.1"))


def affectnet_folders(folder: Path, album: Album) -> Copy:
    """Re-shipped as folders 0 to 7: only the user can know whose codes these are."""
    ids = [
        f"{part}/{code}/{part}{number}.jpg"
        for part, count in (("train", 4), ("val", 1))
        for code in _AFFECTNET.values()
        for number in range(count)
    ]
    by_code = {str(code): name for name, code in _AFFECTNET.items()}
    for path in ids:
        put(folder / path, album.file(by_code[path.split("/")[1]], "JPEG"))
    return Copy(
        location=folder,
        format="affectnet",
        seen="as --format says",
        ids=ids,
        classes=dict.fromkeys(_AFFECTNET, A_CLASS),
        splits={"train": 12, "val": 3},
        options=("--format", "affectnet"),
    )


def expw(folder: Path, album: Album) -> Copy:
    """Two faces a picture, each with its box; names with spaces; a code out of range, a picture that is missing."""
    lines: list[str] = []
    ids: list[str] = []
    faces = [name for _ in range(A_CLASS) for name in _FER] + ["fear"]
    for number in range(0, len(faces), 2):
        name = f"angry actor_{number}.jpg"
        picture = np.full((60, 130, 3), 90, dtype=np.uint8)
        for face in (0, 1):
            left = 5 + 65 * face
            expression = faces[number + face]
            picture[6:54, left : left + 48] = album.face(expression)
            code = _FER.get(expression, 9)
            lines.append(f"{name} {face} 6 {left} {left + 48} 54 45.7 {code}")
            ids.append(f"data/image/origin/{name}#{face}")
        put(folder / "data" / "image" / "origin" / name, encoded(picture))
    lines.append("gone.jpg 0 6 5 53 54 45.7 4")
    ids.append("data/image/origin/gone.jpg#0")
    put(folder / "data" / "label" / "label.lst", "\r\n".join([*lines, "", ""]))
    return Copy(
        location=folder,
        format="expw",
        seen="label.lst found: ExpW",
        ids=ids,
        classes={"angry": 5, "happy": 5, "sad": 6},
        odd={ids[-2]: Reason.NOT_A_CLASS, ids[-1]: Reason.DECODE_ERROR},
    )


def ckplus(folder: Path, album: Album) -> Copy:
    """Sequences of two frames; one has no emotion file, one emotion file has no pictures."""
    codes = {"angry": 1, "happy": 5, "sad": 6}
    ids: list[str] = []
    faces = [name for _ in range(A_CLASS) for name in codes]
    for number, name in enumerate([*faces, "fear"]):
        home = f"S{number:03d}/001"
        for frame, shown in ((1, "neutral"), (2, name)):
            path = f"cohn-kanade-images/{home}/S{number:03d}_001_{frame:08d}.png"
            put(folder / path, album.file(shown) if frame == 2 else b"not looked at")
        ids.append(path)
        if name in codes:
            text = f"   {codes[name]:.7e}\n"
            put(folder / "Emotion" / home / f"S{number:03d}_001_00000002_emotion.txt", text)
    put(folder / "Emotion" / "S900" / "002" / "S900_002_00000007_emotion.txt", "   5.0000000e+00\r\n")
    ids.append("cohn-kanade-images/S900/002/S900_002_00000007.png")
    return Copy(
        location=folder,
        format="ckplus",
        seen="the folder cohn-kanade-images found: CK+",
        ids=ids,
        classes={"anger": 5, "happy": 6, "sadness": 5},
        odd={ids[-2]: Reason.NO_LABEL, ids[-1]: Reason.DECODE_ERROR},
    )
