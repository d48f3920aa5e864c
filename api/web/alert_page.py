"""The page of one alert, as the template needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.losses import as_of, is_counting, loss_until
from alerts.past import Episode
from alerts.users.values import Account
from alerts.values import Action, Alert, AuditEntry, Delivery
from api.alerts.document import loss_money
from api.alerts.evidence import joined_rules, loss_uncertainty
from api.alerts.history import surroundings
from api.alerts.series import source_of
from api.parts import ApiParts
from api.web.alert_facts import Fact, facts_of
from api.web.alert_story import Line, Past, episode_rows, lines_of, past_alerts
from api.web.people import Climb, climb_from
from api.web.place_tree import TreeLine, tree_around
from api.web.rendering import Reader
from api.web.wording import N_
from api.web.zone_balance import ZoneBalance, balance_around
from metering.batch import to_ms

_SPANS = ((N_("1 day"), 1), (N_("7 days"), 7), (N_("30 days"), 30))
_NOTICES = {
    "conflict": N_("Somebody else changed this alert in between. This is how it stands now."),
    "empty": N_("Write something first."),
    "exists": N_("There is a work order of this alert already."),
}


@dataclass(frozen=True, slots=True)
class Counting:
    """A loss that runs on: `value` so many ms ago, growing by `rate` an hour since."""

    value: float
    rate: float
    ago_ms: int
    price: float | None


@dataclass(frozen=True, slots=True)
class AlertView:
    """Everything the page shows but the curve, which the browser fetches."""

    alert: Alert
    title: str
    place: str
    path: tuple[str, ...]
    sentence: str
    place_reason: str
    cause: str
    signs: str
    next_steps: tuple[str, ...]
    loss: float | None
    uncertainty: tuple[float, float] | None
    money: Mapping[str, Any] | None
    counting: Counting | None
    age: timedelta
    facts: tuple[Fact, ...]
    joined: tuple[str, ...]
    meters: tuple[str, ...]
    spans: tuple[tuple[str, str], ...]
    story: tuple[Line, ...]
    figures: tuple[AuditEntry, ...]
    episodes: tuple[tuple[Episode, str], ...]
    deliveries: tuple[Delivery, ...]
    similar: tuple[Past, ...]
    balance: ZoneBalance | None
    tree: tuple[TreeLine, ...]
    people: tuple[Account, ...]
    climb: tuple[Climb, ...]
    notice: str


def build_alert_view(
    parts: ApiParts, reader: Reader, alert_id: str, people: tuple[Account, ...] = (), notice: str = ""
) -> AlertView:
    """Reads the alert, its history, who was told, and what is around it. `people`: to whom it can be given.

    Raises:
        UnknownAlertError: no such alert.
    """
    alert, words = parts.records.get_alert(alert_id), reader.wording
    known = alert.node in reader.site.nodes
    source = source_of(alert, reader.site)
    loss = loss_until(alert, parts.now())
    cause, signs = words.cause(alert)
    entries, past = parts.records.audit_of(alert_id), parts.records.past
    return AlertView(
        alert=alert,
        title=words.title(alert),
        place=words.place_name(alert.node),
        path=reader.site.place_path(alert.node) if known else (),
        sentence=words.sentence(alert),
        place_reason=words.place_reason(alert),
        cause=cause,
        signs=signs,
        next_steps=parts.playbook.steps(alert, reader.site, words.language),
        loss=loss,
        uncertainty=loss_uncertainty(alert),
        money=loss_money(alert.medium, loss, parts.prices) if loss else None,
        counting=_counting(alert, parts.prices.per_unit(alert.medium), parts.now()),
        age=(alert.closed_at or parts.now()) - alert.onset_at,
        facts=tuple(facts_of(alert, reader)),
        joined=joined_rules(alert),
        meters=(*source.meters, *source.minus),
        spans=tuple((label, _days_before(alert.closed_at or parts.now(), days)) for label, days in _SPANS),
        story=lines_of(alert, entries, reader),
        figures=tuple(e for e in reversed(entries) if e.action is Action.UPDATED),
        episodes=episode_rows(past.episodes_of(alert_id), reader),
        similar=past_alerts(past.similar_to(alert_id, surroundings(reader.site, alert.node)), reader),
        balance=balance_around(alert, reader.site, parts.intervals, to_ms(parts.now())),
        tree=tree_around(alert.node, reader),
        people=people,
        climb=() if parts.duty_desk is None else climb_from(alert.node, people, parts.duty_desk.book(), parts.now()),
        deliveries=parts.records.deliveries_of(alert_id),
        notice=words.gettext(_NOTICES[notice]) if notice in _NOTICES else "",
    )


def _days_before(end: datetime, days: int) -> str:
    """The beginning of a shorter or longer curve, as its address says it."""
    return (end - timedelta(days=days)).astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def _counting(alert: Alert, price: float | None, now: datetime) -> Counting | None:
    if not is_counting(alert, now):
        return None
    return Counting(
        alert.loss_total or 0.0, alert.loss_rate or 0.0, round((now - as_of(alert)) / timedelta(milliseconds=1)), price
    )
