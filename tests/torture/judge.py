"""What must hold after an act was harmed, however it was: nothing half written, nothing else touched, well again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .acts import Act, Files, Ground, is_refused_as_done, left_by, remove_place
from .forks import Job


@dataclass(frozen=True)
class Trial:
    """An act in a place of its own, about to be harmed.

    Attributes:
        act: The act.
        ground: Where it is run.
        place: Its folder.
        prior: What is there before.
    """

    act: Act
    ground: Ground
    place: Path
    prior: Files

    @property
    def job(self) -> Job:
        """The act, unharmed."""
        return self.ground.job(self.act, self.place)

    def lost(self, expected: Files) -> list[str]:
        """What is wrong after the harm, and after running it once more; removes the place.

        Args:
            expected: What the act leaves where nothing harms it.
        """
        found = list(_torn(self.act, left_by(self.act, self.place), expected, self.prior))
        again = self.ground.stage.run(self.ground.job(self.act, self.place, again=True))
        if again.code and not is_refused_as_done(again):
            found.append(f"run again, it ended with {again.code}: {again.last_line}")
        found += differing(left_by(self.act, self.place), expected)
        now = everything(self.place)
        others = (path for path in self.prior if not path.startswith(self.act.leaves))
        found += [f"{path} was changed" for path in others if now.get(path) != self.prior[path]]
        remove_place(self.place)
        return found


def begin(act: Act, ground: Ground) -> Trial:
    """A place for an act, in the state that it starts from."""
    place = ground.new_place(act.start)
    return Trial(act, ground, place, everything(place))


def everything(place: Path) -> Files:
    """All that is to be seen in a folder, but for caches."""
    found = left_by(Act("", "", (".",)), place)
    return {path: content for path, content in found.items() if not path.startswith(("c/", "c2/"))}


def differing(found: Files, expected: Files) -> list[str]:
    """The files that are not as they should be."""
    paths = sorted(found.keys() | expected.keys())
    return [f"{path} is not what it should be" for path in paths if found.get(path) != expected.get(path)]


def _torn(act: Act, found: Files, expected: Files, prior: Files) -> Iterator[str]:
    """What is there and is neither as before nor as it will be."""
    if not act.at_once:
        for path, content in found.items():
            if content not in (expected.get(path), prior.get(path)):
                yield f"{path} is half written"
        return
    for leaf in act.leaves:
        here, will_be, was = (
            {path: each[path] for path in each if path.startswith(leaf)} for each in (found, expected, prior)
        )
        if here not in (will_be, was):
            yield f"{leaf} is half written" if here else f"{leaf} is gone"
