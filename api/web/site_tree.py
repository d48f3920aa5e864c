"""The site tree with its consumption, and the pages of a place and of a meter, as the templates need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alerts.values import Alert, AlertFilter, AlertState
from api.parts import ApiParts
from api.site.consumption import DailyUse, Summary, Supply, summarize, supply_of
from api.site.document import COUNTED_MEDIA, recent_use
from api.web.charts import Bar, bars
from api.web.rendering import Reader
from metering.batch import ReadingBatch
from metering.incident import Severity
from metering.quantities import BY_CODE
from metering.site import Meter, Node, Site

_MOST_ACTIVE = 500
_RANK = {Severity.CRITICAL: 3, Severity.WARNING: 2, Severity.INFO: 1}


@dataclass(frozen=True, slots=True)
class MediumUse:
    """One medium's figures at a place: m3 or kWh."""

    medium: str
    summary: Summary
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One line of the tree. `worst` is the severity of the worst active alert here or below."""

    node: Node
    depth: int
    has_children: bool
    is_open: bool
    use: Mapping[str, MediumUse]
    alerts: int
    worst: str


def active_alerts(reader: Reader) -> Sequence[Alert]:
    """The alerts that mark the tree."""
    return reader.alerts.find(AlertFilter(state=AlertState.ACTIVE), limit=_MOST_ACTIVE).items


def tree_rows(parts: ApiParts, reader: Reader, roots: Sequence[str], open_depth: int) -> list[TreeRow]:
    """The roots, and below them `open_depth` levels, in the order they are shown."""
    site = reader.site
    shown = [entry for root in roots for entry in _walk(site, root, len(site.place_path(root)) - 1, open_depth)]
    uses = {m: _use_of(parts, site, [n for n, _, _ in shown], m) for m in COUNTED_MEDIA}
    marks = alert_marks(site, active_alerts(reader))
    rows = []
    for node, depth, is_open in shown:
        use = {m: by_node[node] for m, by_node in uses.items() if node in by_node}
        count, worst = marks.get(node, (0, ""))
        rows.append(TreeRow(site.nodes[node], depth, bool(site.child_nodes[node]), is_open, use, count, worst))
    return rows


def _walk(site: Site, node: str, depth: int, levels: int) -> list[tuple[str, int, bool]]:
    is_open = levels > 0 and bool(site.child_nodes[node])
    below = (
        [e for child in site.child_nodes[node] for e in _walk(site, child, depth + 1, levels - 1)] if is_open else []
    )
    return [(node, depth, is_open), *below]


def _use_of(parts: ApiParts, site: Site, nodes: Sequence[str], medium: str) -> dict[str, MediumUse]:
    """Figures by node, of the nodes where the medium is metered, in one query."""
    supplies = {n: supply_of(site, n, medium) for n in nodes}
    meters = tuple(m for s in supplies.values() for m in s.meters)
    use = recent_use(parts.intervals, site, meters, medium, parts.now())
    return {n: medium_use(medium, use, supply) for n, supply in supplies.items() if supply.meters}


def medium_use(medium: str, use: DailyUse, supply: Supply) -> MediumUse:
    """The figures with their small bars."""
    summary = summarize(use, supply)
    return MediumUse(medium, summary, tuple(bars(summary.daily)))


def alert_marks(site: Site, active: Sequence[Alert]) -> dict[str, tuple[int, str]]:
    """Per node: how many active alerts it and what is below it have, and the worst severity."""
    found: dict[str, tuple[int, str]] = {}
    for alert in active:
        if alert.node not in site.nodes:
            continue
        for node in site.place_path(alert.node):
            count, worst = found.get(node, (0, ""))
            is_worse = not worst or _RANK[alert.severity] > _RANK[Severity(worst)]
            found[node] = (count + 1, alert.severity.value if is_worse else worst)
    return found


@dataclass(frozen=True, slots=True)
class PlaceView:
    """The page of a place."""

    node: Node
    path: tuple[str, ...]
    use: Mapping[str, MediumUse]
    supplies: Mapping[str, tuple[str, ...]]
    meters: tuple[Meter, ...]
    children: tuple[TreeRow, ...]
    alerts: tuple[Alert, ...]


def build_place_view(parts: ApiParts, reader: Reader, node: str) -> PlaceView:
    """A place: its use, what is below it, its meters, its alerts."""
    site = reader.site
    below = set(site.subtree(node))
    supplies = {m: supply_of(site, node, m) for m in COUNTED_MEDIA}
    use = {
        m: medium_use(m, recent_use(parts.intervals, site, s.meters, m, parts.now()), s)
        for m, s in supplies.items()
        if s.meters
    }
    return PlaceView(
        node=site.nodes[node],
        path=site.place_path(node),
        use=use,
        supplies={m: supplies[m].meters for m in use},
        meters=tuple(site.meters[m] for m in site.meters_at[node]),
        children=tuple(tree_rows(parts, reader, site.child_nodes[node], 0)),
        alerts=tuple(a for a in active_alerts(reader) if a.node in below),
    )


@dataclass(frozen=True, slots=True)
class NewestReading:
    """The newest value of one quantity; `time` is UTC."""

    quantity: str
    unit: str
    value: float
    time: np.datetime64


@dataclass(frozen=True, slots=True)
class MeterView:
    """The page of a meter."""

    meter: Meter
    path: tuple[str, ...]
    use: MediumUse | None
    latest: tuple[NewestReading, ...]
    children: tuple[str, ...]
    alerts: tuple[Alert, ...]


def build_meter_view(parts: ApiParts, reader: Reader, meter: Meter) -> MeterView:
    """A meter: its use, its newest readings, the alerts about it."""
    site = reader.site
    use = None
    if meter.medium in COUNTED_MEDIA:
        supply = Supply((meter.id,))
        use = medium_use(
            meter.medium, recent_use(parts.intervals, site, (meter.id,), meter.medium, parts.now()), supply
        )
    return MeterView(
        meter=meter,
        path=site.place_path(meter.node) if meter.node else (),
        use=use,
        latest=_newest(parts.readings.latest([meter.id])),
        children=site.child_meters[meter.id],
        alerts=tuple(a for a in active_alerts(reader) if meter.id == a.subject or a.node == meter.node),
    )


def _newest(batch: ReadingBatch) -> tuple[NewestReading, ...]:
    codes = [BY_CODE[int(code)] for code in batch.quantity]
    rows = zip(codes, batch.value.tolist(), batch.time, strict=True)
    return tuple(NewestReading(q.name, q.unit, value, time) for q, value, time in rows)
