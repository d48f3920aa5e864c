"""Which open incidents another one explains. Worked out anew after every instant, for all open incidents.

supply         a child by the open supply fault at a place above; a load that is too high is no such fault
data quality   a meter's silence by the group it fell silent with; a line's group by the whole site's
excess         by planned use; by the meter whose data may have made it; by the excess below that leaves nothing of it;
               consumption by a leak at the same place
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from metering.incident import Category
from rules.doubt import OFFLINE, Doubt, kind_of
from rules.excess import Excess
from rules.open_incident import OpenIncident, key_of, ms_of
from rules.places import EXCESS, LOAD_RULES, Places
from rules.planned import PREFIX, Plans
from rules.together import SITE_GROUP

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Inhibition:
    """Sets `inhibited_by` of the open incidents."""

    places: Places
    excess: Excess
    doubt: Doubt
    incidents: dict[str, OpenIncident]
    plans: Plans

    def settle(self, at: np.datetime64) -> None:
        """Decide for every open incident, the lowest places first: what is below decides what is above."""
        for incident in sorted(self.incidents.values(), key=lambda i: (-len(self.places.path(i.place)), i.id)):
            cause = self.plans.cause(incident, at) or self._cause(incident)
            if cause is not None:
                incident.inhibited_by, incident.hold_until = cause, None
            elif incident.inhibited_by is not None:
                self._release(incident, at)

    def _release(self, incident: OpenIncident, at: np.datetime64) -> None:
        """At once if the cause is open and no longer explains it; after a grace time if the cause has cleared."""
        is_planned = (incident.inhibited_by or "").startswith(PREFIX)  # its grace has passed, or it was taken back
        if is_planned or incident.inhibited_by in self.incidents or incident.category not in EXCESS:
            incident.inhibited_by, incident.hold_until = None, None
            return
        if incident.hold_until is None:
            incident.hold_until = ms_of(at) + int(self.excess.settings.echo_grace_h * _HOUR_MS)
        if ms_of(at) >= incident.hold_until:
            incident.inhibited_by, incident.hold_until = None, None

    def _cause(self, incident: OpenIncident) -> str | None:
        if incident.category is Category.SUPPLY:
            return self._supply_above(incident)
        if incident.category is Category.DATA_QUALITY:
            return self._group_of(incident)
        if incident.category in EXCESS:
            return self._culprit(incident) or self._leak_here(incident) or self._explained_below(incident)
        return None

    def _supply_above(self, incident: OpenIncident) -> str | None:
        if _is_load(incident):
            return None
        above = [
            i
            for i in self.incidents.values()
            if i.category is Category.SUPPLY and i.medium == incident.medium and not _is_load(i)
            if self.places.is_above(i.place, incident.place)
        ]
        return _first(above)

    def _group_of(self, incident: OpenIncident) -> str | None:
        groups = [i for i in self.incidents.values() if i.group is not None and i is not incident]
        if incident.group is not None:
            is_line = incident.group["connection"] != SITE_GROUP
            return _first(g for g in groups if is_line and g.group and g.group["connection"] == SITE_GROUP)
        meters = {f.subject for f in incident.own.values()}
        if not all(kind_of(f) == OFFLINE for f in incident.own.values()):
            return None
        return _first(g for g in groups if g.group and meters <= set(g.group["meters"]))

    def _culprit(self, incident: OpenIncident) -> str | None:
        """The incident of the doubtful data that may have made every one of its findings."""
        culprits = [self.doubt.culprit(f) for f in incident.own.values()]
        if not culprits or any(c is None for c in culprits):
            return None
        keys = {key_of(c) for c in culprits if c is not None}
        open_ones = _first(i for i in self.incidents.values() if keys & set(i.own))
        return open_ones or incident.inhibited_by

    def _leak_here(self, incident: OpenIncident) -> str | None:
        if incident.category is not Category.CONSUMPTION:
            return None
        leaks = [i for i in self.excess.of_medium(incident.medium) if i.category is Category.LEAK]
        return _first(i for i in leaks if i.place == incident.place and i.inhibited_by is None)

    def _explained_below(self, incident: OpenIncident) -> str | None:
        if incident.is_net:
            return None
        left = self.excess.left_of(incident.main, incident.place)
        is_echo = left.is_echo(was_echo=incident.inhibited_by is not None)
        return left.explained_by.id if is_echo and left.explained_by is not None else None


def _is_load(incident: OpenIncident) -> bool:
    """Whether all it says is that a load is too high."""
    return all(f.rule in LOAD_RULES for f in incident.own.values())


def _first(incidents: Iterable[OpenIncident]) -> str | None:
    return min((i.id for i in incidents), default=None)
