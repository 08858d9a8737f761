"""What a Ray task does: read and decode a part, and hand it on. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from labelaudit._version import __version__
from labelaudit.errors import SettingsError
from labelaudit.scale.part import check_rows, decode_part
from labelaudit.scale.shelf import Shelf
from labelaudit.source.interface import LabelSource
from labelaudit.source.origin import Origin

_opened: dict[str, LabelSource] = {}
"""Datasets that this worker process has open, by the key of the plan."""


@dataclass(frozen=True)
class Reader:
    """Reads and decodes a part, in whatever process Ray runs it.

    Attributes:
        origin: Where the batch is.
        shelf: How it is cut.
        version: Of labelaudit where the work was planned.
    """

    origin: Origin
    shelf: Shelf
    version: str

    def __call__(self, batch: pa.Table) -> pa.Table:
        """From a table of one part's number and digest to the part, decoded, in one cell: Ray does not split it."""
        if self.version != __version__:
            raise SettingsError(f"a worker has labelaudit {__version__}, this is {self.version}; install the same")
        number, plan = batch["part"][0].as_py(), self.shelf.plan
        rows = plan.part(number)
        if plan.key not in _opened:
            _opened.clear()
            _opened[plan.key] = self.origin.open()
        source = _opened[plan.key]
        check_rows(source, rows, batch["digest"][0].as_py())
        decoded = decode_part(source, rows, side=plan.side)
        return pa.table({"part": [number], "decoded": pa.array([_write_packed(decoded)], pa.large_binary())})


def unpacked(batch: pa.Table) -> tuple[int, pa.Table]:
    """Number and content of the decoded part that a ``Reader`` handed on."""
    return batch["part"][0].as_py(), pa.ipc.open_stream(batch["decoded"][0].as_buffer()).read_all()


def _write_packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content
