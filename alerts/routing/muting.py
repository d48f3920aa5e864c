"""Why an alert is not told now: a silence, a planned shutdown, another alert that explains it, quiet hours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerts.duty.calendar import day_of_span, is_named
from alerts.routing.book import Book
from alerts.routing.matching import matches
from alerts.routing.routes import SHUT_DOWN, QuietHours, Route, Silence, SilenceKind
from alerts.values import Alert
from alerts.weights import is_burst
from metering.incident import Category

_DAY = timedelta(days=1)


class MuteKind(StrEnum):
    """What mutes."""

    SILENCE = "silence"
    SHUTDOWN = "planned_shutdown"
    INHIBITED = "inhibited"
    QUIET_HOURS = "quiet_hours"


@dataclass(frozen=True, slots=True)
class Mute:
    """What mutes an alert: the id of the silence, alert or route, and until when (None: until that alert ends)."""

    kind: MuteKind
    by: str
    until: datetime | None = None


class Explanations:
    """The active alerts that explain others below them, by the place they are at."""

    def __init__(self, alerts: Iterable[Alert]) -> None:
        self._at: dict[str, list[Alert]] = {}
        for alert in alerts:
            if alert.is_active and alert.inhibited_by is None and may_explain(alert):
                self._at.setdefault(alert.node, []).append(alert)

    def of(self, alert: Alert, book: Book) -> Alert | None:
        """The alert that explains this one, the highest in the tree; None where it stands by itself."""
        for place in book.path(alert.node):
            for source in self._at.get(place, ()):
                if source.id != alert.id and _explains(source, alert):
                    return source
        return None


def may_explain(alert: Alert) -> bool:
    """Whether alerts below this one may be but its consequences."""
    return is_lost_supply(alert) or is_gateway(alert)


def is_lost_supply(alert: Alert) -> bool:
    """Whether nothing or too little comes; a voltage out of its limits or too high a load silences nothing."""
    return alert.category is Category.SUPPLY and alert.evidence.get("next_step") == "check_supply"


def is_gateway(alert: Alert) -> bool:
    """Whether several meters fell silent together, because of what they share."""
    return alert.category is Category.DATA_QUALITY and alert.evidence.get("next_step") == "check_gateway"


def _explains(source: Alert, alert: Alert) -> bool:
    """For an alert at the source's place or below it. What was there first, a leak or an excess is never explained."""
    is_below = source.node != alert.node
    if source.onset_at > alert.detected_at:
        return False
    if is_gateway(source):
        return alert.category is Category.DATA_QUALITY and is_below and not is_gateway(alert)
    if alert.category is Category.DATA_QUALITY:
        return True  # no supply, no meter: also of another medium, for meters and gateways live on electricity
    return alert.category is Category.SUPPLY and is_below and alert.medium == source.medium


def mutes_of(
    alert: Alert, route_id: str, route: Route, moment: datetime, book: Book, explanations: Explanations
) -> tuple[Mute, ...]:
    """Everything that mutes the alert on this route at that moment; empty: it is told."""
    found = list(silences_of(alert, moment, book))
    if alert.inhibited_by is not None:
        found.append(Mute(MuteKind.INHIBITED, alert.inhibited_by))
    elif (source := explanations.of(alert, book)) is not None:
        found.append(Mute(MuteKind.INHIBITED, source.id))
    if not is_burst(alert) and (until := quiet_until(route.quiet, moment, book)) is not None:
        found.append(Mute(MuteKind.QUIET_HOURS, route_id, until))
    return tuple(found)


def silences_of(alert: Alert, moment: datetime, book: Book) -> Iterator[Mute]:
    """The silences and planned shutdowns that hold for the alert at that moment."""
    for silence_id, silence in book.silences.items():
        if silence.start <= moment < silence.end and _is_meant(silence, alert, moment, book):
            yield Mute(MuteKind(silence.kind.value), silence_id, silence.end)


def _is_meant(silence: Silence, alert: Alert, moment: datetime, book: Book) -> bool:
    if silence.kind is SilenceKind.SHUTDOWN and not silence.match.categories and alert.category not in SHUT_DOWN:
        return False
    return matches(silence.match, alert, moment, book)


def quiet_until(quiet: tuple[QuietHours, ...], moment: datetime, book: Book) -> datetime | None:
    """The end of the quiet hours that hold at that moment, the latest of several; None: none hold."""
    ends = [end for hours in quiet if (end := _end_of(hours, moment, book)) is not None]
    return max(ends, default=None)


def _end_of(hours: QuietHours, moment: datetime, book: Book) -> datetime | None:
    day = day_of_span(book.local.at(moment), hours.start, hours.end)
    if day is None or not is_named(day, hours.days, book.local.kind):
        return None
    return book.local.instant(day if hours.start < hours.end else day + _DAY, hours.end)
