"""What is scored on which set: one row of the table each.

`half` says which meters count: settings were tuned on the even ones (in the order of their names) alone, and what is
reported stands on the odd ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bench.detection.events import HOUR_MS

LEAK = frozenset({"leak"})
USE = frozenset({"consumption", "supply", "appliance"})


class Half(StrEnum):
    """Which subjects count."""

    EVEN = "even"
    ODD = "odd"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Job:
    """A score: `name` is the row's heading.

    data        real, simulated, injected or composed
    events      the set with labels; `quiet` the same meters untouched, where false alarms are counted
    categories  of alerts that count
    rules       conditions of data-quality alerts that count besides (a register that stands still is a fault here)
    kinds       labels that count, and least size of each in the label's unit; empty for all
    has_halves  whether the meters are split into even and odd
    """

    name: str
    data: str
    events: str
    quiet: str = ""
    categories: frozenset[str] = LEAK
    conditions: frozenset[str] = frozenset()
    kinds: Mapping[str, float] = field(default_factory=dict)
    has_halves: bool = True
    grace_ms: int = 0

    @property
    def sets(self) -> tuple[str, ...]:
        """The sets that must be judged for it."""
        return tuple(dict.fromkeys(s for s in (self.events, self.quiet) if s))


JOBS = (
    Job("household water, constant leak", "injected", "daiad_injected", "daiad", kinds={"leak_constant": 5}),
    Job("household water, constant leak of 2 to 5 L/h", "injected", "daiad_injected", kinds={"leak_constant": 2}),
    Job("household water, pulsing toilet", "injected", "daiad_injected", kinds={"leak_toilet": 0}),
    Job("zone inflow", "real", "", "bwdf", has_halves=False),
    Job(
        "university electricity", "injected", "cambridge_injected", "cambridge", USE, frozenset({"stuck"}),
        grace_ms=HOUR_MS,
    ),
    Job("university electricity, untouched", "real", "", "cambridge", USE),
    Job("zone balance, leak between", "simulated", "campus_sim", kinds={"leak_network": 0}, has_halves=False),
    Job("zone balance, leak inside", "simulated", "campus_sim", kinds={"leak_inside": 0}, has_halves=False),
    Job("zone without building meters", "simulated", "battledim", has_halves=False),
)  # fmt: skip
