"""Writes the dashboards: `python deploy/grafana/make_dashboards.py`. What they show stands here, the form in between.

Grafana puts the range, its window and the data source's bucket in place of `v.*`, and the reader's choice in place of
`${...}`. Every dashboard reads the schema of docs/influxdb.md: `reading`, `interval`, `interval_hour`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = {"type": "influxdb", "uid": "aquavolt"}
WIDTH = 24

READINGS = "from(bucket: v.defaultBucket)"
INTERVALS = 'from(bucket: v.defaultBucket + "_intervals")'
SITE = 'r.site == "${site}"'
RANGE = "|> range(start: v.timeRangeStart, stop: v.timeRangeStop)"


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: a Grafana panel type, a query, the unit of its values (a Grafana unit or `suffix: ...`)."""

    title: str
    kind: str
    flux: str
    unit: str = "short"
    width: int = 12
    height: int = 8
    text: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top. `flux` gives its values; without one it is a text to type in, `first` at first."""

    name: str
    label: str
    flux: str = ""
    first: str = ""
    is_multi: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page."""

    uid: str
    title: str
    variables: tuple[Variable, ...]
    panels: tuple[Panel, ...]
    span: str = "now-24h"


def raw(*conditions: str) -> str:
    """Readings of the range."""
    return f"{READINGS}\n  {RANGE}\n  {only('reading', 'value', *conditions)}"


def usage(measurement: str, *conditions: str) -> str:
    """Use per 15 minutes (`interval`) or per hour (`interval_hour`)."""
    return f"{INTERVALS}\n  {RANGE}\n  {only(measurement, 'usage', *conditions)}"


def only(measurement: str, field: str, *conditions: str) -> str:
    """The filter; fields of one name only, so that nothing is added up that does not belong together."""
    all_of = (f'r._measurement == "{measurement}"', f'r._field == "{field}"', SITE, *conditions)
    return f"|> filter(fn: (r) => {' and '.join(all_of)})"


def tag_values(tag: str, bucket: str, *conditions: str) -> str:
    """Every value that the tag has."""
    where = " and ".join((SITE, *conditions))
    return (
        'import "influxdata/influxdb/schema"\n'
        f'schema.tagValues(bucket: {bucket}, tag: "{tag}", predicate: (r) => {where}, start: -400d)'
    )


WATER, ELECTRICITY = 'r.quantity == "water_volume"', 'r.quantity == "active_energy_import"'
M3, KWH = "suffix: m³", "kwatth"
CHOSEN = "|> filter(fn: (r) => contains(value: r.meter, set: ${%s:json}))"
BY_METER = '|> group(columns: ["meter"])'
HOURS = "|> aggregateWindow(every: 1h, fn: sum, createEmpty: false)"
NAMED = '|> keep(columns: ["_time", "_value", "meter"])'
IN_BUILDING = "r.meter =~ /${building:raw}/"

SITES = Variable(
    "site", "Site", 'import "influxdata/influxdb/schema"\nschema.tagValues(bucket: v.defaultBucket, tag: "site")'
)
FLAGGED = 'r._field == "quality" and r._value > 0'


def chosen_meters(name: str, label: str, *conditions: str) -> Variable:
    """Meters of one kind; several may be chosen."""
    bucket = 'v.defaultBucket + "_intervals"'
    return Variable(name, label, tag_values("meter", bucket, *conditions), is_multi=True)


def users(title: str, condition: str, unit: str) -> Panel:
    """Who used most."""
    flux = (
        f"{usage('interval', condition)}\n  {BY_METER}\n  |> sum()\n  |> group()\n"
        '  |> top(n: 15)\n  |> keep(columns: ["meter", "_value"])'
    )
    return Panel(title, "bargauge", flux, unit, height=10, text="Meters as they are, feeders and what they feed")


def by_hour(title: str, condition: str, unit: str, more: str = "") -> Panel:
    """Use by hour, a series a meter."""
    flux = "\n  ".join(part for part in (usage("interval", condition), more, BY_METER, HOURS, NAMED) if part)
    return Panel(title, "timeseries", flux, unit)


def flagged(title: str) -> Panel:
    """How many readings carry a flag, by hour."""
    flux = (
        f'{READINGS}\n  {RANGE}\n  |> filter(fn: (r) => r._measurement == "reading" and {SITE} and {FLAGGED})\n'
        "  |> group()\n  |> aggregateWindow(every: 1h, fn: count, createEmpty: false)\n"
        '  |> keep(columns: ["_time", "_value"])'
    )
    text = "Bits: 1 estimated, 2 held for review, 4 device clock wrong, 8 reset, 16 rollover, 32 replaced, 64 late, "
    return Panel(title, "timeseries", flux, text=text + "128 simulated")


ANY = only("reading", "value")
ARRIVING = Panel(
    "Readings a minute", "timeseries",
    f'{raw()}\n  |> group()\n  |> aggregateWindow(every: v.windowPeriod, fn: count, createEmpty: true)\n'
    '  |> map(fn: (r) => ({r with _value: float(v: r._value) * 60000000000.0 / float(v: int(v: v.windowPeriod))}))\n'
    '  |> keep(columns: ["_time", "_value"])',
)  # fmt: skip
HEARD = Panel(
    "Meters heard of in the last 15 minutes", "stat",
    f'{READINGS}\n  |> range(start: -15m)\n  {ANY}\n'
    '  |> keep(columns: ["_time", "_value", "meter"])\n  |> group(columns: ["meter"])\n  |> last()\n  |> group()\n'
    '  |> count()',
    width=6, height=4,
)  # fmt: skip

CAMPUS = Dashboard(
    "aquavolt-campus", "Campus overview",
    (
        SITES,
        chosen_meters("water", "Main water meters", WATER),
        chosen_meters("electricity", "Main electricity meters", ELECTRICITY),
    ),
    (
        by_hour("Water by hour, main meters", WATER, M3, CHOSEN % "water"),
        by_hour("Electricity by hour, main meters", ELECTRICITY, KWH, CHOSEN % "electricity"),
        users("Most water", WATER, M3),
        users("Most electricity", ELECTRICITY, KWH),
        HEARD,
        ARRIVING,
    ),
    "now-7d",
)  # fmt: skip

USED_IN_BUILDING = usage("interval", IN_BUILDING)
WATER_IN_BUILDING = usage("interval_hour", WATER, IN_BUILDING)
BUILDING = Dashboard(
    "aquavolt-building", "Building",
    (SITES, Variable("building", "Meter ids with (regular expression)", first=".*")),
    (
        by_hour("Water by hour", f"{WATER} and {IN_BUILDING}", M3),
        by_hour("Electricity by hour", f"{ELECTRICITY} and {IN_BUILDING}", KWH),
        Panel(
            "Use in the range", "table",
            f'{USED_IN_BUILDING}\n  |> group(columns: ["meter", "quantity"])\n  |> sum()\n  |> group()\n'
            '  |> sort(columns: ["quantity", "_value"], desc: true)',
        ),
        Panel(
            "Lowest hour of each day: what never stops", "timeseries",
            f"{WATER_IN_BUILDING}\n  {BY_METER}\n"
            f"  |> aggregateWindow(every: 1d, fn: min, createEmpty: false)\n  {NAMED}", M3,
        ),
    ),
    "now-7d",
)  # fmt: skip

ONE, QUANTITY = 'r.meter == "${meter}"', 'r.quantity == "${quantity}"'
USED, USED_BY_HOUR = usage("interval", ONE), usage("interval_hour", ONE)
METER = Dashboard(
    "aquavolt-meter", "Meter",
    (
        SITES,
        Variable("meter", "Meter", tag_values("meter", "v.defaultBucket")),
        Variable("quantity", "Quantity", tag_values("quantity", "v.defaultBucket", ONE)),
    ),
    (
        Panel(
            "Readings", "timeseries",
            f'{raw(ONE, QUANTITY)}\n'
            '  |> aggregateWindow(every: v.windowPeriod, fn: last, createEmpty: false)\n'
            '  |> keep(columns: ["_time", "_value", "quantity"])', width=24,
        ),
        Panel(
            "Use per 15 minutes", "timeseries",
            f'{USED}\n  |> group(columns: ["quantity"])\n  |> keep(columns: ["_time", "_value", "quantity"])',
        ),
        Panel(
            "Use by day", "timeseries",
            f'{USED_BY_HOUR}\n  |> group(columns: ["quantity"])\n'
            '  |> aggregateWindow(every: 1d, fn: sum, createEmpty: false)\n'
            '  |> keep(columns: ["_time", "_value", "quantity"])',
        ),
        Panel(
            "Last reading of each quantity", "table",
            f'{raw(ONE)}\n  |> last()\n  |> keep(columns: ["_time", "quantity", "_value"])\n  |> group()',
        ),
        Panel(
            "Seconds between readings", "timeseries",
            f"{raw(ONE, QUANTITY)}\n  |> elapsed(unit: 1s)\n"
            "  |> map(fn: (r) => ({_time: r._time, _value: float(v: r.elapsed)}))", "s",
        ),
    ),
)  # fmt: skip

COLLECTOR = Dashboard(
    "aquavolt-collector", "Collector health",
    (SITES,),
    (
        HEARD,
        ARRIVING,
        Panel(
            "Longest silent meters", "table",
            f'{READINGS}\n  |> range(start: -30d)\n  {ANY}\n'
            '  |> keep(columns: ["_time", "_value", "meter"])\n  |> group(columns: ["meter"])\n  |> last()\n'
            '  |> group()\n  |> map(fn: (r) => ({meter: r.meter, heard: r._time,\n'
            '      minutes: float(v: int(v: now()) - int(v: r._time)) / 60000000000.0}))\n'
            '  |> sort(columns: ["minutes"], desc: true)\n  |> limit(n: 50)',
        ),
        flagged("Readings with a flag, by hour"),
    ),
    "now-6h",
)  # fmt: skip

DASHBOARDS = (CAMPUS, BUILDING, METER, COLLECTOR)


def document(dashboard: Dashboard) -> dict[str, Any]:
    """As Grafana reads it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["aquavolt"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "1m",
        "time": {"from": dashboard.span, "to": "now"},
        "timezone": "browser",
        "links": [{"type": "dashboards", "tags": ["aquavolt"], "title": "AquaVolt", "asDropdown": True}],
        "templating": {"list": [_variable(variable) for variable in dashboard.variables]},
        "panels": _panels(dashboard.panels),
    }


def _variable(given: Variable) -> dict[str, Any]:
    common = {"name": given.name, "label": given.label}
    if not given.flux:
        chosen = {"text": given.first, "value": given.first}
        return common | {"type": "textbox", "query": given.first, "current": chosen}
    return common | {
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": given.flux},
        "refresh": 2,
        "multi": given.is_multi,
        "includeAll": given.is_multi,
        "sort": 1,
    }


def _panels(panels: tuple[Panel, ...]) -> list[dict[str, Any]]:
    """From left to right, in rows as high as their highest."""
    made, x, y, row = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > WIDTH:
            x, y, row = 0, y + row, 0
        place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
        made.append(_panel(panel, number, place))
        x, row = x + panel.width, max(row, panel.height)
    return made


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "custom": {}}
    options: dict[str, Any] = {}
    if panel.kind == "timeseries":
        defaults["custom"] = {"drawStyle": "line", "showPoints": "never", "spanNulls": False}
        options = {"legend": {"displayMode": "list", "placement": "bottom"}}
    elif panel.kind == "bargauge":
        options = {"orientation": "horizontal", "reduceOptions": {"values": True, "fields": "/^_value$/"}}
    return {
        "id": number,
        "title": panel.title,
        "description": panel.text,
        "type": panel.kind,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [{"refId": "A", "datasource": SOURCE, "query": panel.flux}],
    }


def text_of(dashboard: Dashboard) -> str:
    """The file's content."""
    return json.dumps(document(dashboard), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.uid}.json").write_text(text_of(dashboard), encoding="utf-8")


if __name__ == "__main__":
    main()
