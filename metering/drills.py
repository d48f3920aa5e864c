"""Drills: how much is used by a simulated fault, at which meters, and how large one may be there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import Float64
from metering.drill_kinds import KINDS, DrillKind
from metering.site import Meter, Site

_HOUR_MS = 3_600_000
USE_MS, USE_EVERY_MS = 12 * 60_000, 2 * _HOUR_MS
"""An appliance is on for so long, each so often: a rice cooker at work all day, so that nobody waits for an evening."""


@dataclass(frozen=True, slots=True)
class DrillFault:
    """A simulated fault at a meter; `size` in m3/h or kW, times in ms since 1970, `end_ms` None: until it is mended."""

    kind: DrillKind
    meter: str
    size: float
    start_ms: int
    end_ms: int | None = None

    def used(self, times: npt.NDArray[np.int64]) -> Float64:
        """What has run through it by each time, m3 or kWh."""
        on = self._on_ms(times)
        return np.asarray(on * (self.size / _HOUR_MS), np.float64)

    def rate(self, times: npt.NDArray[np.int64]) -> Float64:
        """What runs through it at each time, m3/h or kW."""
        there = (times >= self.start_ms) & (times < (np.inf if self.end_ms is None else self.end_ms))
        if self.kind is DrillKind.APPLIANCE:
            there &= (times - self.start_ms) % USE_EVERY_MS < USE_MS
        return np.where(there, self.size, 0.0)

    def _on_ms(self, times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        until = times if self.end_ms is None else np.minimum(times, self.end_ms)
        gone = np.maximum(until - self.start_ms, 0)
        if self.kind is not DrillKind.APPLIANCE:
            return gone
        whole, rest = gone // USE_EVERY_MS, gone % USE_EVERY_MS
        return np.asarray(whole * USE_MS + np.minimum(rest, USE_MS), np.int64)


def meter_for(site: Site, node: str, kind: DrillKind) -> Meter | None:
    """The meter through which a fault of that kind at the place runs; None where none of its medium stands there."""
    at = (site.meters[m] for m in site.meters_at.get(node, ()))
    return next((m for m in at if m.medium == KINDS[kind].medium and m.main_register is not None), None)


def feeding(site: Site, meter: str) -> dict[str, float]:
    """The meter and those that feed it, each with its share of what runs through it: several parents share alike."""
    medium, shares, pending = site.meters[meter].medium, {meter: 1.0}, [(meter, 1.0)]
    while pending:
        below, share = pending.pop(0)
        parents = [p for p in site.meters[below].parents if site.meters[p].medium == medium]
        for parent in parents:
            shares[parent] = shares.get(parent, 0.0) + share / len(parents)
            pending.append((parent, share / len(parents)))
    return shares


def most_allowed(site: Site, meter: str) -> float | None:
    """The least of what the meters on the way can count (m3/h or kW): more would be held for an impossible reading."""
    rated = [site.meters[m].maximum_rate for m in feeding(site, meter)]
    return min((r for r in rated if r is not None), default=None)
