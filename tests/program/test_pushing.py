"""A collector's journal to `watch` over a real socket: each entry once, whatever goes wrong in between."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from api.stream import EventStream
from aquavolt.http_server import listen, serving
from aquavolt.pushing.coverage import CURSOR as STORED
from aquavolt.pushing.intake import POSTED, Intake
from aquavolt.pushing.link import HttpLink, LinkError, headers_of
from aquavolt.pushing.pusher import Pusher, PusherParts
from aquavolt.pushing.reports import told_of
from aquavolt.pushing.server import ServerParts, create_server
from aquavolt.pushing.wire import Hello, PushHeader, WatchState, encode_push
from collector.counts import Counts
from collector.journal import Journal
from metering.batch import ReadingBatch, batch_of
from metering.entries import Tick
from metering.site_document import parse_site

START = np.datetime64("2026-11-01T00:00", "ms")
MINUTE = np.timedelta64(1, "m")
TOKEN = "secret"  # noqa: S105
SITE = parse_site(
    {
        "site": {"id": "campus", "name": "Campus", "timezone": "Asia/Shanghai"},
        "meters": [{"id": "a", "medium": "water"}, {"id": "b", "medium": "water"}],
    }
)


def readings(*meters: str, minute: int = 0) -> ReadingBatch:
    return batch_of(meters, range(len(meters)), 60, START + minute * MINUTE, [float(minute)] * len(meters))


def tick(minute: int) -> Tick:
    return Tick(START + minute * MINUTE)


class Server:
    """An intake on a socket, in a thread of its own; can be stopped and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self.journal = Journal(self._folder / "watch.db", readers=("stream", STORED))
        self.intake = Intake(self.journal, lambda: SITE, lambda: START)
        listening = listen("127.0.0.1", self._port)
        self._port = listening.getsockname()[1]
        self._loop, self._ended = asyncio.new_event_loop(), asyncio.Event()
        state = lambda: WatchState(True, 1.0, "", self.intake.health())  # noqa: E731
        app = create_server(ServerParts(TOKEN, self.intake, EventStream(), state, lambda _: None))

        async def run() -> None:
            async with serving(app, listening):
                await self._ended.wait()

        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(run()), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(20)
        self._loop.close()
        self.journal.close()

    def entries(self) -> list:
        return [entry for _, entry in self.journal.read(0)]

    def rows(self) -> list[tuple[str, int]]:
        return [
            (entry.meters[m], int(v))
            for entry in self.entries()
            if isinstance(entry, ReadingBatch)
            for m, v in zip(entry.meter, entry.value, strict=True)
        ]


@dataclass
class Collector:
    """A journal with a pusher that is stepped by hand."""

    name: str
    journal: Journal
    pusher: Pusher
    link: HttpLink
    refused: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    found = Server(tmp_path)
    yield found
    found.stop()


@pytest.fixture
def collector(server, tmp_path) -> Iterator[Callable[..., Collector]]:
    made: list[Collector] = []

    def make(name="main", meters=("a", "b"), *, token=TOKEN, site="campus", folder=None) -> Collector:
        journal = Journal(tmp_path / f"{folder or name}.db", readers=("stream",))
        link = HttpLink(server.url, token)
        counts = Counts()
        found: Collector

        def hear(refused: Mapping[str, str]) -> None:
            found.refused.update(refused)

        def tell(_state: str, error: str) -> None:
            found.errors += [error] if error else []

        parts = PusherParts(
            name, journal, link, lambda: Hello(journal.epoch, site, meters), journal.head,
            lambda: counts.report(START, journal), hear, tell, draw=lambda: 0.0,
        )  # fmt: skip
        found = Collector(name, journal, Pusher(parts), link)
        found.pusher.worker.pause = lambda _: None  # type: ignore[method-assign]
        made.append(found)
        return found

    yield make
    for one in made:
        one.link.close()
        one.journal.close()


def push_all(one: Collector, turns: int = 50) -> None:
    for _ in range(turns):
        one.pusher.turn()
        if one.pusher.is_welcome and one.pusher.position == one.journal.head():
            return
    raise AssertionError(one.errors)


def test_entries_arrive_in_order_once(server, collector):
    one = collector()
    for minute in range(1, 6):
        one.journal.append([readings("a", "b", minute=minute), tick(minute)])
        push_all(one)
    assert server.rows() == [(m, minute) for minute in range(1, 6) for m in "ab"]
    assert [e.time for e in server.entries() if isinstance(e, Tick)] == [START + m * MINUTE for m in range(1, 6)]


def test_a_push_repeated_after_a_lost_answer_is_journaled_once(server, collector):
    one = collector()
    one.journal.append([readings("a", minute=1)])
    push_all(one)
    body = encode_push(PushHeader("main", one.journal.epoch, 1, (1,)), [readings("a", minute=1)])
    url = f"{server.url}/collectors/main/entries"
    for _ in range(3):
        answer = httpx.post(url, content=body, headers=headers_of(TOKEN), trust_env=False)
        assert (answer.status_code, answer.json()["next"]) == (200, 2)
    assert server.rows() == [("a", 1)]


def test_a_push_that_overlaps_what_is_there_adds_only_the_rest(server, collector):
    one = collector()
    one.journal.append([readings("a", minute=1)])
    push_all(one)
    entries = [readings("a", minute=minute) for minute in (1, 2)]
    one.link.push(PushHeader("main", one.journal.epoch, 1, (1, 2)), entries)
    assert server.rows() == [("a", 1), ("a", 2)]


def test_watch_started_anew_takes_up_where_it_was(server, collector):
    one = collector()
    one.journal.append([readings("a", minute=1)])
    push_all(one)
    server.stop()
    one.journal.append([readings("a", minute=2)])
    one.pusher.turn()
    assert "does not answer" in one.errors[0]
    server.start()
    push_all(one)
    assert server.rows() == [("a", 1), ("a", 2)]


def test_a_watch_that_lost_its_journal_gets_what_the_collector_still_has(server, collector, tmp_path):
    one = collector()
    one.journal.append([readings("a", minute=1)])
    push_all(one)
    server.stop()
    for file in tmp_path.glob("watch.db*"):
        file.unlink()
    server.start()
    one.journal.append([readings("a", minute=2)])
    push_all(one)
    assert server.rows() == [("a", 2)]


def test_a_gap_in_the_collectors_order_is_a_gap_in_ours(server, collector):
    """So the judge finds it, and rebuilds from the store."""
    one = collector()
    one.journal.append([readings("a", minute=1)])
    push_all(one)
    one.journal.skip_to(5)
    one.journal.append([readings("a", minute=6)])
    push_all(one)
    first, second = server.journal.read(0)
    assert second[0] == first[0] + 2
    assert one.pusher.position == 6


def test_a_push_from_further_on_is_asked_to_come_back(server, collector):
    one = collector()
    one.journal.append([readings("a", minute=1)])
    push_all(one)
    welcome = one.link.push(PushHeader("main", one.journal.epoch, 5, (5,)), [readings("a", minute=5)])
    assert welcome.next == 2
    assert server.rows() == [("a", 1)]


def test_another_token_is_refused_and_nothing_is_lost(server, collector):
    one = collector(token="wrong")
    one.journal.append([readings("a", minute=1)])
    one.pusher.turn()
    assert "401" in one.errors[0]
    assert "AQUAVOLT_WATCH_TOKEN" in one.errors[0]
    assert server.rows() == []
    assert one.journal.read(0)


def test_another_version_is_refused_with_what_to_do(server):
    headers = headers_of(TOKEN) | {"AquaVolt-Version": "99"}
    answer = httpx.get(f"{server.url}/state", headers=headers, trust_env=False)
    assert answer.status_code == 426
    assert "speaks version 1, not 99" in answer.json()["error"]


def test_a_collector_of_another_site_is_refused(server, collector):
    one = collector(site="elsewhere")
    one.pusher.turn()
    assert "'elsewhere'; this is 'campus'" in one.errors[0]


@pytest.mark.parametrize("body", [b"", b"no gzip", encode_push(PushHeader("main", "e", 1, (1,)), [])])
def test_what_is_no_push_is_refused(server, body):
    url = f"{server.url}/collectors/main/entries"
    assert httpx.post(url, content=body, headers=headers_of(TOKEN), trust_env=False).status_code == 400


def test_two_collectors_told_to_read_one_meter_the_first_keeps_it(server, collector):
    first, second = collector("first", ("a",)), collector("second", ("a", "b"))
    first.journal.append([readings("a", minute=1)])
    second.journal.append([readings("a", "b", minute=1)])
    for one in (first, second):
        push_all(one)
    assert first.refused == {}
    assert list(second.refused) == ["a"]
    assert "collector 'first'" in second.refused["a"]
    assert server.rows().count(("a", 1)) == 1
    assert server.rows().count(("b", 1)) == 1
    lines = {line.connection: line for line in server.intake.health().connections}
    assert "'first'" in lines["collector second"].last_error
    assert lines["collector first"].last_error == ""


def test_many_meters_of_another_collector_are_one_reason_and_a_number():
    assert told_of({}) == ""
    assert told_of({"a": "a is read by x"}) == "a is read by x"
    assert told_of({"a": "a is read by x", "b": "b is read by x", "c": "..."}) == "a is read by x (2 more like it)"


def test_who_reads_which_meter_outlives_a_restart_and_can_be_given_up(server, collector):
    first, second = collector("first", ("a",)), collector("second", ("a", "b"))
    push_all(first)
    server.stop()
    server.start()
    push_all(second)
    assert list(second.refused) == ["a"]
    assert second.link.forget("first")
    assert not second.link.forget("first")
    assert second.link.hello("second", Hello(second.journal.epoch, "campus", ("a", "b"))).refused == {}


def test_two_collectors_of_one_name_are_told_apart(server, collector):
    first, second = collector("main"), collector("main", folder="copy")
    for one in (first, second):
        one.journal.append([readings("a", minute=1)])
        push_all(one)
    with pytest.raises(LinkError, match="give one another"):
        first.link.hello("main", Hello(first.journal.epoch, "campus", ("a",)))
    push_all(second)


def test_the_own_name_of_watch_is_no_collectors(server, collector):
    one = collector(POSTED)
    one.pusher.turn()
    assert "own name" in one.errors[0]


def test_event_time_waits_for_the_slowest_collector(server, collector):
    fast, slow = collector("fast", ("a",)), collector("slow", ("b",))
    for one in (fast, slow):
        one.journal.append([tick(1)])
        push_all(one)
    fast.journal.append([tick(2), tick(3), tick(4)])
    push_all(fast)
    assert [e.time for e in server.entries()] == [START + MINUTE]
    slow.journal.append([tick(3)])
    push_all(slow)
    assert [e.time for e in server.entries()][1:] == [START + 3 * MINUTE]


def test_a_collector_that_was_down_says_so_and_since_when_is_known(server, collector):
    one = collector()
    one.journal.append([tick(1)])
    push_all(one)
    one.journal.append([replace(tick(60), down_since=START + 60 * MINUTE)])
    push_all(one)
    assert server.entries()[-1] == Tick(START + 60 * MINUTE, START + MINUTE)


def test_what_collectors_have_stored_is_known(server, collector):
    """Up to there a rebuild trusts the store; the rest it takes from the journal."""
    one = collector()
    one.journal.append([readings("a", minute=1)])
    header = PushHeader("main", one.journal.epoch, 1, (1,), stored=0)
    one.link.hello("main", Hello(one.journal.epoch, "campus", ("a",)))
    one.link.push(header, [readings("a", minute=1)])
    assert server.journal.cursor(STORED) == 0
    one.link.push(replace(header, from_seq=2, seqs=(), stored=1), [])
    assert server.journal.cursor(STORED) == server.journal.head() == 1


def test_a_full_disk_at_watch_keeps_entries_at_the_collector(server, collector, monkeypatch):
    one = collector()
    push_all(one)
    monkeypatch.setattr(server.journal, "is_accepting", lambda: False)
    one.journal.append([readings("a", minute=1)])
    one.pusher.turn()
    assert "free-disk floor" in one.errors[-1]
    assert one.pusher.position == 0
    monkeypatch.undo()
    push_all(one)
    assert server.rows() == [("a", 1)]
