"""Drills: which faults can be simulated, and how large they may be. Light: the command line's help reads it too."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from metering.quantities import ELECTRICITY, WATER


class DrillKind(StrEnum):
    """What is simulated."""

    LEAK = "leak"
    BURST = "burst"
    OVERUSE = "overuse"
    APPLIANCE = "appliance"


@dataclass(frozen=True, slots=True)
class KindLimits:
    """Medium of a kind, and the sizes that are allowed: m3/h of water, kW of electricity."""

    medium: str
    low: float
    high: float
    usual: float


KINDS: dict[DrillKind, KindLimits] = {
    DrillKind.LEAK: KindLimits(WATER, 0.005, 5.0, 0.4),
    DrillKind.BURST: KindLimits(WATER, 1.0, 100.0, 8.0),
    DrillKind.OVERUSE: KindLimits(ELECTRICITY, 0.1, 100.0, 1.5),
    DrillKind.APPLIANCE: KindLimits(ELECTRICITY, 0.3, 20.0, 2.5),
}
