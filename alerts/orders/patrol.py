"""The patrol list: what somebody should look at, in the order of the way, more often where it is abnormal. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerts.orders.ticks import Tick
from alerts.values import Alert
from metering.incident import Category, Severity
from metering.site import Site

RECENT = timedelta(hours=72)  # a cleared alert is looked after for so long


class PatrolKind(StrEnum):
    """Why something is on the list."""

    ALERT = "alert"
    CLEARED = "cleared"
    DEAD_METER = "dead_meter"
    OVERDUE_READING = "overdue_reading"


# Hours between two looks. What comes and goes, or came back, is looked at twice as often.
_EVERY_H: Mapping[Severity, float] = {Severity.CRITICAL: 4.0, Severity.WARNING: 12.0, Severity.INFO: 24.0}
_CLEARED_H, _METER_H = 24.0, 24.0


@dataclass(frozen=True, slots=True)
class PatrolItem:
    """One thing to look at.

    key       names it from one day to the next: `alert:ID`, `meter:ID`; ticks are of it
    subject   the alert's or the meter's id
    every_h   hours between two looks
    last      who looked at it last, None: nobody yet
    due_at    when it should be looked at (again)
    """

    key: str
    kind: PatrolKind
    node: str
    subject: str
    severity: Severity
    every_h: float
    last: Tick | None
    due_at: datetime

    def is_due(self, now: datetime) -> bool:
        """Whether it waits for somebody."""
        return self.due_at <= now


@dataclass(frozen=True, slots=True)
class Trouble:
    """A meter that gives no readings: dead (nothing answers) or overdue; at a place of the site."""

    meter: str
    node: str
    is_dead: bool


def keys_of(alerts: Iterable[Alert], meters: Iterable[Trouble]) -> list[str]:
    """The keys whose latest ticks a list needs."""
    return [f"alert:{a.id}" for a in alerts] + [f"meter:{m.meter}" for m in meters]


def patrol_list(
    alerts: Iterable[Alert], meters: Iterable[Trouble], ticks: Mapping[str, Tick], site: Site, now: datetime
) -> tuple[PatrolItem, ...]:
    """What is to be looked at, by building, floor and room as they are counted (2 before 10).

    Alerts about meters are left out where the meter itself is on the list.
    """
    troubled = {m.meter for m in meters}
    items = [
        _alert_item(alert, ticks)
        for alert in alerts
        if not (alert.category is Category.DATA_QUALITY and alert.subject in troubled)
        and (alert.is_active or (alert.closed_at is not None and now - alert.closed_at <= RECENT))
    ]
    items += [_meter_item(meter, ticks, now) for meter in meters]
    return tuple(sorted(items, key=lambda i: (way_to(site, i.node), i.kind is PatrolKind.CLEARED, i.key)))


def _alert_item(alert: Alert, ticks: Mapping[str, Tick]) -> PatrolItem:
    key = f"alert:{alert.id}"
    every_h = _EVERY_H[alert.severity] if alert.is_active else _CLEARED_H
    if alert.unstable or alert.reopened:
        every_h /= 2
    last = ticks.get(key)
    kind = PatrolKind.ALERT if alert.is_active else PatrolKind.CLEARED
    since = alert.detected_at if alert.is_active or alert.closed_at is None else alert.closed_at
    return PatrolItem(key, kind, alert.node, alert.id, alert.severity, every_h, last, _due(last, every_h, since))


def _meter_item(meter: Trouble, ticks: Mapping[str, Tick], now: datetime) -> PatrolItem:
    key = f"meter:{meter.meter}"
    last = ticks.get(key)
    kind = PatrolKind.DEAD_METER if meter.is_dead else PatrolKind.OVERDUE_READING
    return PatrolItem(
        key,
        kind,
        meter.node,
        meter.meter,
        Severity.WARNING,
        _METER_H,
        last,
        _due(last, _METER_H, now if last is None else last.at),
    )


def _due(last: Tick | None, every_h: float, since: datetime) -> datetime:
    """`every_h` after the last look; at once where nobody has looked since it began."""
    return since if last is None or last.at < since else last.at + timedelta(hours=every_h)


def way_to(site: Site, node: str) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Sorts places as one walks past them. What the site does not know comes first."""
    if node not in site.nodes:
        return ()
    return tuple(_counted(site.nodes[n].name or n) for n in site.place_path(node))


def _counted(name: str) -> tuple[tuple[int, int, str], ...]:
    """Numbers in a name count as numbers."""
    pieces = (p for p in re.split(r"([0-9]+)", name) if p)
    return tuple((0, int(p), "") if p.isascii() and p.isdigit() else (1, 0, p) for p in pieces)
