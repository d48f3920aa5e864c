"""What `watch` remembers of each collector, as marks of its journal: written with the entries, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aquavolt.pushing.wire import from_json, to_json

_PLACE, _METERS = "place:", "meters:"
_FORMER_KEPT = 20


@dataclass(frozen=True, slots=True)
class Place:
    """How far a collector's journal has come in.

    next    the sequence wanted next; 0: whatever comes first
    tick    its last tick, ms since 1970
    former  epochs of journals it had before
    """

    epoch: str
    next: int = 0
    tick: int = 0
    former: tuple[str, ...] = ()

    def with_epoch(self, epoch: str) -> Place:
        """The place in a new journal of the same collector."""
        return replace(self, epoch=epoch, next=0, former=(*self.former, self.epoch)[-_FORMER_KEPT:])


def place_mark(collector: str, place: Place) -> dict[str, str]:
    """The place, to be written."""
    return {_PLACE + collector: to_json(place).decode()}


def meters_mark(collector: str, meters: tuple[str, ...]) -> dict[str, str]:
    """The meters that the collector reads, to be written."""
    return {_METERS + collector: to_json(meters).decode()}


def forgotten_marks(collector: str) -> dict[str, str]:
    """What stands for a collector that was forgotten."""
    return {_PLACE + collector: "", _METERS + collector: ""}


def places_of(marks: Mapping[str, str]) -> dict[str, Place]:
    """The places that were written, by collector."""
    return {name: from_json(Place, text.encode()) for name, text in _of(_PLACE, marks).items()}


def meters_of(marks: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The meters that were written, by collector."""
    return {name: from_json(tuple[str, ...], text.encode()) for name, text in _of(_METERS, marks).items()}


def _of(kind: str, marks: Mapping[str, str]) -> dict[str, str]:
    return {key.removeprefix(kind): text for key, text in marks.items() if key.startswith(kind) and text}
