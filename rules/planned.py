"""Planned use: what it explains, and whose readings nothing is learned from meanwhile.

It explains too much use of its medium that began in its time (or so little before as onsets are exact), at its place,
below it, and above it, where the same use is seen again. What still goes on some time after its end is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from metering.batch import Mask, to_datetime, to_ms
from metering.site import PlannedUse
from rules.blocks import Columns
from rules.open_incident import OpenIncident
from rules.places import EXCESS, Places

PREFIX = "planned:"
_BEFORE = timedelta(hours=6)  # onsets are as exact as a detector's look back


@dataclass(slots=True)
class Plans:
    """The planned uses of a site: the site file's, and those that people told.

    grace   how long findings may outlast the use that made them
    by_id   all of them; of two that begin together at one place the longer one
    """

    columns: Columns
    places: Places
    grace: timedelta
    by_id: dict[str, PlannedUse] = field(init=False)
    _meters: dict[str, Mask] = field(init=False)

    def __post_init__(self) -> None:
        self.tell(())

    def tell(self, told: Iterable[PlannedUse]) -> None:
        """Take what people told instead of what they told before."""
        known = [use for use in told if use.node in self.columns.site.nodes]
        uses = sorted([*self.columns.site.planned, *known], key=lambda use: use.end)
        self.by_id = {use.id: use for use in uses}
        self._meters = {use.id: self._meters_of(use) for use in self.by_id.values()}

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
        """By column: some planned use of that local day (days since 1970), or of the day before, shows at the meter.

        Of the day before, because some detectors learn a day once the next one has begun.
        """
        mask, zone = np.zeros(len(self.columns.meters), bool), self.columns.site.zone
        today = datetime.fromtimestamp(local_day * 86_400, UTC).replace(tzinfo=zone)
        for use in self.by_id.values():
            if use.start < today + timedelta(days=1) and use.end > today - timedelta(days=1):
                mask |= self._meters[use.id]
        return mask

    def _meters_of(self, use: PlannedUse) -> Mask:
        """The meters at the place, below it, and those that feed them."""
        site, index = self.columns.site, self.columns.index
        at = [m for node in site.subtree(use.node) for m in site.meters_at[node]]
        at = [m for m in at if use.medium in {None, site.meters[m].medium}]
        above = [f for m in at for f in self.places.feeders(m)]
        above += [m for node in site.place_path(use.node) for m in site.meters_at[node]]
        mask = np.zeros(len(self.columns.meters), bool)
        mask[[index[m] for m in {*at, *above} if m in index]] = True
        return mask

    def evidence(self, cause: str | None) -> dict[str, str | None] | None:
        """What to show of the planned use that explains an incident."""
        use = self.by_id.get(cause or "")
        if use is None:
            return None
        span = {"from": to_datetime(to_ms(use.start)).isoformat(), "to": to_datetime(to_ms(use.end)).isoformat()}
        return {"node": use.node, "medium": use.medium, **span, "text": use.text}
