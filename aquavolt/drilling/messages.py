"""What a drill's copy and the program that runs it say to each other. Values that can be pickled, on a pipe of ours."""

from __future__ import annotations

from dataclasses import dataclass

from metering.entries import Entry
from metering.incident import IncidentChange
from metering.site import Site
from rules.drill.copy import DrillOrder
from rules.settings import RulesSettings


@dataclass(frozen=True, slots=True)
class Make:
    """The first word: what the copy is made of."""

    blob: bytes
    site: Site
    settings: RulesSettings
    order: DrillOrder


@dataclass(frozen=True, slots=True)
class Feed:
    """What comes next."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Repair:
    """The fault is mended."""


@dataclass(frozen=True, slots=True)
class Said:
    """The copy's answer: what it said of the drill's incidents, and how it stands. Times in ms since 1970."""

    changes: tuple[IncidentChange, ...]
    now_ms: int
    fault_start_ms: int
    fault_end_ms: int | None
    is_mended: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """The copy cannot go on."""

    reason: str
