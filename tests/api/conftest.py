"""A small judged site in the real stores: two weeks of six meters, six incidents, and a client in both login modes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI

from alerts.duty_desk.desk import DutyDesk
from alerts.records import Records
from alerts.users.passwords import CHEAP
from alerts.users.users import users_of
from alerts.values import NotifyPolicy
from api.app import create_app
from api.parts import Access, ApiParts, Readiness, hash_token
from api.stream import EventStream
from aquavolt.stores.duckdb_store import DuckDBStore
from aquavolt.telling import surroundings_of
from metering.batch import ReadingBatch, batch_of, concatenate, to_ms
from metering.derivation import IntervalDerivation
from metering.health import ConnectionHealth, HealthReport, JournalHealth, MeterHealth
from metering.incident import Category, ChangeKind, Incident, IncidentChange, Severity
from metering.quantities import quantity
from metering.site_document import parse_site

sys.path.insert(0, str(Path(__file__).parent))

from mirrored import platform_of

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # noon in Shanghai, on the grid
DAYS = 35
TOKEN = "a-long-random-token"  # noqa: S105 - of the test application alone
SITE = parse_site(
    {
        "site": {"id": "small", "name": "小校区", "timezone": "Asia/Shanghai"},
        "nodes": [
            {"id": "campus", "kind": "campus", "name": "主校区"},
            {
                "id": "dorm-1",
                "kind": "building",
                "parent": "campus",
                "name": "梅园1号楼",
                "use": "dormitory",
                "beds": 96,
            },
            {"id": "dorm-1-f1", "kind": "floor", "parent": "dorm-1", "name": "1层"},
            {"id": "dorm-1-f2", "kind": "floor", "parent": "dorm-1", "name": "2层"},
            {"id": "dorm-1-201", "kind": "room", "parent": "dorm-1-f2", "name": "201室"},
            {"id": "library", "kind": "building", "parent": "campus", "name": "图书馆"},
        ],
        "meters": [
            {"id": "w-campus", "medium": "water", "node": "campus", "poll_s": 900},
            {"id": "w-dorm-1", "medium": "water", "node": "dorm-1", "parent": "w-campus", "poll_s": 900},
            {"id": "w-dorm-1-f1", "medium": "water", "node": "dorm-1-f1", "parent": "w-dorm-1", "poll_s": 900},
            {"id": "w-dorm-1-f2", "medium": "water", "node": "dorm-1-f2", "parent": "w-dorm-1", "poll_s": 900},
            {"id": "e-dorm-1-201", "medium": "electricity", "node": "dorm-1-201", "poll_s": 900},
            {"id": "e-library", "medium": "electricity", "node": "library", "poll_s": 900},
        ],
    }
)
# What each meter counts in a quarter hour: m3 or kWh, the same all day, so that every sum is known.
PER_STEP = {
    "w-campus": 1.0, "w-dorm-1": 0.5, "w-dorm-1-f1": 0.125, "w-dorm-1-f2": 0.25, "e-dorm-1-201": 0.0625,
    "e-library": 2.0,
}  # fmt: skip


def readings() -> ReadingBatch:
    """35 days up to `NOW`, a register value each quarter hour."""
    start = to_ms(NOW - timedelta(days=DAYS))
    times = start + np.arange(DAYS * 96 + 1) * np.timedelta64(900_000, "ms")
    batches = []
    for meter, step in PER_STEP.items():
        register = quantity("water_volume" if meter.startswith("w") else "active_energy_import")
        values = 100.0 + step * np.arange(len(times))
        batches.append(batch_of([meter], np.zeros(len(times)), register.code, times, values))
    return concatenate(batches)


def incident(name: str, **changes: Any) -> Incident:
    """An open leak at dorm-1, from two days ago, unless told otherwise."""
    onset = NOW - timedelta(days=2)
    usual: dict[str, Any] = {
        "id": name, "rule": "zone_balance", "category": Category.LEAK, "medium": "water", "subject": "w-dorm-1",
        "node": "dorm-1", "severity": Severity.CRITICAL, "detected_at": to_ms(onset + timedelta(hours=6)),
        "onset_at": to_ms(onset), "closed_at": None, "observed": 2.0, "expected": 1.5, "unit": "m3/h",
        "loss_rate": 0.5, "loss_total": 24.0, "rules_revision": "r1",
        "evidence": {
            "place_reason": {"code": "between_meters", "params": {"meter": "w-dorm-1", "count": 2}, "text": "between"},
            "next_step": "walk_the_pipe",
            "series": {"meters": ["w-dorm-1"], "quantity": "water_volume", "end": NOW.isoformat(), "expected": 1.5},
            "findings": [{
                "rule": "zone_balance", "subject": "w-dorm-1",
                "details": {"parents": ["w-dorm-1"], "children": ["w-dorm-1-f1", "w-dorm-1-f2"],
                            "share_of_inflow": 0.25, "sigma": 0.004, "learned_days": 20},
            }],
        },
    }  # fmt: skip
    return Incident(**(usual | changes))


@pytest.fixture
def make_incident() -> Callable[..., Incident]:
    """One more, by its name and what is otherwise."""
    return incident


def incidents() -> list[IncidentChange]:
    """Six: four active (one of them explained by another), one cleared, one about a meter."""
    at = to_ms(NOW - timedelta(days=1))
    room = incident(
        "room", rule="peer_usage", category=Category.CONSUMPTION, medium="electricity", subject="e-dorm-1-201",
        node="dorm-1-201", severity=Severity.WARNING, unit="kW", observed=0.25, expected=0.125, loss_rate=0.125,
        loss_total=6.0, evidence={}, detected_at=to_ms(NOW - timedelta(hours=20)),
    )  # fmt: skip
    dead = incident(
        "dead", rule="meter_health", category=Category.DATA_QUALITY, medium="electricity", subject="e-library",
        node="library", severity=Severity.WARNING, unit="h", observed=float("nan"), expected=float("nan"),
        loss_rate=0.0, loss_total=0.0, detected_at=to_ms(NOW - timedelta(hours=3)),
        evidence={"findings": [{"rule": "meter_health", "subject": "e-library", "details": {"condition": "offline"}}]},
    )  # fmt: skip
    done = incident("done", node="dorm-1-f1", subject="w-dorm-1-f1", rule="continuous_flow", closed_at=at)
    floor = incident("floor", node="dorm-1-f2", subject="w-dorm-1-f2", rule="minimum_night_flow", evidence={})
    echo = incident("echo", node="campus", subject="w-campus", inhibited_by="leak")
    raised = [IncidentChange(ChangeKind.RAISED, i, i.detected_at) for i in (incident("leak"), room, dead, floor)]
    raised.append(IncidentChange(ChangeKind.RAISED, replace(done, closed_at=None), done.detected_at))
    raised.append(IncidentChange(ChangeKind.CLEARED, done, at))
    return [*raised, IncidentChange(ChangeKind.RAISED, echo, at)]


def health() -> HealthReport:
    """One meter that answers, one whose unit is dead, one line in trouble."""
    now = to_ms(NOW)
    meters = (
        MeterHealth("w-campus", "tcp://a", 100, 99, 98, 1, 0, "", now - np.timedelta64(30, "s")),
        MeterHealth("e-library", "tcp://b", 100, 40, 40, 0, 60, "no answer", None, "open"),
    )
    lines = (ConnectionHealth("tcp://a", "connected", 1, 100), ConnectionHealth("tcp://b", "failed", 1, 100, 60, 3))
    journal = JournalHealth(12, 4096, now, {"store": 2}, {"cap": 1}, 5_000_000_000)
    return HealthReport(now, meters, lines, journal, {"bad payload": 4})


class Client:
    """Asks the application in process, one request after the other; cookies stay."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._cookies = httpx.Cookies()

    def request(self, method: str, path: str, **request: Any) -> httpx.Response:
        return asyncio.run(self._ask(method, path, request))

    def get(self, path: str, **request: Any) -> httpx.Response:
        return self.request("GET", path, **request)

    def post(self, path: str, **request: Any) -> httpx.Response:
        return self.request("POST", path, **request)

    async def _ask(self, method: str, path: str, request: dict[str, Any]) -> httpx.Response:
        way = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=way, base_url="http://127.0.0.1:8000", cookies=self._cookies) as client:
            answer = await client.request(method, path, **request)
            self._cookies.update(client.cookies)
            return answer


@dataclass
class Served:
    """An application and what stands behind it."""

    parts: ApiParts
    app: FastAPI
    client: Client
    posted: list[ReadingBatch] = field(default_factory=list)
    ready: list[Readiness] = field(default_factory=lambda: [Readiness(is_ready=True)])


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBStore]:
    """The readings in a real store; only read by tests."""
    store = DuckDBStore(tmp_path_factory.mktemp("store") / "store.duckdb")
    batch = readings()
    store.append_readings([batch], 1)
    store.upsert_intervals(IntervalDerivation(SITE).push(batch).intervals)
    yield store
    store.close()


@pytest.fixture
def records(records_url: str) -> Iterator[Records]:
    """The incidents in a real database."""
    records = Records(records_url, clock=lambda: NOW, policy=NotifyPolicy(channels=("webhook",)))
    records.migrate()
    records.apply(incidents(), 1)
    yield records
    records.close()


@pytest.fixture
def make(store: DuckDBStore, records: Records) -> Iterator[Callable[..., Served]]:
    """Builds an application; `access` and other parts may be given."""
    streams = []

    def build(**changes: Any) -> Served:
        posted: list[ReadingBatch] = []
        ready = [Readiness(is_ready=True)]

        async def submit(batch: ReadingBatch) -> None:
            await asyncio.sleep(0)
            posted.append(batch)

        usual: dict[str, Any] = {
            "site": lambda: SITE, "readings": store, "intervals": store, "records": records, "health": health,
            "submit": submit, "stream": EventStream(heartbeat_s=0.05), "is_ready": lambda: ready[0],
            "access": Access(demo=True), "now": lambda: NOW,
            "duty_desk": DutyDesk(records.database, surroundings_of(lambda: SITE, ["webhook"]), lambda: NOW),
        }  # fmt: skip
        usual["repair_platform"] = platform_of(records, SITE)
        usual["users"] = users_of(records.database, changes.get("now", usual["now"]), CHEAP)
        parts = ApiParts(**(usual | changes))
        streams.append(parts.stream)
        app = create_app(parts)
        return Served(parts, app, Client(app), posted, ready)

    yield build
    for stream in streams:
        stream.close()


@pytest.fixture
def served(make: Callable[..., Served]) -> Served:
    """The demo's mode."""
    return make()


@pytest.fixture
def guarded(make: Callable[..., Served]) -> Served:
    """With tokens."""
    return make(access=Access(tokens={"gateway": hash_token(TOKEN)}))


@pytest.fixture
def listen() -> Iterator[Callable[[FastAPI], str]]:
    """Serves an application on a free port; gives its address."""
    with contextlib.ExitStack() as stack:
        yield lambda app: stack.enter_context(_listening(app))


@contextlib.contextmanager
def _listening(app: FastAPI) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            app.state.parts.stream.close()
            server.should_exit = True
            thread.join(20)
