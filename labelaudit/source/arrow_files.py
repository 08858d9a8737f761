"""Arrow files looked through before anything trusts them: pyarrow maps one as it stands and believes its offsets.

An offset that points past the end of its values is not an error to pyarrow until the cell is read; then the process
ends without a word. Looking costs little: offsets, codes and text are read, the pictures are not, and a batch at a time
is held. What cannot be looked through first is the messages around the batches; pyarrow verifies those as it reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc

from labelaudit.jsontext import parse_json


def check_saved_dataset(folder: Path) -> None:
    """Looks through every Arrow file of a folder that ``save_to_disk`` of Hugging Face datasets wrote.

    Raises:
        pa.ArrowException: A file is damaged; it is named.
        OSError, ValueError, LookupError, TypeError: One cannot be read, or the folder does not say which there are.
    """
    for path in _data_files(folder):
        check_arrow_stream(path)


def check_arrow_stream(path: Path) -> None:
    """Looks through an Arrow file in the streaming form, a batch at a time.

    Raises:
        pa.ArrowException: It is damaged; it is named.
        OSError: It cannot be read.
    """
    try:
        with pa.memory_map(str(path)) as mapped, pyarrow.ipc.open_stream(mapped) as stream:
            for batch in stream:
                batch.validate(full=True)
    except pa.ArrowException as error:
        raise pa.ArrowInvalid(f"{path.parent.name}/{path.name}: {error}") from error


def _data_files(folder: Path) -> Iterator[Path]:
    """The files that the library will map; others may lie beside them, which it left there for itself."""
    named = folder / "dataset_dict.json"
    parts = [folder / part for part in parse_json(named.read_bytes())["splits"]] if named.is_file() else [folder]
    for part in parts:
        for each in parse_json((part / "state.json").read_bytes())["_data_files"]:
            yield part / each["filename"]
