"""From a meter's reading to people: how long until a channel's HTTP call, and what a storm becomes.

    python bench/notify.py [--meters 20000] [--seconds 180] [--wait 10] [--storm 5000]

The real program with everything in it (journal, embedded store, rules, records, dispatcher, outbox, pages) on meters
that are read once a minute, in real time. Meanwhile meters report a leak or a burst along with their reading, each in
a building with a maintainer of its own; a real receiver notes when its HTTP call comes. The time runs from the moment
the reading is handed to the journal (lateness 0); of a leak the route's group wait is taken off, a burst has none.
Then the storm: so many meters report within one minute, to three people, while a page is asked for every second.
Prints Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path

import httpx
import numpy as np
from pydantic import SecretStr

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from alerts.duty.roster import Duty, Shift  # noqa: E402
from alerts.duty_desk.entries import DutyEntries, EntryKind  # noqa: E402
from alerts.routing.routes import Address, Contact, Match, Route  # noqa: E402
from alerts.values import Actor  # noqa: E402
from api.parts import Access  # noqa: E402
from aquavolt.channels.webhook import WebhookChannel, WebhookSettings  # noqa: E402
from aquavolt.config.settings import load_settings  # noqa: E402
from aquavolt.logs import set_up_logs  # noqa: E402
from aquavolt.program import Program, Setup, listen  # noqa: E402
from metering.batch import MeterEvent, batch_of  # noqa: E402
from metering.entries import EventBatch  # noqa: E402
from metering.meter_alarms import ON  # noqa: E402
from metering.quantities import BY_NAME  # noqa: E402
from metering.site import Site  # noqa: E402
from metering.site_document import parse_site  # noqa: E402
from rules.settings import RulesSettings  # noqa: E402
from simulators.receiver import Receiver  # noqa: E402

A_BUILDING = 50  # meters: a main and the rooms behind it
PARTS = 240  # a minute's readings come in so many batches
PEOPLE = ("a", "b", "c")  # who hears of the storm
BENCH = Actor("bench")


def site_of(meters: int) -> Site:
    """Buildings of a main meter and 49 rooms, each with its own."""
    nodes = [{"id": "campus", "kind": "campus"}]
    found = []
    for number in range(meters // A_BUILDING):
        building = f"b{number}"
        nodes.append({"id": building, "kind": "building", "parent": "campus", "use": "dormitory"})
        found.append({"id": f"{building}-0", "medium": "water", "node": building, "poll_s": 60})
        for room in range(1, A_BUILDING):
            place = f"{building}-r{room}"
            nodes.append({"id": place, "kind": "room", "parent": building})
            found.append(
                {"id": f"{building}-{room}", "medium": "water", "node": place, "parent": f"{building}-0", "poll_s": 60}
            )
    return parse_site({"site": {"id": "bench", "timezone": "Asia/Shanghai"}, "nodes": nodes, "meters": found})


def set_duties(entries: DutyEntries, buildings: int, wait_s: int) -> None:
    """A maintainer a building, and one route to them."""
    for number in range(buildings):
        person = f"p{number}"
        duty = Duty(role="maintainer", nodes=(f"b{number}",), shifts=(Shift(people=(person,)),), fallback=person)
        entries.put(EntryKind.DUTY, f"d{number}", duty, BENCH)
        entries.put(EntryKind.CONTACT, person, _contact(person), BENCH)
    route = Route(targets=("role:maintainer",), group_wait_s=wait_s, group_interval_s=1)
    entries.put(EntryKind.ROUTE, "all", route, BENCH)


def set_storm(entries: DutyEntries) -> None:
    """From now on three people hear of everything."""
    for person in PEOPLE:
        entries.put(EntryKind.CONTACT, person, _contact(person), BENCH)
    targets = tuple(f"person:{person}" for person in PEOPLE)
    entries.put(EntryKind.ROUTE, "storm", Route(position=1, match=Match(), targets=targets), BENCH)


def _contact(person: str) -> Contact:
    return Contact(addresses=(Address(channel="hook", address=person),))


@dataclass
class Feed:
    """Readings of every meter once a minute, and alarms beside them, on a thread of its own.

    sent   when the reading with a meter's alarm was handed to the journal (seconds of the wall clock), by its meter
    spent  seconds that each append took
    """

    program: Program
    alarms: dict[int, list[tuple[str, str]]]  # by the number of the batch: meter and code
    sent: dict[str, float] = field(default_factory=dict)
    spent: list[float] = field(default_factory=list)

    def run(self, parts: int) -> None:
        """So many batches, each in its time."""
        meters = tuple(self.program.site.meters)
        register = np.random.default_rng(1).uniform(100, 900, len(meters))
        begun = time.monotonic()
        for number in range(parts):
            time.sleep(max(0.0, begun + number * 60 / PARTS - time.monotonic()))
            of = np.arange(number % PARTS, len(meters), PARTS)
            register[of] += 0.001
            self._append(meters, of, register, number)

    def _append(self, meters: tuple[str, ...], of: np.ndarray, register: np.ndarray, number: int) -> None:
        at = time.time()
        now = np.datetime64(int(at * 1000), "ms")
        codes = np.full(len(of), BY_NAME["water_volume"].code)
        own = tuple(meters[i] for i in of)
        batch = batch_of(own, np.arange(len(of)), codes, np.full(len(of), now), np.round(register[of], 3))
        alarms = self.alarms.get(number, [])
        self.sent |= {meter: at for meter, _ in alarms}
        events = EventBatch(tuple(MeterEvent(meter, now, code, ON) for meter, code in alarms))
        self.program.journal.append([batch, events] if alarms else [batch])
        self.spent.append(time.time() - at)


@dataclass(frozen=True)
class Call:
    """One HTTP call that came: when, to whom, about which meter first, about how many alerts."""

    at: float
    address: str
    meter: str
    alerts: int


def calls_of(receiver: Receiver) -> list[Call]:
    """Every call so far."""
    found = []
    for message in receiver.inbox.document()["messages"]:
        body = message["body"]
        at = datetime.fromisoformat(message["received_at"]).timestamp()
        found.append(Call(at, body["address"], (body["alert"] or {}).get("subject", ""), len(body["alerts"])))
    return found


class Pages:
    """Somebody who asks for the list of alerts every second."""

    def __init__(self, port: int) -> None:
        self.took: list[float] = []
        self._url = f"http://127.0.0.1:{port}/alerts"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with httpx.Client(trust_env=False, timeout=60, headers={"Accept": "text/html"}) as client:
            while not self._stop.wait(1.0):
                begun = time.monotonic()
                client.get(self._url).raise_for_status()
                self.took.append(time.monotonic() - begun)

    def stop(self) -> None:
        """No more."""
        self._stop.set()
        self._thread.join()


@dataclass(frozen=True)
class Sizes:
    """What was asked for."""

    meters: int
    seconds: int
    wait_s: int
    storm: int

    @property
    def buildings(self) -> int:
        """How many there are."""
        return self.meters // A_BUILDING

    def steady(self) -> dict[int, list[tuple[str, str]]]:
        """Each alarm in another building, evenly over the time; every other is a burst."""
        parts = self.seconds * PARTS // 60
        places = np.linspace(0, parts - 1, min(self.buildings, parts)).astype(int)
        found: dict[int, list[tuple[str, str]]] = {}
        for building, part in enumerate(places.tolist()):
            found.setdefault(part, []).append((f"b{building}-1", "burst" if building % 2 else "leak"))
        return found

    def storm_of(self) -> dict[int, list[tuple[str, str]]]:
        """Within one minute, in every building; one in ten is a burst."""
        found: dict[int, list[tuple[str, str]]] = {}
        for number in range(self.storm):
            building, room = number % self.buildings, 2 + number // self.buildings
            found.setdefault(number * PARTS // self.storm, []).append(
                (f"b{building}-{room}", "leak" if number % 10 else "burst")
            )
        return found


def measure(program: Program, receiver: Receiver, port: int, sizes: Sizes) -> list[str]:
    """The lines of the table."""
    entries = DutyEntries(program.records.database)
    set_duties(entries, sizes.buildings, sizes.wait_s)
    alarms = sizes.steady()
    codes = {meter: code for pairs in alarms.values() for meter, code in pairs}
    Feed(program, {}).run(PARTS)  # every meter is known from here on
    while program.judge.position < program.journal.head():
        time.sleep(0.1)
    feed = Feed(program, alarms)
    feed.run((sizes.seconds + sizes.wait_s + 10) * PARTS // 60)
    beyond: dict[str, list[float]] = {"burst": [], "leak": []}
    for call in calls_of(receiver):
        if (code := codes.get(call.meter)) is not None:
            beyond[code].append(call.at - feed.sent[call.meter] - (sizes.wait_s if code == "leak" else 0))
    lines = [
        _row(f"{code}, {len(beyond[code])} of {list(codes.values()).count(code)}", beyond[code]) for code in beyond
    ]
    return [*lines, *_storm(program, receiver, port, sizes, entries)]


def _row(what: str, seconds: list[float]) -> str:
    figures = [*np.quantile(seconds, [0.5, 0.95, 0.99]), max(seconds)] if seconds else [float("nan")] * 4
    return f"| {what} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |"


def _storm(program: Program, receiver: Receiver, port: int, sizes: Sizes, entries: DutyEntries) -> list[str]:
    set_storm(entries)
    pages = Pages(port)
    begun, before = time.time(), program.records.count_alerts().active
    feed = Feed(program, sizes.storm_of())
    feed.run(PARTS)
    raised = program.records.count_alerts().active - before
    told = 0
    while time.time() - begun < 600 and (told < raised or program.judge.position < program.journal.head()):
        Feed(program, {}).run(PARTS // 12)
        told = sum(c.alerts for c in calls_of(receiver) if c.address == PEOPLE[0])
        raised = program.records.count_alerts().active - before
    pages.stop()
    calls = [c for c in calls_of(receiver) if c.address in PEOPLE]
    minute = Counter(c.address for c in calls if c.at - begun <= 60)
    in_ten = Counter(c.address for c in calls if c.at - begun <= 600)
    took_s = max((c.at for c in calls), default=begun) - begun
    figures = (
        f"Storm: {sizes.storm:,} findings in a minute, {raised:,} alerts. Messages a person: at most "
        f"{max(minute.values(), default=0)} within the minute, {max(in_ten.values(), default=0)} within ten; "
        f"{told:,} alerts told by {took_s:.0f} s after its begin."
    )
    return [
        _row(f"page `/alerts` in the storm, {len(pages.took)} times", pages.took),
        "",
        figures,
    ]


def run(sizes: Sizes) -> list[str]:
    """Everything, in a folder of its own."""
    site = site_of(sizes.meters)
    receiver = Receiver(keep=1_000_000)
    receiver.start()
    hook = WebhookSettings(name="hook", url=SecretStr(receiver.url), allow_networks=(ip_network("127.0.0.0/8"),))
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(None, {}, data=Path(folder), port=0)
        hooks = (WebhookChannel(hook),)
        program = Program(Setup(settings, site, RulesSettings(), access=Access(demo=True), channels=hooks))
        listening: socket.socket = listen("127.0.0.1", 0)
        port = int(listening.getsockname()[1])

        async def serve() -> list[str]:
            stop = asyncio.Event()
            serving = asyncio.create_task(program.run(stop, listening))
            try:
                return await asyncio.to_thread(measure, program, receiver, port, sizes)
            finally:
                stop.set()
                await serving

        try:
            return asyncio.run(serve())
        finally:
            program.close()
            receiver.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meters", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--wait", type=int, default=10)
    parser.add_argument("--storm", type=int, default=5_000)
    given = parser.parse_args()
    set_up_logs()
    sizes = Sizes(given.meters, given.seconds, given.wait, given.storm)
    lines = run(sizes)
    load = os.getloadavg()[0]
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, load of the machine {load:.1f}"
    print(f"{machine}. {sizes.meters:,} meters a minute, group wait {sizes.wait_s} s. Seconds beyond that wait:\n")
    print("| what | p50 | p95 | p99 | longest |\n|---|--:|--:|--:|--:|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
