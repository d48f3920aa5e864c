"""Why an incident is at its place and not at a smaller one, and what to do next.

Both are codes with parameters, so that pages can say them in any language, and an English text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from metering.incident import Category
from rules.doubt import OFFLINE, kind_of
from rules.open_incident import OpenIncident
from rules.places import EXCESS, LOAD_RULES, NET_RULES, Places
from rules.together import SITE_GROUP, UNKNOWN_GROUP

PLACE_TEXTS = {
    "silent_together": "{count} of {of} meters behind {connection} fell silent together: what they share is at fault.",
    "site_silent": "{count} of {of} meters of the whole site fell silent together: what they share is at fault.",
    "many_silent": "{count} of {of} meters with no stated connection fell silent together: they share something.",
    "meter_itself": "It is about the meter {meter} itself.",
    "between_meters": "{meter} counts more than its {count} sub-meters together: the loss is between them.",
    "smallest_metered": "{meter} has no sub-meters: no smaller place is metered.",
    "below_unmetered": "{place}: its meter {meter} shows it, and its {count} {kind}s have no {medium} meters.",
    "more_than_below": "{meter} shows more than the incidents below it explain ({below}).",
    "submeters_in_doubt": "{doubtful} of the {count} sub-meters of {meter} cannot be relied on now: it may be smaller.",
    "measured_here": "It was measured at {meter}.",
    "submeters_quiet": "None of the {count} sub-meters of {meter} shows it: it is before them, or too small to tell.",
}
"""By code. Parameters: `meter`, `place` ids, `count`, `of`, `doubtful` numbers, `connection` text, `below` place ids,
`kind` of node, `medium`."""

UNMETERED_TEXT = "{unmetered} of its {branches} branches ({unmetered_percent} %) have no meter; it may be one of them."

_GROUP_CODES = {SITE_GROUP: "site_silent", UNKNOWN_GROUP: "many_silent"}

NEXT_STEPS = (
    "check_gateway",  # power and network of what the silent meters share
    "check_meter_link",  # one silent meter: cable, radio, power
    "mend_meter",  # the meter reports a fault of its own: battery, cover, clock, flow direction
    "read_meter_on_site",  # compare its display with the register we hold
    "confirm_reset",  # a register began again: ask who worked on it
    "declare_replacement",  # another meter is in its place: enter `lives`
    "walk_the_pipe",  # between a meter and its sub-meters: listen at night, valve by valve
    "check_fixtures",  # toilets, taps and showers of the place
    "close_branches_at_night",  # a large place: close branches one by one and watch the meter
    "look_at_room",  # appliances in use
    "look_after_closing",  # what is left on at night, at weekends, in vacations
    "check_supply",  # feeders, fuses, breakers and taps above
    "check_voltage",  # measure it, tell the supplier, set the transformer's tap
    "check_compensation",  # capacitor bank and its controller
    "shed_load",  # switch off or move what need not run now
    "compare_use",  # whether the use is planned
)
"""All codes of `next_step`."""

_BY_SUPPLY = {
    "overvoltage": "check_voltage", "undervoltage": "check_voltage", "voltage_imbalance": "check_voltage",
    "low_power_factor": "check_compensation",
}  # fmt: skip

_BY_KIND = {
    OFFLINE: "check_meter_link", "stuck": "read_meter_on_site", "reset": "confirm_reset",
    "reversed": "read_meter_on_site", "held": "read_meter_on_site", "conflict": "check_meter_link",
    "clock_back": "mend_meter", "undeclared_replacement": "declare_replacement",
}  # fmt: skip
_BY_PATTERN = {
    "nights": "look_after_closing", "rest_days": "look_after_closing", "vacation": "look_after_closing",
    "too_little": "check_supply",
}  # fmt: skip


def place_reason(
    incident: OpenIncident, places: Places, below: Iterable[OpenIncident], doubtful: set[str]
) -> dict[str, Any]:
    """`code`, its `params` and the English `text`."""
    code, params = _reason(incident, places, sorted({i.place for i in below}), doubtful)
    text = PLACE_TEXTS[code].format(**params | _readable(params, places))
    if incident.category in EXCESS and (branches := _unmetered(incident, places)):
        params |= branches
        text = f"{text} {UNMETERED_TEXT.format(**branches)}"
    return {"code": code, "params": params, "text": text}


def _readable(params: dict[str, Any], places: Places) -> dict[str, str]:
    """Places by their names, from the smallest up to the one below the campus: `floor 3 of dorm 5`."""
    nodes = places.site.nodes
    path = [nodes[n].name or n for n in places.path(params.get("place", "")) if n in nodes]
    return {"place": " of ".join(reversed(path[1:] or path)), "below": ", ".join(params.get("below", ()))}


def _unmetered(incident: OpenIncident, places: Places) -> dict[str, int]:
    """How many of the place's branches have no meter, as the site file says; empty where none is said to."""
    node = places.site.nodes.get(incident.place)
    if node is None or not node.unmetered_children:
        return {}
    metered = {
        s.id for m in places.subject_meters(incident.main) if m in places.site.meters for s in places.submeters(m)
    }
    branches = node.unmetered_children + len(metered)
    percent = round(100 * node.unmetered_children / branches)
    return {"unmetered": node.unmetered_children, "branches": branches, "unmetered_percent": percent}


def _reason(incident: OpenIncident, places: Places, below: list[str], doubtful: set[str]) -> tuple[str, dict[str, Any]]:
    if incident.group is not None:
        params = {"count": len(incident.group["meters"]), "of": incident.group["of"]}
        if incident.group["connection"] in _GROUP_CODES:
            return _GROUP_CODES[incident.group["connection"]], params
        return "silent_together", params | {"connection": incident.group["connection"]}
    meters = places.subject_meters(incident.main)
    meter = meters[0] if meters else incident.main.subject
    if incident.category in EXCESS:
        return _reason_of_excess(incident, places, meter, below, doubtful)
    return "meter_itself" if incident.category is Category.DATA_QUALITY else "measured_here", {"meter": meter}


def _reason_of_excess(
    incident: OpenIncident, places: Places, meter: str, below: list[str], doubtful: set[str]
) -> tuple[str, dict[str, Any]]:
    submeters = [s.id for s in places.submeters(meter)] if meter in places.site.meters else []
    params = {"meter": meter, "count": len(submeters), "submeters": submeters[:50]}
    if not submeters:
        return _no_submeters(incident, places, meter)
    if incident.main.rule in NET_RULES:
        return "between_meters", params
    if below:
        return "more_than_below", params | {"below": below}
    if unsure := sum(s in doubtful for s in submeters):
        return "submeters_in_doubt", params | {"doubtful": unsure}
    return "submeters_quiet", params


def _no_submeters(incident: OpenIncident, places: Places, meter: str) -> tuple[str, dict[str, Any]]:
    """No smaller place is metered: by the places below where the site file has some."""
    children = [n for n in places.site.nodes.values() if n.parent == incident.place]
    kinds = {n.kind for n in children}
    if len(kinds) != 1:
        return "smallest_metered", {"meter": meter}
    params = {"meter": meter, "place": incident.place, "count": len(children), "kind": kinds.pop()}
    return "below_unmetered", params | {"medium": incident.medium}


def next_step(incident: OpenIncident, places: Places) -> str:
    """What to do, one of `NEXT_STEPS`."""
    if incident.group is not None:
        return "check_gateway"
    main = incident.main
    if incident.category is Category.SUPPLY:
        return "shed_load" if main.rule in LOAD_RULES else _BY_SUPPLY.get(kind_of(main), "check_supply")
    if incident.category is Category.DATA_QUALITY:
        return "mend_meter" if main.rule == "reported_fault" else _BY_KIND.get(kind_of(main), "read_meter_on_site")
    if incident.medium != "water":
        return _energy_step(incident, places)
    if main.rule in NET_RULES:
        return "walk_the_pipe"
    fed = any(places.submeters(m) for m in places.subject_meters(main))
    return "close_branches_at_night" if fed else "check_fixtures"


def _energy_step(incident: OpenIncident, places: Places) -> str:
    node = places.site.nodes.get(incident.place)
    if node is not None and node.kind == "room":
        return "look_at_room"
    return _BY_PATTERN.get(incident.main.evidence.get("pattern", ""), "compare_use")
