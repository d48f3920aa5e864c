"""Orders against a model: people act with what they saw, the meters come and go, time passes, in any order.

The model knows nothing of rows or of the table of states: it says in its own words what an order must be.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerts.orders.errors import OrderConflictError, OrderStateError
from alerts.orders.hand import Person
from alerts.orders.making import NewOrder
from alerts.orders.orders import Orders
from alerts.orders.states import OrderState
from alerts.orders.values import OrderAction
from alerts.records import Records
from alerts.values import Actor, Outcome
from metering.batch import to_ms
from metering.incident import Category, ChangeKind, Incident, IncidentChange, Severity
from metering.site_document import parse_site

BEGIN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
AGREE_WITHIN = timedelta(hours=48)
OFFICE = Person(Actor("office"), manages=True)
WORKERS = st.sampled_from(["li", "wang"])
SITE = parse_site({"site": {"id": "s", "name": "s", "timezone": "Asia/Shanghai"},
                   "nodes": [{"id": "dorm", "kind": "building"}], "meters": []})  # fmt: skip


@dataclass
class Model:
    """One order as it should be."""

    state: str = "open"
    assignee: str | None = None
    done_at: datetime | None = None
    reopened: int = 0

    @property
    def is_unfinished(self) -> bool:
        return self.state in {"open", "assigned", "in_work", "reopened"}

    def again(self) -> None:
        self.state, self.done_at, self.reopened = "reopened", None, self.reopened + 1


class OrderMachine(RuleBasedStateMachine):
    """One alert and one order of it."""

    @initialize()
    def open(self) -> None:
        self.folder = TemporaryDirectory()
        self.now, self.seq, self.times_back = BEGIN, 1, 0
        self.is_leaking = True
        self.records = Records(f"sqlite:///{Path(self.folder.name) / 'r.db'}", clock=lambda: self.now)
        self.records.migrate()
        self.orders = Orders(self.records.database, lambda: SITE, clock=lambda: self.now)
        self.records.apply([self.change(ChangeKind.RAISED)], 1)
        self.order = self.orders.open(OFFICE, NewOrder(alert_id="leak-0")).id
        self.model = Model()

    def teardown(self) -> None:
        self.records.close()
        self.folder.cleanup()

    def change(self, kind: ChangeKind) -> IncidentChange:
        at = to_ms(self.now)
        return IncidentChange(kind, Incident(
            id=f"leak-{self.times_back}", rule="r", category=Category.LEAK, medium="water", subject="w", node="dorm",
            severity=Severity.WARNING, detected_at=at, onset_at=at - np.timedelta64(1, "h"),
            closed_at=at if kind is ChangeKind.CLEARED else None, observed=1.0, expected=0.0, unit="m3/h",
            loss_rate=1.0, loss_total=1.0, evidence={}, rules_revision="1",
        ), at)  # fmt: skip

    def act(self, is_allowed: bool, act) -> bool:
        """Whether it was done; it is, exactly where the model allows it, and refused work changes nothing."""
        before = self.orders.get(self.order)
        try:
            act()
        except OrderStateError:
            assert not is_allowed, (self.model, before)
            assert self.orders.get(self.order) == before
            return False
        assert is_allowed, (self.model, before)
        return True

    @rule(who=st.one_of(st.none(), WORKERS))
    def assign(self, who: str | None) -> None:
        is_same = who == self.model.assignee and self.model.state != "reopened"
        may = self.model.is_unfinished or is_same
        if self.act(may, lambda: self.orders.assign(self.order, OFFICE, who)) and not is_same:
            self.model.state, self.model.assignee = "assigned" if who else "open", who

    @rule(who=WORKERS)
    def start(self, who: str) -> None:
        is_own = self.model.assignee in (None, who)
        is_at_it = self.model.state == "in_work" and self.model.assignee == who
        may = is_own and (is_at_it or self.model.state in {"open", "assigned", "reopened"})
        if self.act(may, lambda: self.orders.start(self.order, Person(Actor(who)))):
            self.model.state, self.model.assignee = "in_work", who

    @rule(who=WORKERS)
    def finish(self, who: str) -> None:
        is_again = self.model.done_at is not None and self.orders.get(self.order).done_by == who
        may = (self.model.is_unfinished and self.model.assignee in (None, who)) or is_again
        person = Person(Actor(who))
        if self.act(may, lambda: self.orders.finish(self.order, person, Outcome.REPAIRED)) and not is_again:
            self.model.assignee = self.model.assignee or who
            self.model.state, self.model.done_at = "done" if self.is_leaking else "verified", self.now

    @rule()
    def verify(self) -> None:
        """There is an alert: nobody but the meters says so."""
        self.act(False, lambda: self.orders.verify(self.order, OFFICE))

    @rule(rating=st.integers(1, 5))
    def close(self, rating: int) -> None:
        known = self.orders.get(self.order)
        may = self.model.state == "verified" or (self.model.state == "closed" and known.rating == rating)
        if self.act(may, lambda: self.orders.close(self.order, OFFICE, rating)):
            self.model.state = "closed"

    @rule()
    def disagree(self) -> None:
        may = not self.model.is_unfinished or self.model.state == "reopened"
        is_new = self.model.state != "reopened"
        if self.act(may, lambda: self.orders.reopen(self.order, OFFICE, words="no")) and is_new:
            self.model.again()

    @rule()
    def act_on_what_is_stale(self) -> None:
        known = self.orders.get(self.order)
        if known.version > 1 and self.model.is_unfinished:
            with pytest.raises(OrderConflictError) as caught:
                self.orders.finish(self.order, OFFICE, Outcome.FALSE, expected_version=known.version - 1)
            assert caught.value.version == known.version

    @precondition(lambda self: self.is_leaking)
    @rule()
    def clear(self) -> None:
        self.is_leaking, self.seq = False, self.seq + 1
        self.records.apply([self.change(ChangeKind.CLEARED)], self.seq)
        if self.model.state == "done":
            self.model.state = "verified"

    @precondition(lambda self: not self.is_leaking)
    @rule()
    def come_back(self) -> None:
        self.is_leaking, self.seq, self.times_back = True, self.seq + 1, self.times_back + 1
        self.records.apply([self.change(ChangeKind.RAISED)], self.seq)
        assert len(self.records.find_alerts().items) == 1  # the same alert
        if self.model.state in {"verified", "closed"}:
            self.model.again()

    @rule(hours=st.sampled_from([1, 20, 47]))
    def wait(self, hours: int) -> None:
        if not self.is_leaking:
            hours = min(hours, 1)  # else it would come back as another alert
        self.now += timedelta(hours=hours)
        self.records.look_after()
        if self.model.state == "done" and self.now - (self.model.done_at or self.now) >= AGREE_WITHIN:
            self.model.again()

    @invariant()
    def stands_as_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        order = self.orders.get(self.order)
        assert (order.state, order.assignee, order.reopened) == (
            OrderState(self.model.state), self.model.assignee, self.model.reopened,
        )  # fmt: skip
        assert (order.done_at is None) == self.model.is_unfinished
        assert (order.rating is not None) == (self.model.state == "closed")

    @invariant()
    def history_tells_all_of_it(self) -> None:
        if not hasattr(self, "model"):
            return
        events = self.orders.events_of(self.order)
        assert events[0].action is OrderAction.CREATED
        assert events[-1].detail["state"] == self.model.state
        assert sum(e.action is OrderAction.REOPENED for e in events) == self.model.reopened
        versions = [e.detail["version"] for e in events]
        assert versions == sorted(versions)


TestOrders = OrderMachine.TestCase
TestOrders.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
