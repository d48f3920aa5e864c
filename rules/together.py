"""Meters that fall silent together: one incident for the line they share, or for the whole site.

The rule: at least two meters, and at least four fifths of the meters behind one connection, whose silence began within
`together_min` of each other. Meters of that line that were silent before do not break it up and keep their own
incidents. If the meters silent together are at least three and four fifths of the whole site, and not all of one
connection, it is the site. A group lasts until fewer than half of its meters are silent; those still silent then have
incidents of their own again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metering.site import Site
from rules.doubt import OFFLINE, kind_of
from rules.findings import Finding
from rules.open_incident import Key, ms_of
from rules.places import Places

_SHARE = 0.8
_FEWEST_OF_LINE, _FEWEST_OF_SITE = 2, 3
_MINUTE_MS = 60_000

SITE_GROUP = ""
"""The connection name that stands for the whole site."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Meters silent together, by the connection they share (`SITE_GROUP`: all of the site)."""

    connection: str
    findings: tuple[Finding, ...]

    @property
    def meters(self) -> tuple[str, ...]:
        """The meters, in the order of the site file."""
        return tuple(f.subject for f in self.findings)


def silences(quality: Mapping[Key, Finding], places: Places, window_min: float) -> list[Silence]:
    """The groups that the open findings make up now, the whole site first."""
    site = places.site
    silent = {f.subject: f for f in quality.values() if kind_of(f) == OFFLINE and f.subject in site.meters}
    if len(silent) < _FEWEST_OF_LINE:
        return []
    found = []
    metered = [m.id for m in site.meters.values() if m.main_register is not None]
    whole = _together(silent, metered, window_min, _FEWEST_OF_SITE)
    if whole and len({site.meters[f.subject].connection or f.subject for f in whole}) > 1:
        found.append(Silence(SITE_GROUP, whole))
    for connection, meters in places.connections.items():
        if group := _together(silent, meters, window_min, _FEWEST_OF_LINE):
            found.append(Silence(connection, group))
    return found


def _together(
    silent: Mapping[str, Finding], meters: Sequence[str], window_min: float, fewest: int
) -> tuple[Finding, ...]:
    """Those of the meters that fell silent together, if they are enough of them."""
    findings = [silent[m] for m in meters if m in silent]
    if len(findings) < max(fewest, _SHARE * len(meters)):
        return ()
    latest = max(ms_of(f.onset) for f in findings)
    group = tuple(f for f in findings if latest - ms_of(f.onset) <= window_min * _MINUTE_MS)
    return group if len(group) >= fewest else ()


def still_silent(group: Mapping[str, Any], quality: Mapping[Key, Finding]) -> bool:
    """Whether at least half of a group's meters are silent yet."""
    silent = {f.subject for f in quality.values() if kind_of(f) == OFFLINE}
    meters = group["meters"]
    return 2 * sum(m in silent for m in meters) >= len(meters)


def medium_of(meters: Sequence[str], site: Site) -> str:
    """The medium the meters share, else `other`."""
    media = {site.meters[m].medium for m in meters}
    return media.pop() if len(media) == 1 else "other"
