"""Groups of alerts and their timers, as Alertmanager has them: gather, tell, wait, tell again. Pure.

What is told follows from how an alert stands against what was told of it last, never from the events between: a
notification that was not written before a kill is written after it, and one that was is not written again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alerts.routing.muting import Mute
from alerts.routing.routes import Route
from alerts.values import Alert, NotifyReason
from alerts.weights import is_burst, rank_of, weight_of, worst
from metering.incident import Severity

# What may come as soon as it is true; the rest keeps the group's interval.
_UNGATED = frozenset({NotifyReason.UNANSWERED, NotifyReason.REPEATED})
FIRST = frozenset({NotifyReason.RAISED, NotifyReason.REOPENED})
_BURSTING = FIRST | {NotifyReason.ESCALATED}


@dataclass(frozen=True, slots=True)
class Told:
    """What a group last told of an alert: severity, whether it was active, when first and last, steps asked."""

    severity: Severity
    is_active: bool
    first_at: datetime
    at: datetime
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """An alert in a group: how it stands, what mutes it now, what was told of it (None: nothing)."""

    alert: Alert
    mutes: tuple[Mute, ...] = ()
    told: Told | None = None


@dataclass(frozen=True, slots=True)
class GroupTimes:
    """When the group began to gather and when it last told something."""

    opened_at: datetime
    flushed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class News:
    """Something to tell of an alert; `step` is the escalation step that is asked (1 the first), 0 the route itself."""

    alert: Alert
    reason: NotifyReason
    step: int = 0


@dataclass(frozen=True, slots=True)
class Flush:
    """What a look at a group comes to.

    news     to be told now, bursts first
    members  as they stand after it; those that are over are left out
    due_at   when the group is to be looked at next, None: not before one of its alerts changes
    """

    news: tuple[News, ...]
    members: tuple[Member, ...]
    times: GroupTimes
    due_at: datetime | None
    is_over: bool = field(default=False)


def news_of(member: Member, route: Route, now: datetime) -> News | None:
    """What there is to tell of the member now, if anything."""
    alert, told = member.alert, member.told
    if not is_standing(alert):
        was_told = told is not None and told.is_active and route.tell_cleared
        return News(alert, NotifyReason.CLEARED) if was_told else None
    if member.mutes:
        return None
    if told is None or not told.is_active:
        return None if alert.acknowledged or not alert.is_active else News(alert, first_reason(alert))
    if rank_of(alert.severity) > rank_of(told.severity):
        return News(alert, NotifyReason.ESCALATED)
    return _reminder(alert, told, route, now) if alert.is_active and not alert.acknowledged else None


def is_standing(alert: Alert) -> bool:
    """Whether it is over only once the meters hold still: of one that comes and goes nobody hears at each turn."""
    return alert.is_active or alert.unstable


def first_reason(alert: Alert) -> NotifyReason:
    """Why an alert is told of which nothing was told yet, in this episode."""
    return NotifyReason.REOPENED if alert.reopened else NotifyReason.RAISED


def _reminder(alert: Alert, told: Told, route: Route, now: datetime) -> News | None:
    due = _step_at(told, route)
    if due is not None and due <= now:
        return News(alert, NotifyReason.UNANSWERED, told.steps + 1)
    if route.repeat_s is not None and told.at + timedelta(seconds=route.repeat_s) <= now:
        return News(alert, NotifyReason.REPEATED)
    return None


def _step_at(told: Told, route: Route) -> datetime | None:
    if told.steps >= len(route.steps):
        return None
    return told.first_at + timedelta(seconds=route.steps[told.steps].after_s)


def flush(times: GroupTimes, members: Sequence[Member], route: Route, now: datetime) -> Flush:
    """Look at a group: what is told now, and when to look next."""
    found = [(member, news_of(member, route, now)) for member in members]
    is_open = gate_of(times, (news for _, news in found if news), route) <= now
    told = [news for _, news in found if news and (is_open or news.reason in _UNGATED)]
    chosen = {news.alert.id: news for news in told}
    after = [_after(m, chosen.get(m.alert.id), now) for m in members]
    kept = tuple(m for m in after if not _is_done(m, route))
    flushed = replace(times, flushed_at=now) if any(n.reason not in _UNGATED for n in told) else times
    due = next_look(flushed, kept, route, now)
    return Flush(tuple(sorted(told, key=lambda n: weight_of(n.alert))), kept, flushed, due, is_over=not kept)


def gate_of(times: GroupTimes, news: Iterable[News], route: Route) -> datetime:
    """From when on the group may tell something new: at once with a burst among it."""
    if any(is_burst(n.alert) and n.reason in _BURSTING for n in news):
        return times.opened_at
    if times.flushed_at is None:
        return times.opened_at + timedelta(seconds=route.group_wait_s)
    return times.flushed_at + timedelta(seconds=route.group_interval_s)


def _after(member: Member, news: News | None, now: datetime) -> Member:
    if news is None:
        return member
    alert, told = member.alert, member.told
    if told is None or news.reason in FIRST:
        return replace(member, told=Told(alert.severity, alert.is_active, now, now))
    return replace(
        member,
        told=replace(
            told, severity=worst([told.severity, alert.severity]), is_active=alert.is_active, at=now,
            steps=news.step or told.steps,
        ),
    )  # fmt: skip


def _is_done(member: Member, route: Route) -> bool:
    """Whether nothing can follow: over, and told so where that is told at all."""
    if is_standing(member.alert):
        return False
    return member.told is None or not member.told.is_active or not route.tell_cleared


def next_look(times: GroupTimes, members: Sequence[Member], route: Route, now: datetime) -> datetime | None:
    """The earliest moment at which a look may find something to tell, seen from now."""
    moments = [due for m in members if (due := _look_at(m, times, route, now)) is not None]
    # Never now again: what could be told now was told; a moment that is past belongs to what a gate or mute holds.
    return max(min(moments), now + timedelta(milliseconds=1)) if moments else None


def _look_at(member: Member, times: GroupTimes, route: Route, now: datetime) -> datetime | None:
    if member.alert.is_active and member.mutes:
        ends = [m.until for m in member.mutes if m.until is not None]
        # What another alert explains is looked at by the interval: it stands by itself once that alert is over.
        return max(ends) if len(ends) == len(member.mutes) else now + timedelta(seconds=route.group_interval_s)
    news = news_of(member, route, now)
    if news is not None and news.reason not in _UNGATED:
        return gate_of(times, (news,), route)
    told = member.told
    if news is not None or told is None or member.alert.acknowledged or not member.alert.is_active:
        return now if news is not None else None
    repeat = None if route.repeat_s is None else told.at + timedelta(seconds=route.repeat_s)
    return min((t for t in (_step_at(told, route), repeat) if t is not None), default=None)
