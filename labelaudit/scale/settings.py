"""How a batch is scored in parts. Imports nothing that is slow: the command line reads its choices here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from labelaudit.errors import SettingsError


class Engine(StrEnum):
    """Where parts are made."""

    LOCAL = "local"
    RAY = "ray"


@dataclass(frozen=True)
class PartSettings:
    """How a batch is scored in parts.

    Attributes:
        rows: Of a part; None = as many as fill about 64 MB of pixels.
        engine: Where parts are made.
        ray_address: Of a running cluster; None = what ``RAY_ADDRESS`` says, else a cluster on this machine for as long
            as it takes.
    """

    rows: int | None = None
    engine: Engine = Engine.LOCAL
    ray_address: str | None = None

    def __post_init__(self) -> None:
        if self.rows is not None and self.rows < 1:
            raise SettingsError(f"parts of {self.rows} rows hold nothing; give 1 or more")
        if self.ray_address is not None and self.engine is not Engine.RAY:
            raise SettingsError("a Ray address is for the engine ray; add --engine ray")
