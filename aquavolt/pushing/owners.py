"""Which collector reads which meter: whoever said so first keeps it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from metering.batch import ReadingBatch
from metering.entries import Entry, EventBatch


class Owners:
    """Meters by their collector."""

    def __init__(self, meters: Mapping[str, Iterable[str]]) -> None:
        self._owner = {meter: collector for collector, theirs in meters.items() for meter in theirs}

    def of(self, meter: str) -> str | None:
        """The collector that reads the meter."""
        return self._owner.get(meter)

    def claim(self, collector: str, meters: Iterable[str]) -> tuple[tuple[str, ...], dict[str, str]]:
        """The meters that the collector may read of those it is told to, and why not the others.

        What it had before and does not name now is free again.
        """
        self.forget(collector)
        granted, refused = [], {}
        for meter in meters:
            owner = self._owner.setdefault(meter, collector)
            if owner == collector:
                granted.append(meter)
            else:
                refused[meter] = (
                    f"meter {meter!r} is read by collector {owner!r}; {collector!r} must not read it too: "
                    "give each collector its own meters"
                )
        return tuple(granted), refused

    def forget(self, collector: str) -> None:
        """Its meters are free."""
        self._owner = {meter: owner for meter, owner in self._owner.items() if owner != collector}

    def own_part(self, collector: str, entry: Entry) -> tuple[Entry | None, int]:
        """The entry without what belongs to another collector (None: nothing is left), and how much that was."""
        if isinstance(entry, ReadingBatch):
            foreign = np.array([self._is_foreign(collector, meter) for meter in entry.meters], bool)
            if not foreign.any():
                return entry, 0
            kept = entry.take(~foreign[entry.meter])
            return (kept if len(kept) else None), len(entry) - len(kept)
        if isinstance(entry, EventBatch):
            events = tuple(event for event in entry.events if not self._is_foreign(collector, event.meter))
            return (EventBatch(events) if events else None), len(entry.events) - len(events)
        return entry, 0

    def _is_foreign(self, collector: str, meter: str) -> bool:
        return self._owner.get(meter, collector) != collector
