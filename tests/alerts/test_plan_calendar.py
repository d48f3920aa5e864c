"""Planned use as a calendar: changed, ended, taken back, and kept as it was once it is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from alerts.errors import EntryConflictError, RefusedError
from alerts.feedback import FeedbackBook, UnknownPlanError
from alerts.plan_calendar import PlanCalendar
from alerts.values import Actor
from metering.site import PlannedUse

LI, WANG = Actor("li", "127.0.0.1"), Actor("wang")
NOW = np.datetime64("2026-11-20T09:00:00", "ms")


@pytest.fixture
def book(records: Any, clock: Any) -> FeedbackBook:
    return FeedbackBook(records.database, clock)


@pytest.fixture
def calendar(records: Any, clock: Any) -> PlanCalendar:
    return PlanCalendar(records.database, clock)


@pytest.fixture
def pool(clock: Any):
    """Filling the pool, from so many hours from now for so many hours."""

    def use(after: float = 24, hours: float = 12, **more: Any) -> PlannedUse:
        start = clock() + timedelta(hours=after)
        return PlannedUse(**{"node": "gym", "medium": "water", "text": "注水", **more, "start": start,
                             "end": start + timedelta(hours=hours)})  # fmt: skip

    return use


def test_a_change_stands_in_the_place_of_what_was_and_the_rules_hear_of_it(book, calendar, pool, clock):
    plan = book.plan(pool(), LI, 450.0)
    changed = calendar.change(plan.id, pool(48, text="改期"), WANG, 500.0)
    assert book.plans(clock()) == (changed,)
    assert (changed.use.text, changed.expected, changed.who) == ("改期", 500.0, "wang")
    told = book.give_out(0, NOW)
    assert [(w.id, w.replaces, w.use.text) for w in told] == [(1, None, "注水"), (2, 1, "改期")]
    assert [p.id for p in calendar.history(plan.id).plans] == [changed.id, plan.id]
    assert calendar.root_of(changed.id) == plan.id


def test_who_changes_what_another_changed_is_told(book, calendar, pool):
    plan = book.plan(pool(), LI)
    changed = calendar.change(plan.id, pool(48), WANG)
    for act in (lambda: calendar.change(plan.id, pool(), LI), lambda: calendar.end(plan.id, LI)):
        with pytest.raises(EntryConflictError, match="wang changed it") as refused:
            act()
        assert refused.value.version == changed.id
    book.unplan(changed.id, LI)
    with pytest.raises(UnknownPlanError):
        calendar.change(changed.id, pool(), LI)
    history = calendar.history(plan.id)
    assert (len(history.plans), history.withdrawn_by) == (2, "li")


def test_what_goes_on_ends_now_and_what_has_not_begun_is_taken_back(book, calendar, pool, clock):
    running, coming = book.plan(pool(-2), LI), book.plan(pool(24), LI)
    ended = calendar.end(running.id, WANG)
    assert (ended.use.start, ended.use.end) == (running.use.start, clock())
    assert calendar.end(ended.id, WANG) == ended
    assert calendar.end(coming.id, WANG) is None
    assert book.plans(clock() - timedelta(days=9)) == (ended,)


def test_what_has_begun_keeps_its_place_and_begin(book, calendar, pool):
    plan = book.plan(pool(-2), LI)
    longer = calendar.change(plan.id, pool(-2, 30), LI)
    assert longer.use.end - longer.use.start == timedelta(hours=30)
    for other in (pool(-3), pool(-2, node="dorm-2")):
        with pytest.raises(RefusedError, match="has begun"):
            calendar.change(longer.id, other, LI)


def test_what_is_over_stays_as_it_was_but_for_a_slip_of_the_day(book, calendar, pool, clock):
    slip = book.plan(pool(-50, 10), LI)
    book.unplan(slip.id, LI)
    plan = book.plan(pool(1, 2), LI)
    clock.forward(25 * 3600)
    acts = (
        lambda: calendar.change(plan.id, pool(), LI), lambda: calendar.end(plan.id, LI),
        lambda: book.unplan(plan.id, LI),
    )  # fmt: skip
    for act in acts:
        with pytest.raises(RefusedError, match="it is over"):
            act()
    assert calendar.between(plan.use.start, plan.use.end) == (plan,)


def test_a_stretch_shows_what_touches_it(book, calendar, pool, clock):
    first, long, last = (book.plan(pool(*span), LI) for span in ((0, 24), (12, 100), (48, 10)))
    day = timedelta(days=1)
    assert calendar.between(clock(), clock() + day) == (first, long)
    assert calendar.between(clock() + day, clock() + 2 * day) == (long,)
    assert calendar.between(clock() + 2 * day, clock() + 3 * day) == (long, last)


@pytest.mark.parametrize("size", [-1.0, float("nan"), float("inf"), 1e12])
def test_a_size_that_makes_no_sense_is_refused(book, calendar, pool, size):
    with pytest.raises(RefusedError, match="size"):
        book.plan(pool(), LI, size)
    plan = book.plan(pool(), LI)
    with pytest.raises(RefusedError, match="size"):
        calendar.change(plan.id, pool(), LI, size)
