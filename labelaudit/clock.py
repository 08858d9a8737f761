"""How long each stage of a run took, read off the progress that it tells."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from labelaudit.records import Progress, Stage


@dataclass
class Clock:
    """Passes progress on, and remembers how long each stage took."""

    onward: Progress
    _first: dict[str, float] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)

    def __call__(self, stage: Stage) -> None:
        """A ``Progress``."""
        now = time.perf_counter()
        self._first.setdefault(stage.name, now)
        self._last[stage.name] = now
        self.onward(stage)

    def seconds(self) -> dict[str, float]:
        """Stage -> seconds from its first word to its last."""
        return {name: round(self._last[name] - start, 3) for name, start in self._first.items()}
