"""The repair platform: both sides on real sockets, and everything a platform and a network do badly."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from mirrored import OFFICE, SECRET, meters_agree, mirrored
from PIL import Image
from sqlalchemy import select

import aquavolt
from alerts.orders.making import NewOrder
from alerts.orders.orders import Orders
from alerts.orders.states import OrderState
from alerts.orders.values import OrderAction
from alerts.platform.models import WantedPhotoRow
from alerts.platform.signing import sign
from alerts.platform.values import PLATFORM, Placing, SentState
from alerts.values import Actor, Outcome
from api.platform.refusals import FORGED

CHEN = Actor("chen", "test")


@pytest.fixture
def both(records, make, listen):
    with mirrored(records, make, listen) as found:
        yield found


def opened(both, **new):
    """An order of the leak at dorm-1, told to the platform."""
    order = both.open(alert_id=new.pop("alert_id", "floor"), **new)
    both.work()
    return order, both.number(order)


def states(both):
    return [sent.state for sent in both.mirror.desk.sent()]


def actions(both, order):
    return [event.action for event in both.orders.events_of(order)]


def told(both):
    (order,) = both.simulator.orders()
    return [message["event"] for message in order["taken"]]


# -- out --------------------------------------------------------------------------------------------------------


def test_an_order_and_what_becomes_of_it_are_told_in_order_and_the_number_is_kept(both):
    order, number = opened(both, assignee="wang")
    both.orders.note(order, OFFICE, "钥匙在值班室")
    both.orders.finish(order, OFFICE, Outcome.REPAIRED)
    both.work()
    assert number == "BX-00001"
    assert told(both) == ["created", "noted", "done"]
    (theirs,) = both.simulator.orders()
    first = theirs["taken"][0]["order"]
    assert (first["place"], first["status"], first["urgency"]) == ("dorm-1-f2", "assigned", "urgent")
    assert "2层" in first["title"]["zh"]
    assert first["text"]["en"] != first["text"]["zh"]
    assert [m["order"]["number"] for m in theirs["taken"]] == [None, number, number]
    assert theirs["said_by_them"] == "done"
    assert set(states(both)) == {SentState.DELIVERED}


def test_what_was_before_there_was_a_platform_is_told_only_when_asked_for(records, make, listen):
    old = Orders(records.database, make().parts.site).open(OFFICE, NewOrder(alert_id="floor")).id
    with mirrored(records, make, listen) as both:
        both.work()
        assert both.simulator.orders() == []
        both.orders.note(old, OFFICE, "now there is one")
        both.work()
        assert told(both) == ["noted"]
        assert both.mirror.desk.replay_order(old, CHEN) == 2
        both.work()
        assert told(both) == ["noted", "created"]
        assert both.simulator.state()["repeats"] == 1


def test_a_platform_that_is_down_for_a_day_loses_nothing_and_keeps_the_order(both):
    both.simulator.faults(down=True)
    orders = [both.open(node="dorm-1", title=f"order {i}") for i in range(3)]
    for order in orders:
        both.orders.note(order, OFFICE, "first")
        both.orders.note(order, OFFICE, "second")
    both.work_until(lambda: both.mirror.status.failures >= 5)
    assert set(states(both)) == {SentState.PENDING}
    assert both.simulator.orders() == []
    both.simulator.faults()
    both.work_until(lambda: set(states(both)) == {SentState.DELIVERED})
    notes = [[m["note"] for m in order["taken"]] for order in both.simulator.orders()]
    assert notes == [["", "first", "second"]] * 3


def test_killed_between_the_answer_and_its_mark_the_message_is_sent_again_with_its_id(both, records):
    """`kill -9` of a program of its own: the platform hears it twice, and has one order."""
    order = both.open(node="dorm-1", title="a tap runs")
    program = [sys.executable, str(Path(__file__).parent / "killed_mirror.py"), str(records.database.engine.url)]
    path = os.pathsep.join([str(Path(aquavolt.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    endings = [
        subprocess.run([*program, both.simulator.url, point], env=environment, timeout=200, check=False).returncode
        for point in ("answered", "none")
    ]
    assert endings == [-signal.SIGKILL, 0]
    (theirs,) = both.simulator.orders()
    assert (len(theirs["taken"]), both.simulator.state()["repeats"]) == (1, 1)
    assert both.number(order) == theirs["number"]
    assert states(both) == [SentState.DELIVERED]


@pytest.mark.parametrize(
    "fault", [{"error": 503}, {"error": 429}, {"error": 403}, {"down": True}, {"lose_answer": True}]
)
def test_what_fails_is_tried_again_with_the_same_id(both, fault):
    both.simulator.faults(**fault, times=2)
    order = both.open(node="dorm-1", title="a tap runs")
    both.work_until(lambda: both.number(order) != "")
    (theirs,) = both.simulator.orders()
    assert len(theirs["taken"]) == 1
    assert both.simulator.state()["repeats"] == (2 if "lose_answer" in fault else 0)


def test_a_slow_platform_is_given_up_and_asked_again(records, make, listen):
    with mirrored(records, make, listen, timeout_s=0.3) as both:
        both.simulator.faults(slow_s=1.0, times=1)
        order = both.open(node="dorm-1", title="a tap runs")
        both.work_until(lambda: both.number(order) != "")
        assert len(both.simulator.orders()) == 1


def test_a_message_that_is_refused_for_good_does_not_hold_up_the_next_and_is_sent_again_by_hand(both):
    both.simulator.faults(error=422, times=1)
    order = both.open(node="dorm-1", title="a tap runs")
    both.orders.note(order, OFFICE, "a second message")
    both.work()
    assert [(s.event, s.state) for s in both.mirror.desk.sent()] == [
        (OrderAction.NOTED, SentState.DELIVERED), (OrderAction.CREATED, SentState.FAILED),
    ]  # fmt: skip
    failed = both.mirror.desk.sent(state=SentState.FAILED)[0]
    assert "422" in failed.last_error
    answer = both.served.client.post("/api/v1/platform/replay", json={"message": failed.id})
    assert answer.json() == {"messages": 1}
    both.work()
    again = both.mirror.desk.sent()[-1]
    assert (again.id, again.state, again.replays) == (failed.id, SentState.DELIVERED, 1)


def test_a_range_is_sent_again_and_changes_nothing_over_there(both):
    order, _ = opened(both)
    both.orders.note(order, OFFICE, "one more")
    both.work()
    asked = {"since": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"}
    assert both.served.client.post("/api/v1/platform/replay", json=asked).json() == {"messages": 2}
    both.work()
    assert told(both) == ["created", "noted"]
    assert both.simulator.state()["repeats"] == 2


# -- in ---------------------------------------------------------------------------------------------------------


def test_the_platforms_word_is_done_and_closed_waits_for_the_meters(both, records):
    order, number = opened(both)
    both.simulator.act(number, "assigned", person="somebody of theirs")
    assert (both.orders.get(order).state, both.orders.get(order).assignee) == (OrderState.ASSIGNED, PLATFORM)
    both.simulator.act(number, "started")
    assert both.orders.get(order).state is OrderState.IN_WORK
    answer = both.simulator.act(number, "closed", note="换了角阀", rating=5, cost=128.5)["answer"]
    assert (answer["result"], answer["state"], answer["awaits"]) == ("applied", "done", "meters")
    both.work()
    assert told(both)[-1] == "done", "the platform is told that its closed awaits the meters"
    assert both.simulator.orders()[0]["said_by_them"] == "done"
    meters_agree(records, "floor")
    both.work()
    closed = both.orders.get(order)
    assert (closed.state, closed.closed_by, closed.rating) == (OrderState.CLOSED, PLATFORM, 5)
    assert closed.cost == 128.5
    both.simulator.act(number, "rated", rating=4, cost=130)
    assert both.orders.get(order).cost == 130
    assert told(both)[-1] == "verified"
    assert "换了角阀" in [event.text for event in both.orders.events_of(order)]


def test_an_order_without_an_alert_is_closed_by_the_platforms_word(both):
    order = both.open(node="dorm-1", title="a tap runs")
    both.work()
    answer = both.simulator.act(both.number(order), "closed")["answer"]
    assert (answer["state"], answer["awaits"]) == ("closed", None)
    both.work()
    assert told(both) == ["created"], "of its own acts the platform hears nothing"


def test_a_conflict_ends_as_the_platform_says_and_the_history_says_what_was_overridden(both):
    order = both.open(node="dorm-1", title="a tap runs", assignee="li")
    both.work()
    both.orders.finish(order, OFFICE, Outcome.REPAIRED)
    both.simulator.act(both.number(order), "started")
    assert both.orders.get(order).state is OrderState.IN_WORK
    (overridden,) = [e for e in both.orders.events_of(order) if e.action is OrderAction.REOPENED]
    assert overridden.actor == PLATFORM
    assert "office said that it is done" in overridden.text


def test_what_somebody_of_theirs_has_done_is_the_work_of_their_account_here(records, make, listen):
    receive = {"people": {"1007": "pipes"}}
    with mirrored(records, make, listen, receive=receive) as both:
        order, number = opened(both)
        both.simulator.act(number, "closed", person="1007")
        done = both.orders.get(order)
        assert (done.assignee, done.done_by) == ("pipes", PLATFORM)
        assert done.assigned_at is not None, "so that it stands on the contractor's card"
        assert records.get_alert("floor").assigned_to == "pipes"


def test_a_report_without_words_has_a_title_over_there(both):
    report = both.orders.report("dorm-1", "", "", "zh-CN")
    both.open(report_id=report.id)
    both.work()
    assert both.simulator.orders()[0]["title"] == "漏水报修"


def test_a_rejected_order_is_nobodys(both):
    order, number = opened(both, assignee="wang")
    both.simulator.act(number, "rejected", note="不在我们的范围")
    assert (both.orders.get(order).assignee, both.orders.get(order).state) == (None, OrderState.OPEN)


@pytest.mark.parametrize("deed", ["forged", "stale"])
def test_what_is_forged_or_old_is_refused_and_changes_nothing(both, deed):
    order, number = opened(both)
    before = both.orders.get(order)
    assert both.simulator.misdeed(number, deed) == [401]
    assert both.orders.get(order) == before
    assert both.mirror.desk.received() == []
    assert both.served.client.get("/api/v1/platform").json()["refused"] == 1


def test_an_event_twice_and_a_replayed_request_are_answered_as_before(both):
    order, number = opened(both)
    assert both.simulator.misdeed(number, "duplicate") == [200, 200]
    assert both.simulator.misdeed(number, "replayed") == [200]
    assert actions(both, order).count(OrderAction.NOTED) == 1
    first, second = [t["answer"] for t in both.simulator.orders()[0]["told"]]
    assert first == second


def test_events_count_by_the_platforms_time(both):
    order, number = opened(both)
    assert both.simulator.misdeed(number, "out_of_order") == [200, 200]
    assert both.orders.get(order).state is OrderState.DONE
    late, done = both.mirror.desk.received()
    assert (late.placing, done.placing) == (Placing.LATE, Placing.APPLIED)


def test_what_was_said_before_the_work_was_done_here_does_not_undo_it(both):
    order, number = opened(both, assignee="li")
    minute_ago = datetime.now(UTC) - timedelta(minutes=1)
    both.orders.finish(order, OFFICE, Outcome.REPAIRED)
    said = {"number": number, "at": minute_ago.isoformat(), "person": "9527", "note": "师傅在路上"}
    for event in ("assigned", "started", "rejected"):
        answer = post(both, json.dumps(said | {"id": event, "event": event}).encode())
        assert answer.json()["result"] == "late", event
    assert both.orders.get(order).state is OrderState.DONE
    assert actions(both, order).count(OrderAction.NOTED) == 3
    assert post(both, json.dumps(said | {"id": "r", "event": "reopened"}).encode()).json()["result"] == "applied"
    assert both.orders.get(order).state is OrderState.REOPENED


@pytest.mark.parametrize("deed", ["unknown_order", "unknown_event"])
def test_what_cannot_be_placed_is_kept_where_people_see_it(both, deed):
    _, number = opened(both)
    assert both.simulator.misdeed(number, deed) == [202]
    (event,) = both.mirror.desk.received(placing=Placing.UNPLACED)
    assert event.reason
    aside = both.served.client.post("/api/v1/platform/received/place", json={"event": event.id, "act": "aside"})
    assert aside.json()["placing"] == "set_aside"
    again = both.served.client.post("/api/v1/platform/received/place", json={"event": event.id, "act": "again"})
    assert again.status_code == 422


def test_an_event_under_a_number_that_was_lost_with_the_answer_is_placed_once_the_number_is_known(both):
    both.simulator.faults(lose_answer=True, times=1)
    order = both.open(node="dorm-1", title="a tap runs")
    both.mirror.step()
    (theirs,) = both.simulator.orders()
    assert both.simulator.act(theirs["number"], "started")["answered"] == 202
    assert both.orders.get(order).state is OrderState.OPEN
    both.work_until(lambda: both.number(order) != "")
    assert both.orders.get(order).state is OrderState.IN_WORK
    assert both.mirror.desk.received(placing=Placing.UNPLACED) == []


# -- requests made by hand ----------------------------------------------------------------------------------------


def post(both, body: bytes, **headers: str) -> httpx.Response:
    stamp = str(int(time.time()))
    usual = {
        "Content-Type": "application/json", "X-AquaVolt-Timestamp": stamp,
        "X-AquaVolt-Signature": sign(SECRET, stamp, body),
    }  # fmt: skip
    return httpx.post(f"{both.address}/api/v1/platform/events", content=body, headers=usual | headers, timeout=30)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"no json", 422), (b"[1]", 422), (b'"x"', 422), (b'{"id": "\\u0000"}', 422), (b"{}", 202), (b"\xff", 422),
     (b"[" * 100_000, 422), (b'{"a":' * 60 + b"1" + b"}" * 60, 422),
     (b'{"event": {"a": 1}, "at": [], "rating": {}}', 202),
     (b'{"event": "closed", "order": 10000000000000000000, "number": []}', 202),
     (b'{"event": "closed", "number": "BX-00001", "at": 1e400}', 422)],
)  # fmt: skip
def test_odd_bodies_get_a_clear_answer(both, body, status):
    opened(both)
    answer = post(both, body)
    assert answer.status_code == status, answer.text
    assert answer.json().get("detail") or answer.json().get("reason")


def test_the_same_id_with_another_content_is_refused(both):
    _, number = opened(both)
    event = {"id": "e1", "event": "noted", "number": number, "note": "a"}
    assert post(both, json.dumps(event).encode()).status_code == 200
    assert post(both, json.dumps(event | {"note": "b"}).encode()).status_code == 409


@pytest.mark.parametrize(
    "headers",
    [{"X-AquaVolt-Signature": ""}, {"X-AquaVolt-Timestamp": "soon"}, {"X-AquaVolt-Signature": "sha256=00"},
     {"X-AquaVolt-Timestamp": "9" * 40}],
)  # fmt: skip
def test_a_request_that_is_not_signed_well_is_refused(both, headers):
    assert post(both, b"{}", **headers).status_code == 401
    assert both.mirror.desk.received() == []


def test_who_forges_many_is_not_read_for_a_while_and_the_platform_is_never_kept_out_by_its_own(both):
    now = [0.0]
    both.served.parts.repair_platform.refusals.forgers.monotonic = lambda: now[0]
    for _ in range(FORGED.burst + 5):  # what is signed well costs nothing
        assert post(both, b"{}").status_code == 202
    forged = {"X-AquaVolt-Signature": "sha256=00"}
    assert {post(both, b"{}", **forged).status_code for _ in range(FORGED.burst)} == {401}
    answer = post(both, b" " * (9 << 20), **forged)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    now[0] = 1.9
    assert post(both, b"{}").status_code == 429
    now[0] = 2.0
    assert post(both, b"{}").status_code == 202
    assert both.served.parts.repair_platform.refusals.total == FORGED.burst


def test_a_body_without_end_is_not_read(both):
    assert post(both, b" " * (9 << 20)).status_code == 413


def test_a_clock_that_runs_ahead_does_not_shut_out_what_comes_after(both):
    order, number = opened(both)
    for event, at in (("started", "2099-01-01T00:00:00Z"), ("done", None)):
        said = {"id": event, "event": event, "number": number} | ({"at": at} if at else {})
        assert post(both, json.dumps(said).encode()).json()["result"] == "applied"
    assert both.orders.get(order).state is OrderState.DONE


def test_a_picture_in_the_event_is_kept_and_an_address_is_not_fetched(both):
    order, number = opened(both)
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), "navy").save(picture, "PNG")
    inline = "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()
    photos = [inline, "http://169.254.169.254/latest/meta-data", "no picture", "data:image/png;base64,AAAA"]
    said = {"id": "p", "event": "done", "number": number, "photos": photos, "note": "done"}
    answer = post(both, json.dumps(said).encode()).json()
    assert answer["result"] == "applied"
    assert re.findall(r"photo \d", answer["reason"]) == ["photo 2", "photo 3", "photo 4"]
    (photo,) = both.orders.photos_of(order)
    assert both.orders.photo_content(photo.id).startswith(b"\xff\xd8\xff")


def test_a_photo_is_fetched_from_a_host_that_is_allowed(records, make, listen, tmp_path):
    Image.new("RGB", (64, 48), "navy").save(tmp_path / "a.jpg", "JPEG")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        with mirrored(records, make, listen, photos_from=["127.0.0.1"]) as both:
            order, number = opened(both)
            url = f"http://127.0.0.1:{server.server_address[1]}/a.jpg"
            both.mirror.desk.inbox.take(
                json.dumps({"id": "p", "event": "done", "number": number, "photos": [url]}).encode()
            )
            both.work()
            (photo,) = both.orders.photos_of(order)
            assert (photo.width, photo.height, photo.by) == (64, 48, PLATFORM)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:x/a.jpg", "http://127.0.0.1:99999999/a", "http://127.0.0.1/\x7f", "http://127.0.0.1\t/"]
)
def test_an_address_that_is_none_stops_nothing(records, make, listen, url):
    with mirrored(records, make, listen, photos_from=["127.0.0.1"]) as both:
        order, number = opened(both)
        said = {"id": "p", "event": "noted", "number": number, "photos": [url]}
        assert both.mirror.desk.inbox.take(json.dumps(said).encode()).answer["result"] == "applied"
        both.orders.note(order, OFFICE, "still there")
        both.work()
        assert told(both) == ["created", "noted"]


def test_a_photo_that_trickles_in_is_given_up_and_holds_up_no_message(records, make, listen):
    class Trickle(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while not stopped.wait(0.05):
                    self.wfile.write(b"\xff")

        def log_message(self, *_):
            pass

    stopped = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trickle)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        with mirrored(records, make, listen, photos_from=["127.0.0.1"], timeout_s=0.5) as both:
            order, number = opened(both)
            url = f"http://127.0.0.1:{server.server_address[1]}/a.jpg"
            said = {"id": "p", "event": "noted", "number": number, "photos": [url]}
            both.mirror.desk.inbox.take(json.dumps(said).encode())
            both.orders.note(order, OFFICE, "still there")
            both.work()
            with records.database.reading() as session:
                (wanted,) = session.scalars(select(WantedPhotoRow))
            assert "too slowly" in wanted.last_error
            assert told(both) == ["created", "noted"]
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


# -- the page -----------------------------------------------------------------------------------------------------


def page_of(both, path="/repair-platform", language="en", **form):
    headers = {"Accept": "text/html", "Accept-Language": language}
    ask = both.served.client.post if form else both.served.client.get
    return ask(path, headers=headers, **({"data": form} if form else {}))


def test_the_page_shows_messages_events_and_what_is_not_placed(both):
    order, number = opened(both)
    both.simulator.misdeed(number, "unknown_event")
    both.simulator.act(number, "closed")
    both.simulator.misdeed(number, "forged")
    text = page_of(both).text
    for words in (number, "teleported", "Not placed", "the signature is not of this body"):
        assert words in text, words
    both.work()
    assert "done, awaits the meters" in page_of(both).text
    assert "已完工，待表计确认" in page_of(both, language="zh-CN").text
    assert "It has said nothing yet." in page_of(both, f"/repair-platform?order={order + 1}").text


def test_the_page_sends_again_and_says_what_is_wrong(both):
    order, _ = opened(both)
    assert page_of(both, "/repair-platform/replay", order=str(order)).headers["Location"] == "/repair-platform?again=1"
    both.work()
    assert both.simulator.state()["repeats"] == 1
    for form in ({"order": "999"}, {"order": "x"}, {"since": "2026-01-01T00:00"}, {"message": "none"}):
        answer = page_of(both, "/repair-platform/replay", **form)
        assert answer.status_code == 422, form
        assert 'role="alert"' in answer.text
    span = {"since": "2020-01-01T00:00", "until": "2098-01-01T00:00"}
    assert page_of(both, "/repair-platform/replay", **span).status_code == 303


def test_the_orders_own_page_says_what_the_platform_calls_it_and_that_closed_awaits_the_meters(both):
    order, number = opened(both)
    both.simulator.act(number, "closed")
    text = page_of(both, f"/orders/{order}").text
    assert number in text
    assert "closed there; here the meters have not confirmed it yet" in text
    meters_agree(both.records, "floor")
    both.work()
    assert "the meters have not confirmed it yet" not in page_of(both, f"/orders/{order}").text


def test_without_a_platform_the_page_says_so(make):
    served = make(repair_platform=None)
    assert "repair_platform" in served.client.get("/repair-platform", headers={"Accept": "text/html"}).text
    assert served.client.get("/api/v1/platform").status_code == 503
    headers = {"Content-Type": "application/json"}
    assert served.client.post("/api/v1/platform/events", content=b"{}", headers=headers).status_code == 503
