"""Meters that fall silent together: one incident for what they share.

The rule: their silence began within `together_min` of each other, and they are

- a line: at least two, and with those silent before at least four fifths of the meters behind one connection;
- the site: at least three, not all of one connection, and with those silent before four fifths of all meters;
- of no stated connection: at least five, and a quarter of the meters for which the site file states none.

Meters that were silent before do not break a group up and keep their own incidents. A group lasts until fewer than
half of its meters are silent; those still silent then have incidents of their own again.
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
_UNKNOWN_SHARE, _FEWEST_OF_UNKNOWN = 0.25, 5
_MINUTE_MS = 60_000

SITE_GROUP = "*"
"""Stands in the place of a connection for the whole site."""

UNKNOWN_GROUP = ""
"""Stands for the connection of meters for which the site file states none."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Meters silent together, by the connection they share (or `SITE_GROUP`, `UNKNOWN_GROUP`), of so many."""

    connection: str
    findings: tuple[Finding, ...]
    of: int

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
    metered = [m.id for m in site.meters.values() if m.main_register is not None]
    unknown = [m for m in metered if site.meters[m].connection is None]
    found = []
    whole = _together(silent, metered, window_min, _FEWEST_OF_SITE, _SHARE)
    if whole and len({site.meters[f.subject].connection or f.subject for f in whole}) > 1:
        found.append(Silence(SITE_GROUP, whole, len(metered)))
    for connection, meters in places.connections.items():
        if group := _together(silent, meters, window_min, _FEWEST_OF_LINE, _SHARE):
            found.append(Silence(connection, group, len(meters)))
    if group := _together(silent, unknown, window_min, _FEWEST_OF_UNKNOWN, _UNKNOWN_SHARE):
        found.append(Silence(UNKNOWN_GROUP, group, len(unknown)))
    return found


def _together(
    silent: Mapping[str, Finding], meters: Sequence[str], window_min: float, fewest: int, share: float
) -> tuple[Finding, ...]:
    """Those of the meters that fell silent together, if they are enough of them."""
    findings = [silent[m] for m in meters if m in silent]
    if len(findings) < max(fewest, share * len(meters)):
        return ()
    onsets = sorted(ms_of(f.onset) for f in findings)
    width = window_min * _MINUTE_MS
    first = max(onsets, key=lambda start: (sum(start <= o <= start + width for o in onsets), start))
    group = tuple(f for f in findings if first <= ms_of(f.onset) <= first + width)
    if share < _SHARE and len(group) < share * len(meters):
        return ()
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
