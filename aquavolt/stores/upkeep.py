"""What a store tells of its upkeep. By itself, so that who has InfluxDB need not load the embedded store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Rows removed: `expired` by age, `superseded` because a later one has the same meter, quantity and time."""

    expired: int
    superseded: int
