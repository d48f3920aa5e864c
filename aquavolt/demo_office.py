"""The demo's people: accounts, and what they did about reports and alerts while the history went on.

So that work orders, scorecards, figures and the patrol have something to show. Written through the same parts as every
act, with the clock at the moment when it was done. Nobody is told of anything: it lies in the past.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from operator import itemgetter

from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.orders import Orders
from alerts.orders.patrol import way_to
from alerts.orders.patrols import Patrols
from alerts.orders.pictures import take_picture
from alerts.orders.ticks import NewTick, TickResult
from alerts.orders.values import PhotoStage
from alerts.playbook import Playbook
from alerts.records import Records
from alerts.users.passwords import CHEAP
from alerts.users.users import users_of
from alerts.values import Actor, Alert, AlertFilter, AlertState, Outcome
from aquavolt.demo_stories import BILLED, IN_WORK, LOCKED, MENDED, OFFICE, PEOPLE, PLUMBERS, REPORTED, Story
from metering.incident import Category
from metering.site import Site
from simulators.photos import pipe_photo

_BEFORE = timedelta(days=36)
_LOOKED_AT = 4


class DemoOffice:
    """Fills a records database once."""

    def __init__(self, records: Records, site: Site, playbook: Playbook | None, now: datetime) -> None:
        self._records, self._site, self._now, self._at = records, site, now, now
        self._orders = Orders(records.database, lambda: site, playbook, self._clock)
        self._office = Person(Actor(OFFICE, "demo"), manages=True)

    def fill(self) -> None:
        """All of it; where there is an account already, nothing."""
        users = users_of(self._records.database, self._clock, CHEAP)
        if users.accounts.are_there():
            return
        self._at = self._now - _BEFORE
        for name, role in PEOPLE.items():
            users.accounts.add(name, role, ("*",), Actor("demo", "demo"))
        open_alerts = self._alerts(AlertState.ACTIVE)
        acts: list[tuple[datetime, Callable[[], object]]] = [
            (self._now - timedelta(days=story.days_ago), partial(self._tell, story)) for story in REPORTED
        ]
        acts += [
            (alert.detected_at, partial(self._settle, alert, PLUMBERS[i % len(PLUMBERS)]))
            for i, alert in enumerate(self._alerts(AlertState.CLEARED))
        ]
        leaks = (a for a in open_alerts if a.category is Category.LEAK and self._kind_of(a.node) == "floor")
        acts += [(alert.detected_at, partial(self._begin, alert, PLUMBERS[0])) for alert in islice(leaks, 1)]
        for _, act in sorted(acts, key=itemgetter(0)):
            act()
        self._walk(open_alerts)

    def _kind_of(self, node: str) -> str:
        return self._site.nodes[node].kind if node in self._site.nodes else ""

    def _alerts(self, state: AlertState) -> tuple[Alert, ...]:
        """As they were found, the latest first."""
        return self._records.find_alerts(AlertFilter(state=state), limit=100).items

    def _tell(self, story: Story) -> None:
        """What was reported, and all that became of it."""
        at = self._now - timedelta(days=story.days_ago)
        photos = () if story.photo is None else (take_picture(pipe_photo(story.photo, is_leaking=True)),)
        self._at = at
        report = self._orders.report(story.node, story.words, story.spot, "zh-CN", photos)
        self._at = at + timedelta(minutes=25)
        if story.dismissed:
            self._orders.dismiss_report(report.id, self._office.actor, story.dismissed)
        if not story.assignee:
            return
        order = self._orders.open(self._office, NewOrder(report_id=report.id, assignee=story.assignee)).id
        worker = Person(Actor(story.assignee, "demo"))
        for i, attempt in enumerate(story.tries):
            if i:
                self._orders.reopen(order, self._office, words=story.reopened_for)
            self._at = at + timedelta(hours=attempt.start_h)
            self._orders.start(order, worker)
            self._orders.check(order, worker, 0)
            if attempt.done_h is None:
                return
            self._finish(order, worker, at + timedelta(hours=attempt.done_h), attempt.note, story.photo, attempt.cost)
        if story.rating is not None:
            self._orders.verify(order, self._office)
            self._orders.close(order, self._office, story.rating, words=story.praise)

    def _finish(
        self, order: int, worker: Person, at: datetime, note: str, photo: int | None, cost: float | None
    ) -> None:
        self._at = min(at, self._now) - timedelta(minutes=5)
        for line in range(1, len(self._orders.get(order).checklist)):
            self._orders.check(order, worker, line)
        if photo is not None:
            mended = take_picture(pipe_photo(photo, is_leaking=False))
            self._orders.add_photo(order, worker, mended, PhotoStage.CLOSING)
        self._at = min(at, self._now)
        self._orders.finish(order, worker, Outcome.REPAIRED, words=note, cost=cost)
        self._at = min(at + timedelta(hours=2), self._now)

    def _settle(self, alert: Alert, plumber: str) -> None:
        """An alert that the meters cleared: who mended it, soon after."""
        if alert.closed_at is None:
            return
        order, worker = self._begin(alert, plumber)
        kind = alert.category.value
        self._finish(order, worker, alert.closed_at + timedelta(minutes=10), MENDED[kind], None, BILLED.get(kind))
        self._orders.close(order, self._office, 5)

    def _begin(self, alert: Alert, plumber: str) -> tuple[int, Person]:
        """An order of the alert that somebody took; what was found so far where it is still there."""
        worker = Person(Actor(plumber, "demo"))
        self._at = alert.detected_at + timedelta(minutes=15)
        order = self._orders.open(self._office, NewOrder(alert_id=alert.id)).id
        self._at = alert.detected_at + timedelta(minutes=40)
        self._orders.start(order, worker)
        self._orders.check(order, worker, 0)
        if alert.state is AlertState.ACTIVE:
            self._orders.note(order, worker, IN_WORK)
        return order, worker

    def _walk(self, alerts: tuple[Alert, ...]) -> None:
        """The last patrol: all as it was, but for one that could not be reached."""
        patrols = Patrols(self._records.database, self._clock)
        seen = sorted(alerts, key=lambda alert: way_to(self._site, alert.node))[:_LOOKED_AT]
        for i, alert in enumerate(seen):
            self._at = self._now - timedelta(hours=3, minutes=-10 * i)
            name = str(uuid.uuid5(uuid.NAMESPACE_OID, f"demo-tick-{alert.id}"))
            result = TickResult.NO_ACCESS if i == _LOOKED_AT - 1 else TickResult.PROBLEM
            words = LOCKED if result is TickResult.NO_ACCESS else ""
            tick = NewTick(name, f"alert:{alert.id}", alert.node, self._at, result, words)
            patrols.put(tick, Actor(PLUMBERS[1], "demo"))

    def _clock(self) -> datetime:
        return self._at
