"""What is scored on which set: one row of the table each.

`half` says which meters count, by their place in the order of the set's names: settings were tuned on the even ones
alone, and what is reported stands on the odd ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bench.detection.events import HOUR_MS, Event

LEAK = frozenset({"leak"})
CONSUMPTION = frozenset({"consumption"})
USE = frozenset({"consumption", "supply"})
APPLIANCE = frozenset({"appliance"})
INF = float("inf")
CAMPUS = "campus"
KINDS_OF_DATA = {
    "real": "meters of others, nothing added",
    "injected": "real readings into which faults were put",
    "injected, simulated": "the same with readings of the campus simulator",
    "composed": "days of real appliances, added up to rooms",
    "simulated": "water networks stepped by EPANET, read by imperfect meters",
    "made": "random numbers of a fixed seed",
}


class Half(StrEnum):
    """Which meters count."""

    EVEN = "even"
    ODD = "odd"
    ALL = "all"


class Share(StrEnum):
    """What the sizes of a part are compared with: nothing, the mean use at the event's place, that of the site."""

    NOTHING = ""
    PLACE = "of the meter's mean"
    SITE = "of the inflow"


@dataclass(frozen=True, slots=True)
class Part:
    """Events told apart: those of `kind` (all that begin so), from `low` to below `high`; to be found in `within_h`."""

    name: str
    kind: str = ""
    low: float = 0.0
    high: float = INF
    within_h: float = INF

    def has(self, event: Event, size: float) -> bool:
        """Whether an event of this size (NaN: not comparable) is in it."""
        is_any_size = not self.low and self.high == INF
        return event.kind.startswith(self.kind) and (is_any_size or self.low <= size < self.high)


@dataclass(frozen=True, slots=True)
class Job:
    """A score: `name` is the row's heading, `key` its name on the command line.

    data           one of `KINDS_OF_DATA`
    source         the set with labels, "" for none; `quiet` the same meters untouched, where false alarms are counted
    categories     of alerts that count; `conditions` of data-quality alerts that count besides (a register that stands
                   still is a fault here)
    trivial        the rule of thumb beside it
    parts          broken down so; their sizes are in the label's unit, or shares where `share` says of what
    by_finding     findings are scored, by the time they speak of, not alerts
    by_point       scored point by point too, as published figures are
    is_zone        the place is scored too: named rightly, between or inside
    """

    key: str
    name: str
    data: str
    source: str
    quiet: str = ""
    categories: frozenset[str] = LEAK
    conditions: frozenset[str] = frozenset()
    trivial: str = ""
    parts: tuple[Part, ...] = ()
    share: Share = Share.NOTHING
    grace_ms: int = 0
    has_halves: bool = True
    by_finding: bool = False
    is_zone: bool = False
    by_point: bool = False
    is_degraded: bool = False
    is_quick: bool = False


_SMALL, _MIDDLE, _LARGE = (0.0, 0.15), (0.15, 0.4), (0.4, INF)
_ELECTRIC = (
    *(
        Part(f"{kind}, {words}", kind, *band)
        for kind in ("step_up", "night_load", "weekend_load", "drift_up")
        for words, band in (("below 15 %", _SMALL), ("15 to 40 %", _MIDDLE), ("40 % or more", _LARGE))
    ),
    Part("outage", "outage"),
    Part("stuck", "stuck"),
)
_ZONE_PARTS = (
    Part("between, below 1 %", "leak_network", 0, 0.01),
    Part("between, 1 % or more", "leak_network", 0.01),
    Part("inside, below 1 %", "leak_inside", 0, 0.01),
    Part("inside, 1 % or more", "leak_inside", 0.01),
    Part("1 % or more", "", 0.01),
)

JOBS = (
    Job(
        "household", "household water", "injected", "daiad_injected", "daiad", trivial="steady",
        parts=(
            Part("constant, 5 L/h or more, within 50 h", "leak_constant", 5, within_h=50),
            Part("constant, 2 to 5 L/h, within 170 h", "leak_constant", 2, 5, 170),
            Part("pulsing toilet, below 5 L/h", "leak_toilet", 0, 5),
            Part("pulsing toilet, 5 to 15 L/h", "leak_toilet", 5, 15),
            Part("pulsing toilet, 15 L/h or more", "leak_toilet", 15),
        ),
        is_degraded=True, is_quick=True,
    ),
    Job(
        "zone-inflow", "zone inflow, untouched", "real", "", "bwdf", trivial="night", has_halves=False,
        is_degraded=True,
    ),
    Job(
        "electricity", "university electricity", "injected", "cambridge_injected", "cambridge", USE,
        frozenset({"stuck"}), "weekly", _ELECTRIC, Share.PLACE, HOUR_MS, is_degraded=True,
    ),
    Job(
        "peers", "homes that use double for a week", "injected", "daiad:doubled", "daiad", CONSUMPTION,
        trivial="heavier_week", grace_ms=24 * HOUR_MS, is_degraded=True,
        parts=(
            Part("6 L/h more, or less", high=0.006), Part("6 to 15 L/h more", low=0.006, high=0.015),
            Part("15 L/h more, or above", low=0.015),
        ),
    ),
    Job(
        "peer-rooms", "rooms that use double for a week", "injected, simulated", f"{CAMPUS}:doubled", CAMPUS,
        CONSUMPTION, trivial="heavier_week", has_halves=False, grace_ms=24 * HOUR_MS, is_degraded=True,
        parts=(
            Part("50 W more, or less", high=0.05), Part("50 to 150 W more", low=0.05, high=0.15),
            Part("150 W more, or above", low=0.15),
        ),
    ),
    Job(
        "zone-balance", "zone balance", "simulated", "campus_sim", trivial="balance", parts=_ZONE_PARTS,
        share=Share.SITE, has_halves=False, is_zone=True, is_degraded=True, is_quick=True,
    ),
    Job(
        "battledim", "zone without building meters", "simulated", "battledim", trivial="night",
        parts=(
            Part("abrupt, within 3 days", "leak_abrupt", within_h=72), Part("growing", "leak_incipient"),
            Part("below 10 m3/h", high=10), Part("10 to 25 m3/h", low=10, high=25), Part("25 m3/h or more", low=25),
        ),
        has_halves=False, is_zone=True, by_point=True, is_degraded=True, is_quick=True,
    ),
    Job(
        "rooms", "appliances in rooms, findings", "composed", "rooms", categories=APPLIANCE, trivial="power_step",
        parts=(
            Part("below 0.8 kW", high=0.8), Part("0.8 to 1.5 kW", low=0.8, high=1.5), Part("1.5 kW or more", low=1.5),
        ),
        grace_ms=60_000, by_finding=True, is_degraded=True, is_quick=True,
    ),
    Job(
        "house", "one house judged as a room, findings", "real", "uci:room", categories=APPLIANCE, trivial="power_step",
        parts=(Part("below 1.5 kW", high=1.5), Part("1.5 kW or more", low=1.5)),
        grace_ms=120_000, has_halves=False, by_finding=True, is_degraded=True,
    ),
)  # fmt: skip


_HALVES = tuple(f"_{half}" for half in Half)


def leakdb_job(name: str) -> Job:
    """A converted set of inlets, each with its own leaks. One that is of a half by its name counts whole."""
    parts = (
        Part("abrupt", "leak_abrupt"), Part("growing", "leak_incipient"), Part("below 3 %", high=0.03),
        Part("3 to 10 %", low=0.03, high=0.1), Part("10 % or more", low=0.1),
    )  # fmt: skip
    return Job(
        f"leakdb:{name}", f"inlet of a town, {name}", "simulated", name, trivial="night", parts=parts,
        share=Share.PLACE, has_halves=not name.endswith(_HALVES), by_point=True, is_degraded=True,
    )  # fmt: skip


def campus_year_job(name: str) -> Job:
    """A campus year made with another network or seed."""
    zone = next(job for job in JOBS if job.key == "zone-balance")
    return Job(
        f"campus-years:{name}", f"zone balance, {name}", "simulated", name, trivial=zone.trivial, parts=zone.parts,
        share=zone.share, has_halves=False, is_zone=True,
    )  # fmt: skip
