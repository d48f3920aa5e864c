"""People, the platform's words and its mirror on the same orders at the same moment: nobody is turned away for it.

On PostgreSQL each of these waited for the other in a circle once, until the server ended one of them.
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import text

from alerts.desk_policy import DEFAULT
from alerts.messages import MessageWriter
from alerts.orders.hand import OrderHand, Person
from alerts.orders.making import NewOrder
from alerts.orders.orders import Orders
from alerts.orders.states import OrderState
from alerts.orders.values import OrderAction
from alerts.platform.document import DocumentWriter
from alerts.platform.feed import PlatformFeed
from alerts.platform.inbox import EventReusedError, Inbox
from alerts.platform.mapping import Receive, with_preset
from alerts.platform.models import WantedPhotoRow
from alerts.platform.photos import PhotoTaker, WantedPhotos
from alerts.playbook import shipped_playbook
from alerts.records import Records
from alerts.rows import ms_of
from alerts.values import Actor, Outcome
from metering.site_document import parse_site

SITE = parse_site(
    {
        "site": {"id": "t", "name": "t", "timezone": "Asia/Shanghai"},
        "nodes": [{"id": "dorm-2", "kind": "building", "name": "梅园2号楼"}],
    }
)
OFFICE = Person(Actor("office", "test"), manages=True)


@pytest.fixture
def orders(records: Records, clock: Any) -> Orders:
    return Orders(records.database, lambda: SITE, clock=clock)


@pytest.fixture
def inbox(records: Records, clock: Any) -> Inbox:
    receive = Receive.model_validate(with_preset({})["receive"])
    return Inbox(records.database, receive, lambda: UTC, PhotoTaker(frozenset({"photos"})), clock)


@pytest.fixture
def feed(records: Records, inbox: Inbox, clock: Any) -> PlatformFeed:
    messages = MessageWriter(lambda: SITE, "http://here", clock, shipped_playbook())
    writer = DocumentWriter(lambda: SITE, "http://here", messages)
    made = PlatformFeed(records.database, writer, frozenset(OrderAction), inbox.settle, clock)
    made.begin()
    return made


def opened(orders: Orders, number: int) -> list[int]:
    return [orders.open(OFFICE, NewOrder(node="dorm-2", title=f"order {n}")).id for n in range(number)]


def wait_for_a_waiter(records: Records) -> None:
    """Until somebody waits for a lock; on SQLite the second writer waits before it has any."""
    deadline = time.monotonic() + 20
    while not records.database.is_sqlite:
        with records.database.reading() as session:
            if session.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
                return
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def while_somebody_notes(records: Records, clock: Any, order: int, meanwhile: Callable[[], Any]) -> Iterator[list[Any]]:
    """Somebody has the order and then writes a note; in between the other one began."""
    found: list[Any] = []

    def other() -> None:
        try:
            found.append(meanwhile())
        except Exception as error:  # noqa: BLE001 - the test says what it was
            found.append(error)

    thread = threading.Thread(target=other)
    with records.database.writing() as session:
        hand = OrderHand(session, OFFICE, "I was there", ms_of(clock()), DEFAULT)
        hand.seen(order)
        thread.start()
        wait_for_a_waiter(records)
        hand.note(order)
    thread.join(30)
    yield found


def said(order: int, event: str, **more: Any) -> bytes:
    return json.dumps({"id": f"{event}-{order}", "event": event, "order": order, "note": "there", **more}).encode()


@pytest.mark.parametrize("event", ["noted", "started", "done", "closed"])
def test_the_platform_speaks_of_an_order_that_somebody_has(records, orders, inbox, clock, event):
    (order,) = opened(orders, 1)
    with while_somebody_notes(records, clock, order, lambda: inbox.take(said(order, event))) as found:
        assert found[0].answer["result"] == "applied", found
    notes = [e.actor for e in orders.events_of(order) if e.text]
    assert notes[0] == "office"
    assert notes[-1] == "repair-platform"


def test_an_event_that_comes_twice_is_done_once(orders, inbox):
    (order,) = opened(orders, 1)
    first = inbox.take(said(order, "noted"))
    again = inbox.take(said(order, "noted"))
    assert (first.is_repeat, again.is_repeat, again.answer) == (False, True, first.answer)
    with pytest.raises(EventReusedError):
        inbox.take(said(order, "noted", note="another"))
    assert [e.action for e in orders.events_of(order)].count(OrderAction.NOTED) == 1


def test_messages_are_written_of_orders_that_somebody_has(records, orders, feed, clock):
    made = opened(orders, 3)
    with while_somebody_notes(records, clock, made[-1], feed.turn) as found:
        assert found == [True]


def test_what_the_platform_closed_is_settled_while_somebody_has_it(records, orders, inbox, feed, rules, clock):
    first, other = (orders.open(OFFICE, NewOrder(alert_id=name)).id for name in leaks(records, rules))
    for order in (first, other):
        inbox.take(said(order, "closed"))
        assert orders.get(order).state is OrderState.DONE
    records.apply([rules.cleared("leak-1"), rules.cleared("leak-2")], 2)
    records.look_after()
    with while_somebody_notes(records, clock, other, feed.turn) as found:
        assert found == [True]
    assert {orders.get(order).state for order in (first, other)} == {OrderState.CLOSED}


def leaks(records: Records, rules: Any) -> tuple[str, str]:
    records.apply([rules.raised("leak-1"), rules.raised("leak-2", node="dorm-3", subject="W-D3")], 1)
    return "leak-1", "leak-2"


def test_a_photo_comes_in_of_an_order_that_somebody_has(records, orders, clock):
    (order,) = opened(orders, 1)
    photo = io.BytesIO()
    Image.new("RGB", (8, 8)).save(photo, "JPEG")
    wanted = WantedPhotos(records.database)
    with records.database.writing() as session:
        session.add(
            WantedPhotoRow(order_id=order, url="http://photos/1", state="pending", attempts=0, due_ms=0, last_error="")
        )
    first = wanted.next(clock())
    assert first is not None
    with while_somebody_notes(records, clock, order, lambda: wanted.keep(first, photo.getvalue(), clock())) as found:
        assert found == [None]
    assert orders.get(order).photos == 1
    assert orders.finish(order, OFFICE, Outcome.REPAIRED).version > 1
