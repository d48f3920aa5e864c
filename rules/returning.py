"""Incidents that have cleared, in case they come back: within days the repair did not hold, and the same alert reopens.

Later, up to `previous_days`, it is a new one that names the one before.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rules.open_incident import OpenIncident, ms_of
from rules.settings import IncidentSettings

_DAY_MS = 24 * 3_600_000
_MOST_EARLIER = 20  # stretches that an alert lists

Place = tuple[str, str, str]
"""Category, medium and place: what an incident is known by."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """What is kept of a cleared incident. `earlier`: its stretches so far: onset, end (ms), loss (m3 or kWh).

    was_shown  it was raised and not explained by another one: people saw it
    """

    id: str
    cleared_ms: int
    was_shown: bool
    earlier: list[dict[str, Any]]


@dataclass(slots=True)
class Returns:
    """The last cleared incident of each place."""

    settings: IncidentSettings
    past: dict[Place, Cleared] = field(default_factory=dict)

    def note(self, incident: OpenIncident, at: np.datetime64) -> None:
        """An incident has cleared."""
        stretch = {"onset_ms": ms_of(incident.onset_at), "cleared_ms": ms_of(at), "loss_total": incident.loss_total}
        shown = incident.written is not None and incident.inhibited_by is None
        earlier = [*incident.earlier, stretch][-_MOST_EARLIER:]
        self.past[_place(incident)] = Cleared(incident.id, ms_of(at), shown and incident.group is None, earlier)

    def link(self, incident: OpenIncident, taken: Container[str]) -> str | None:
        """Before a new incident is told for the first time: the id under which it goes on, None if it is another one.

        One that comes back too late, or that is explained by another, only names the one before. `taken`: open ids.
        """
        before = self.past.get(_place(incident))
        if before is None or incident.group is not None:
            return None
        days = (ms_of(incident.detected_at) - before.cleared_ms) / _DAY_MS
        is_same = before.was_shown and days <= self.settings.reopen_days and before.id not in taken
        if is_same and incident.inhibited_by is None:
            incident.earlier = before.earlier
            return before.id
        if days <= self.settings.previous_days:
            incident.previous = before.id
        return None

    def state(self) -> list[list[Any]]:
        """JSON-able."""
        return [[*place, c.id, c.cleared_ms, c.was_shown, c.earlier] for place, c in self.past.items()]

    def restore(self, state: list[list[Any]]) -> None:
        """Continue from a state."""
        self.past = {(c, m, p): Cleared(*rest) for c, m, p, *rest in state}


def _place(incident: OpenIncident) -> Place:
    return incident.category.value, incident.medium, incident.place
