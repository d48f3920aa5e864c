"""Planned use: what it explains, and whose readings nothing is learned from meanwhile.

It explains too much use of its medium that began in its time (or so little before as onsets are exact), at its place,
below it, and above it, where the same use is seen again. What still goes on some time after its end is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from metering.batch import Mask, to_datetime, to_ms
from metering.site import PlannedUse
from rules.blocks import Columns
from rules.open_incident import OpenIncident
from rules.places import EXCESS, Places

PREFIX = "planned:"
_BEFORE = timedelta(hours=6)  # onsets are as exact as a detector's look back


@dataclass(frozen=True)
class Plans:
    """The planned uses of a site. `grace`: how long findings may outlast the use that made them."""

    columns: Columns
    places: Places
    grace: timedelta

    @cached_property
    def by_id(self) -> dict[str, PlannedUse]:
        """All of them."""
        return {use.id: use for use in self.columns.site.planned}

    def cause(self, incident: OpenIncident, at: np.datetime64) -> str | None:
        """The planned use that explains an incident of too much use at a moment; None: none does."""
        if incident.category not in EXCESS:
            return None
        now = to_datetime(at)
        for use in self.by_id.values():
            began = use.start - _BEFORE <= to_datetime(incident.onset_at) < use.end
            if (
                began
                and use.start <= now < use.end + self.grace
                and use.medium in {None, incident.medium}
                and self._is_on_branch(use, incident.place)
            ):
                return use.id
        return None

    def _is_on_branch(self, use: PlannedUse, place: str) -> bool:
        return use.node in self.places.path(place) or place in self.places.path(use.node)

    def unusual(self, local_day: int) -> Mask:
        """By column: some planned use of that local day (days since 1970) shows at the meter."""
        mask, zone = np.zeros(len(self.columns.meters), bool), self.columns.site.zone
        first = datetime.fromtimestamp(local_day * 86_400, UTC).replace(tzinfo=zone)
        for use in self.by_id.values():
            if use.start < first + timedelta(days=1) and use.end > first:
                mask |= self._meters[use.id]
        return mask

    @cached_property
    def _meters(self) -> dict[str, Mask]:
        """By planned use its meters: at the place, below it, and those that feed them."""
        found = {}
        for use in self.by_id.values():
            site, index = self.columns.site, self.columns.index
            at = [m for node in site.subtree(use.node) for m in site.meters_at[node]]
            at = [m for m in at if use.medium in {None, site.meters[m].medium}]
            above = [f for m in at for f in self.places.feeders(m)]
            above += [m for node in site.place_path(use.node) for m in site.meters_at[node]]
            mask = np.zeros(len(self.columns.meters), bool)
            mask[[index[m] for m in {*at, *above} if m in index]] = True
            found[use.id] = mask
        return found

    def evidence(self, cause: str | None) -> dict[str, str | None] | None:
        """What to show of the planned use that explains an incident."""
        use = self.by_id.get(cause or "")
        if use is None:
            return None
        span = {"from": to_datetime(to_ms(use.start)).isoformat(), "to": to_datetime(to_ms(use.end)).isoformat()}
        return {"node": use.node, "medium": use.medium, **span, "text": use.text}
