"""What an excess probably is: a cause class with a confidence, from the shape of the excess and where it is.

Signs are read off the incident (its size, its findings, its place and the shape of its hours). Each class has a prior
and a factor for each sign that speaks for it or against it; the classes' weights, divided by their sum, are the
confidence (naive Bayes with tables set by hand: factors of 3 to 6 for strong signs, below 1 for what speaks against;
damped, since signs hang together).
It is never shown above `_MOST`, and below `_LEAST` nothing is said: a guess would send people to the wrong place.

Reference for sizes: toilets 5 to 100 L/h (DeOreo et al., Residential End Uses of Water 2, WRF 2016), a tap or shower
left on 200 to 900 L/h (EN 200, flow classes), pipe bursts above 1 m3/h (Farley and Trow, Losses in Water Distribution
Networks, 2003).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from metering.incident import Category
from rules.findings import Finding
from rules.open_incident import OpenIncident
from rules.places import NET_RULES, Places
from rules.shape import Shape

CAUSES = (
    "toilet",  # a cistern that runs, or several
    "tap",  # a tap, shower or hose left on
    "burst",  # a pipe has burst
    "pipe_leak",  # a pipe or a joint leaks
    "irrigation_or_tank",  # irrigation, a pool or a tank's inlet left on
    "meters_apart",  # the meters of a balance drift apart: no water is lost
    "more_use",  # people use more
    "night_equipment",  # left on outside of working hours
    "standing_load",  # something that never stops
    "heating_appliance",  # a heater, cooker or kettle
)
"""All codes of `evidence["cause"]`."""

SIGNS = (
    "between_meters", "small_place", "outdoors", "tiny", "small", "middle", "large", "jump", "grows", "began_at_once",
    "never_stops", "pauses", "only_by_day", "mostly_at_night", "outside_hours", "all_hours", "meter_says_burst",
    "heats", "multiple",
)  # fmt: skip
"""All signs; see `_signs`."""

_MOST, _LEAST = 0.9, 0.35
_DAMPING = 0.6  # signs hang together: taken as if they did not, they would make it far too sure
_TINY, _SMALL, _MIDDLE = 0.012, 0.12, 1.0  # m3/h: up to a drop or two, up to a toilet, up to a tap; above: a pipe
_NIGHTLY, _DAILY = 1.8, 0.35  # times the mean excess that is had in the small hours
_STEADY = 0.7
_GROWN, _AT_ONCE = 1.6, 1.25
_PAUSES = 0.25
_MULTIPLE = 1.5  # times the usual use
_OUTDOORS = frozenset({"irrigation", "pool", "garden", "tank", "sports", "canteen"})
_OUTSIDE_HOURS = frozenset({"nights", "rest_days", "vacation"})

_Table = Mapping[str, tuple[float, Mapping[str, float]]]
_WATER: _Table = {
    "toilet": (1.0, {
        "between_meters": 0.05, "small_place": 3, "outdoors": 0.2, "tiny": 1.5, "small": 4, "middle": 0.6,
        "large": 0.02, "jump": 0.3, "grows": 0.7, "pauses": 2, "only_by_day": 0.2, "mostly_at_night": 0.5,
        "meter_says_burst": 0.1, "never_stops": 1.5,
    }),
    "tap": (0.6, {
        "between_meters": 0.05, "small_place": 2, "tiny": 0.3, "small": 0.7, "middle": 3, "large": 0.4, "jump": 2,
        "grows": 0.2, "began_at_once": 1.5, "pauses": 0.3, "only_by_day": 0.3, "meter_says_burst": 0.7,
    }),
    "burst": (0.3, {
        "between_meters": 2, "tiny": 0.01, "small": 0.05, "middle": 0.7, "large": 5, "jump": 4, "grows": 0.3,
        "began_at_once": 1.5, "pauses": 0.1, "only_by_day": 0.1, "mostly_at_night": 0.3, "meter_says_burst": 8,
    }),
    "pipe_leak": (0.8, {
        "between_meters": 6, "small_place": 0.6, "tiny": 1.5, "small": 1, "middle": 1.5, "large": 0.8, "jump": 0.5,
        "grows": 3, "pauses": 0.2, "only_by_day": 0.1, "mostly_at_night": 0.5, "never_stops": 1.3,
    }),
    "irrigation_or_tank": (0.2, {
        "outdoors": 8, "small_place": 0.3, "tiny": 0.1, "small": 0.3, "middle": 2, "large": 2, "jump": 1.5,
        "began_at_once": 1.5, "grows": 0.2, "pauses": 2, "mostly_at_night": 12, "only_by_day": 1.5,
        "between_meters": 1.2,
    }),
    "meters_apart": (0.02, {"between_meters": 10, "grows": 3, "began_at_once": 0.2, "only_by_day": 12, "large": 0.1}),
    "more_use": (0.2, {
        "only_by_day": 12, "never_stops": 0.05, "between_meters": 0.3, "jump": 0.3, "mostly_at_night": 0.5,
        "grows": 1.5, "multiple": 0.3,
    }),
}  # fmt: skip
_ENERGY: _Table = {
    "night_equipment": (0.6, {"outside_hours": 8, "mostly_at_night": 4, "only_by_day": 0.05, "all_hours": 0.3}),
    "standing_load": (0.8, {
        "all_hours": 4, "never_stops": 3, "outside_hours": 0.4, "only_by_day": 0.1, "mostly_at_night": 0.5,
    }),
    "heating_appliance": (0.3, {"small_place": 2, "heats": 20, "multiple": 1.5, "all_hours": 0.7}),
    "more_use": (0.6, {"only_by_day": 6, "outside_hours": 0.1, "mostly_at_night": 0.3, "multiple": 0.5, "grows": 1.5}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cause:
    """What it probably is: `confidence` 0 to 1, `others` the next best, `signs` those that speak for it."""

    code: str
    confidence: float
    others: tuple[tuple[str, float], ...]
    signs: tuple[str, ...]

    def evidence(self) -> dict[str, Any]:
        """As it stands in an alert's evidence."""
        return {
            "code": self.code,
            "confidence": round(self.confidence, 2),
            "others": [{"code": code, "confidence": round(share, 2)} for code, share in self.others],
            "signs": list(self.signs),
        }


def cause_of(incident: OpenIncident, places: Places, shape: Shape) -> Cause | None:
    """The cause class of an incident; None where it is no excess, or where nothing stands out."""
    if incident.category in (Category.SUPPLY, Category.DATA_QUALITY):
        return None
    table = _WATER if incident.medium == "water" else _ENERGY
    signs = [s for s in SIGNS if s in set(_signs(incident, places, shape))]
    weights = {c: prior * math.prod(factors.get(s, 1.0) for s in signs) for c, (prior, factors) in table.items()}
    weights = {c: weight**_DAMPING for c, weight in weights.items()}
    whole = sum(weights.values())
    ranked = sorted(((c, min(w / whole, _MOST)) for c, w in weights.items()), key=lambda each: (-each[1], each[0]))
    (code, confidence), *others = ranked
    if confidence < _LEAST:
        return None
    speaking = tuple(s for s in signs if table[code][1].get(s, 1.0) > 1)
    return Cause(code, confidence, tuple(each for each in others[:2] if each[1] >= 0.1), speaking)  # noqa: PLR2004 - a tenth is worth a line


def _signs(incident: OpenIncident, places: Places, shape: Shape) -> Iterator[str]:
    findings = list(incident.own.values())
    yield from _of_place(incident, places, findings)
    if incident.medium == "water":
        yield _of_size(incident.loss_rate)
    yield from _of_findings(findings, [*findings, *incident.echoes.values()])
    yield from _of_shape(shape)


def _of_place(incident: OpenIncident, places: Places, findings: list[Finding]) -> Iterator[str]:
    if any(f.rule in NET_RULES for f in findings):
        yield "between_meters"
    node = places.site.nodes.get(incident.place)
    if node is not None and node.kind in ("room", "floor"):
        yield "small_place"
    if node is not None and node.use in _OUTDOORS:
        yield "outdoors"


def _of_size(rate: float) -> str:
    """By what flows, m3/h."""
    bands = (("tiny", _TINY), ("small", _SMALL), ("middle", _MIDDLE))
    return next((name for name, below in bands if rate < below), "large")


def _of_findings(own: list[Finding], every: list[Finding]) -> Iterator[str]:
    rules = {f.rule for f in every}
    patterns = {f.evidence.get("pattern") for f in own}
    if "burst_flow" in rules:
        yield "jump"
    if "continuous_flow" in {f.rule for f in own} or any(f.evidence.get("standing_load_kw") for f in own):
        yield "never_stops"
    if any(f.evidence.get("condition") == "burst" for f in every):
        yield "meter_says_burst"
    if "suspected_appliance" in rules:
        yield "heats"
    if patterns & _OUTSIDE_HOURS:
        yield "outside_hours"
    if "all_day" in patterns:
        yield "all_hours"
    if "working_hours" in patterns:
        yield "only_by_day"


def _of_shape(shape: Shape) -> Iterator[str]:
    """NaN compares as false: what is not known is no sign."""
    if shape.at_night >= _NIGHTLY:
        yield "mostly_at_night"
    elif shape.at_night <= _DAILY:
        yield "only_by_day"
    elif shape.at_night >= _STEADY and shape.pauses == 0:
        yield "never_stops"
    if shape.growth >= _GROWN:
        yield "grows"
    elif shape.growth <= _AT_ONCE:
        yield "began_at_once"
    if shape.pauses >= _PAUSES and shape.at_night >= _STEADY:
        yield "pauses"
    if shape.share >= _MULTIPLE:
        yield "multiple"
