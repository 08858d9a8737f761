"""Where parts lie until all are there: a folder with one Parquet file a part, each whole or not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from labelaudit.errors import ReportError
from labelaudit.rundir import written_aside
from labelaudit.scale.part import PartPlan

_KEY = b"labelaudit_part"


@dataclass(frozen=True)
class Shelf:
    """The parts of one batch.

    Attributes:
        folder: Where they are; on a cluster one that every machine reaches under this path.
        plan: How the batch is cut.
    """

    folder: Path
    plan: PartPlan

    def path(self, number: int) -> Path:
        """The file of a part."""
        return self.folder / f"part-{number:06d}.parquet"

    def missing(self) -> list[int]:
        """Numbers of the parts that are not there, not whole, or of another plan."""
        return [number for number in self.plan if not self.holds(number)]

    def holds(self, number: int) -> bool:
        """Whether a part is there and whole."""
        try:
            with pq.ParquetFile(self.path(number)) as file:
                named = (file.schema_arrow.metadata or {}).get(_KEY)
                return named == self._name(number) and file.metadata.num_rows == len(self.plan.part(number))
        except (pa.ArrowException, OSError):
            return False

    def write_part(self, number: int, part: pa.Table) -> None:
        """Writes a part aside and renames it. Written twice, by whomever, it is there once.

        Raises:
            ReportError: The folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with written_aside(self.path(number)) as aside:
                pq.write_table(part.replace_schema_metadata({_KEY: self._name(number)}), aside, compression="zstd")
        except OSError as error:
            why = error.strerror or str(error).partition("\n")[0]
            raise ReportError(f"cannot write parts to {self.folder}: {why}; make room, or change --out") from error

    def read(self, rows: range, columns: Sequence[str]) -> pa.Table:
        """Reads columns of consecutive rows, from as many parts as hold them.

        Raises:
            ReportError: A part cannot be read.
        """
        tables = []
        for number in self.plan.parts_of(rows):
            part = self.plan.part(number)
            try:
                table = pq.read_table(self.path(number), columns=list(columns), memory_map=False)
            except (pa.ArrowException, OSError) as error:
                raise ReportError(f"{self.path(number).name} cannot be read; go on with --resume") from error
            start = max(rows.start - part.start, 0)
            tables.append(table.slice(start, min(rows.stop, part.stop) - part.start - start))
        return pa.concat_tables(tables).combine_chunks()

    def _name(self, number: int) -> bytes:
        return f"{self.plan.key} {number}".encode()
