"""Excess findings (leak, consumption) of one medium explain each other along a branch of places.

What is used too much at a floor is also too much at its building. So a finding below explains as much of a finding
above as its size says. If what is left lies within its uncertainty, the upper one is an echo and no incident of its
own; if the upper one was there first, its incident moves down. A balance leaves out what sub-meters count and is
never an echo.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from metering.incident import Category
from rules.findings import Finding, FindingPhase
from rules.open_incident import Key, OpenIncident, key_of, ms_of
from rules.places import EXCESS, NET_RULES, Places
from rules.settings import IncidentSettings

_RELEASE = 1.5  # what is left must be so many times the tolerance before an explained excess counts again
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Left:
    """What the excess below leaves of a figure: `rate` in m3/h or kW, and how much of it may be mere uncertainty."""

    rate: float
    tolerance: float
    explained_by: OpenIncident | None

    def is_echo(self, *, was_echo: bool = False) -> bool:
        """Whether nothing of it needs an incident of its own."""
        limit = self.tolerance * (_RELEASE if was_echo else 1.0)
        return self.explained_by is not None and self.rate <= limit


@dataclass(slots=True)
class Excess:
    """Keeps the excess incidents among `incidents` (all open ones by id) right as findings come and go.

    spent  echoes whose incident has cleared, and until when (ms) they are left alone
    """

    places: Places
    settings: IncidentSettings
    incidents: dict[str, OpenIncident]
    spent: dict[Key, tuple[Finding, int]] = field(default_factory=dict)

    def of_medium(self, medium: str) -> list[OpenIncident]:
        """The open excess incidents of a medium."""
        return [i for i in self.incidents.values() if i.category in EXCESS and i.medium == medium]

    def below(self, place: str, medium: str) -> list[OpenIncident]:
        """Those at places below, as far as they count."""
        every = self.of_medium(medium)
        return [i for i in every if self.places.is_above(place, i.place) and i.inhibited_by is None and i.own]

    def refresh(self, medium: str) -> None:
        """Work out the rates, from the lowest places up."""
        for incident in sorted(self.of_medium(medium), key=lambda i: -len(self.places.path(i.place))):
            if incident.own:
                incident.loss_rate = self.rate_of(incident)

    def rate_of(self, incident: OpenIncident) -> float:
        """What is lost at this place itself, m3/h or kW."""
        main = incident.main
        if main.rule in NET_RULES:
            return max(main.size, 0.0)
        return max(self.left_of(main, incident.place).rate, 0.0)

    def left_of(self, finding: Finding, place: str) -> Left:
        """What the incidents below leave of a finding's size."""
        below = self.below(place, finding.medium)
        rate = finding.size - sum(i.loss_rate for i in below)
        sigma = math.sqrt(finding.uncertainty**2 + sum(i.main.uncertainty**2 for i in below))
        tolerance = max(self.settings.echo_sigmas * sigma, self.settings.echo_share * finding.size)
        largest = max(below, key=lambda i: (i.loss_rate, i.id), default=None)
        return Left(rate, tolerance, largest)

    def join(self, finding: Finding, place: str) -> bool:
        """Put a finding that has opened where it belongs; False if it needs an incident of its own."""
        if (home := self.find(finding, place)) is not None:
            home.own[key_of(finding)] = finding
        elif (lower := self.echo_home(finding, place)) is not None:
            lower.echoes[key_of(finding)] = finding
        elif (upper := self.movable(finding, place)) is not None:
            self.move(upper, finding, place)
        else:
            return False
        return True

    def find(self, finding: Finding, place: str) -> OpenIncident | None:
        """The incident at that place which the finding belongs to: a leak also takes further consumption."""
        here = [i for i in self.of_medium(finding.medium) if i.place == place]
        wanted = {finding.category} | ({Category.LEAK} if finding.category is Category.CONSUMPTION else set())
        here = [i for i in here if i.category in wanted]
        return min(here, key=lambda i: (i.category is not Category.LEAK, i.id), default=None)

    def echo_home(self, finding: Finding, place: str) -> OpenIncident | None:
        """The incident below that explains the finding whole."""
        if finding.rule in NET_RULES:
            return None
        left = self.left_of(finding, place)
        return left.explained_by if left.is_echo() else None

    def movable(self, finding: Finding, place: str) -> OpenIncident | None:
        """The nearest incident above that the finding explains whole: it moves down to it."""
        above = [i for i in self.of_medium(finding.medium) if self.places.is_above(i.place, place) and not i.is_net]
        allowed = {finding.category, Category.LEAK} if finding.category is Category.CONSUMPTION else {finding.category}
        above = [i for i in above if i.category in allowed and i.own]
        if not above:
            return None
        nearest = max(above, key=lambda i: (len(self.places.path(i.place)), i.id))
        left = self.left_of(nearest.main, nearest.place)
        # What is fading is not explained by a trickle: it must account for what was lost all the time, too.
        faded = max(nearest.mean_rate(finding.at) - nearest.loss_rate, 0.0)
        rate = left.rate + faded - max(self.left_of(finding, place).rate, 0.0)
        sigma = self.settings.echo_sigmas * finding.uncertainty
        return nearest if rate <= math.hypot(left.tolerance, sigma) else None

    def move(self, incident: OpenIncident, finding: Finding, place: str) -> None:
        """The incident is now at the finding's place; what held it open above is its echo."""
        incident.moved_from.append(incident.place)
        incident.echoes |= incident.own
        incident.own = {key_of(finding): finding}
        incident.place = place

    def drop(self, incident: OpenIncident, at: np.datetime64) -> None:
        """The incident clears: its echoes may outlast it for a while, detectors above clear in their own time."""
        until = ms_of(at) + int(self.settings.echo_grace_h * _HOUR_MS)
        self.spent |= {key: (finding, until) for key, finding in incident.echoes.items()}

    def forget(self, key: Key) -> bool:
        """A finding closed: whether it was an echo (of an open or a past incident)."""
        was_echo = self.spent.pop(key, None) is not None
        for incident in self.incidents.values():
            was_echo = incident.echoes.pop(key, None) is not None or was_echo
        return was_echo

    def update_echo(self, finding: Finding) -> bool:
        """New figures of an echo; whether the finding is one."""
        key = key_of(finding)
        if key in self.spent:
            self.spent[key] = (finding, self.spent[key][1])
            return True
        for incident in self.incidents.values():
            if key in incident.echoes:
                incident.echoes[key] = finding
                return True
        return False

    def outgrown(self, at: np.datetime64) -> Iterator[Finding]:
        """Echoes that are echoes no longer; each is taken away from where it was, to be opened anew."""
        now = ms_of(at)
        for key, (finding, until) in list(self.spent.items()):
            if now >= until:
                del self.spent[key]
                yield _opened(finding)
        for incident in list(self.incidents.values()):
            for key, finding in list(incident.echoes.items()):
                left = self.left_of(finding, self.places.of_finding(finding))
                if not left.is_echo(was_echo=True):
                    del incident.echoes[key]
                    yield _opened(finding)


def _opened(finding: Finding) -> Finding:
    return replace(finding, phase=FindingPhase.OPEN)
