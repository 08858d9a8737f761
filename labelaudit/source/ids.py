"""Sample ids: unique, and such that a report can hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from labelaudit.errors import SourceError
from labelaudit.source.words import counted

_Text = TypeVar("_Text", str, str | None)


def writable(texts: Sequence[_Text]) -> list[_Text]:
    r"""Names of files as a table can hold them: bytes that are no UTF-8 become ``\xff`` escapes."""
    try:
        "".join(text for text in texts if text is not None).encode()
    except UnicodeEncodeError:
        # A file's name that is not UTF-8 comes from the system with lone surrogates in place of its bytes.
        return [
            text if text is None else text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            for text in texts
        ]
    return list(texts)


def unique_ids(ids: Sequence[str], *, derived: bool, where: str, assumed: list[str]) -> list[str]:
    """Makes sure that no two rows share an id.

    Args:
        ids: One a row.
        derived: The ids were made from paths: the second row with an id becomes ``id#2``, and so on.
        where: What messages call the dataset.
        assumed: Told if that happened.

    Raises:
        SourceError: Two rows share an id that the dataset gave them.
    """
    if len(set(ids)) == len(ids):
        return list(ids)
    if not derived:
        first: dict[str, int] = {}
        for row, sample_id in enumerate(ids):
            if (earlier := first.setdefault(sample_id, row)) != row:
                raise SourceError(
                    f"{where} gives rows {earlier + 1:,} and {row + 1:,} the same id {sample_id!r}: "
                    "make ids unique, or choose another --id-column (rows of one sample: --annotator-column)"
                )
    return _numbered(ids, assumed)


def _numbered(ids: Sequence[str], assumed: list[str]) -> list[str]:
    taken = set(ids)
    times: dict[str, int] = {}
    unique: list[str] = []
    for sample_id in ids:
        times[sample_id] = number = times.get(sample_id, 0) + 1
        name = sample_id
        while number > 1 and (name := f"{sample_id}#{number}") in taken:
            times[sample_id] = number = number + 1
        taken.add(name)
        unique.append(name)
    repeated = len(ids) - len(times)
    twin = next(sample_id for sample_id, count in times.items() if count > 1)
    assumed.append(
        f"{counted(repeated, 'row names', 'rows name')} a picture that an earlier row names too: "
        f"kept, with ids such as {twin}#2"
    )
    return unique
