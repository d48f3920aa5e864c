"""The site document of the campus: what an operator would have written about it. It knows nothing of the faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from simulators.campus.layout import (
    CAMPUS,
    DIGIT_PROFILES,
    DORMITORIES,
    ELECTRICITY,
    RADIO_PROFILE,
    WATER,
    Layout,
    MeterPoint,
    Place,
)
from simulators.campus.school_year import Stretch, school_years_around
from simulators.campus.wiring import FRAME_LINES, address_of, line_of
from simulators.lorawan.envelope import topic_of

TIMEZONE = "Asia/Shanghai"
POLL_S = 12.0
FRAME_POLL_S = 30.0  # a slow line's
RADIO_PERIOD_S = 15.0
# A rule of the user's own: in the corridors nothing but lamps runs, so that this is somebody charging a bicycle.
RULES: dict[str, Any] = {
    "threshold": {
        "rules": [
            {
                "id": "corridor-charging",
                "zh": "公共区域疑似电动车充电",
                "en": "Somebody charges in the corridor",
                "when": "power > 3.5",
                "for": "45 min",
                "clear": "power < 3.2",
                "nodes": [f"{d.id}-common" for d in DORMITORIES],
                "severity": "warning",
                "category": "consumption",
            }
        ]
    }
}
_YEARS_KNOWN_AHEAD = timedelta(400)
_NODE_KEYS = (
    "id", "kind", "parent", "name", "use", "beds", "people", "area_m2", "department", "opening_hours",
    "unmetered_children", "contract_demand_kw",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the campus is served: a port for each line, and the broker's."""

    line_ports: Sequence[int]
    mqtt_port: int
    host: str = "127.0.0.1"


def site_document(layout: Layout, first_day: date, days: int, endpoints: Endpoints | None = None) -> dict[str, Any]:
    """The document, JSON-able. Without endpoints the meters have no connections: their readings come as a file."""
    return {
        "site": {"id": "campus", "name": layout.place[CAMPUS].name, "timezone": TIMEZONE},
        "calendar": _calendar(first_day, first_day + timedelta(days)),
        "nodes": [_node(p) for p in layout.places],
        "meters": [_meter(layout, row, m, endpoints) for row, m in enumerate(layout.meters)],
    }


def _calendar(first: date, last: date) -> dict[str, Any]:
    years = school_years_around(first, last + _YEARS_KNOWN_AHEAD)

    def written(stretches: Sequence[Stretch]) -> list[dict[str, str]]:
        return [{"name": s.name, "first": s.first.isoformat(), "last": s.last.isoformat()} for s in stretches]

    return {
        "country": "CN",
        "terms": [p for y in years for p in written(y.terms)],
        "exams": [p for y in years for p in written(y.exams)],
        "vacations": [p for y in years for p in written(y.vacations)],
    }


def _node(place: Place) -> dict[str, Any]:
    return {key: value for key in _NODE_KEYS if (value := getattr(place, key)) not in (None, "", 0)}


def _meter(layout: Layout, row: int, meter: MeterPoint, endpoints: Endpoints | None) -> dict[str, Any]:
    size = meter.instrument.size
    out: dict[str, Any] = {"id": meter.id, "medium": meter.medium, "node": meter.node}
    if meter.parent:
        out["parent"] = meter.parent
    out["profile"] = meter.profile
    if endpoints is not None:
        out |= _address(layout, row, meter, endpoints)
    if meter.medium == WATER and meter.profile not in DIGIT_PROFILES:
        out["multiplier"] = meter.instrument.resolution
    out |= {
        "register_digits": size.register_digits,
        "resolution": meter.instrument.resolution,
        "accuracy_class": size.accuracy_class,
    }
    out["max_power_kw" if meter.medium == ELECTRICITY else "max_flow_m3_per_h"] = size.maximum_rate
    return out


def _address(layout: Layout, row: int, meter: MeterPoint, endpoints: Endpoints) -> dict[str, Any]:
    address = address_of(layout, row)
    if meter.profile == RADIO_PROFILE:
        connection = f"mqtt://{endpoints.host}:{endpoints.mqtt_port}/{topic_of('chirpstack', address)}"
        return {"connection": connection, "device_address": address, "poll_s": RADIO_PERIOD_S}
    where = f"{endpoints.host}:{endpoints.line_ports[line_of(layout, row)]}"
    if meter.profile in FRAME_LINES:
        connection = f"rtu+tcp://{where}?baud={FRAME_LINES[meter.profile].baud}"
        return {"connection": connection, "device_address": address, "poll_s": FRAME_POLL_S}
    return {"connection": f"tcp://{where}", "device_address": address, "poll_s": POLL_S}
