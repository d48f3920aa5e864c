"""What a copy that runs ahead says, told by the clock of the people who read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from metering.incident import IncidentChange
from rules.open_incident import ms_of


@dataclass(slots=True)
class WallClock:
    """Moves changes so that each happens when it is told.

    Lengths stay as the copy's meters saw them: a leak of three hours began three hours ago, and what it lost is what
    runs out in three hours. When it was detected does not change any more.
    """

    _detected: dict[str, np.datetime64] = field(default_factory=dict)

    def told_at(self, changes: Iterable[IncidentChange], now_ms: int) -> list[IncidentChange]:
        """The changes as of now (ms since 1970)."""
        return [self._moved(change, now_ms) for change in changes]

    def _moved(self, change: IncidentChange, now_ms: int) -> IncidentChange:
        of, lead = change.incident, np.timedelta64(ms_of(change.time) - now_ms, "ms")
        detected = self._detected.setdefault(of.id, of.detected_at - lead)
        closed = None if of.closed_at is None else of.closed_at - lead
        incident = replace(of, detected_at=detected, onset_at=of.onset_at - lead, closed_at=closed)
        return IncidentChange(change.kind, incident, np.datetime64(now_ms, "ms"))
