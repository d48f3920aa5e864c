"""The alert desk under load: how long a list page and an acknowledgement take while many read and some act.

    python bench/desk.py [--alerts 100000] [--readers 200] [--writers 20] [--seconds 60] [--url URL] [--html]

A real server (a process of its own, HTTP over the loopback address) on a records database of made alerts, a tenth of
them active, on 400 places. Everybody has an account and is signed in with its session's cookie. Each reader asks for a
page every 10 s, each writer acts every 5 s: acknowledges, assigns, remarks, at moments drawn with a fixed seed. At the
end every answered act must stand in the audit trail, once. `--url` takes an empty PostgreSQL database instead of
SQLite; `--html` has the readers ask for the desk's page itself. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import socket
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import psutil
from sqlalchemy import func, select, text

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from alerts.models import AlertRow, AuditRow  # noqa: E402
from alerts.records import Records  # noqa: E402
from alerts.rows import ms_of  # noqa: E402
from alerts.users.models import AccountRow  # noqa: E402
from alerts.users.passwords import Passwords  # noqa: E402
from alerts.users.roles import WHOLE_SITE, Role  # noqa: E402
from alerts.users.users import users_of  # noqa: E402
from alerts.users.values import AccountState, Origin  # noqa: E402
from api.app import create_app  # noqa: E402
from api.identity import csrf_of  # noqa: E402
from api.parts import Access, ApiParts, Readiness  # noqa: E402
from api.permits import CSRF_HEADER  # noqa: E402
from api.stream import EventStream  # noqa: E402
from aquavolt.http_server import KEEP_ALIVE_S  # noqa: E402
from aquavolt.stores.duckdb_store import DuckDBStore  # noqa: E402
from metering.batch import ReadingBatch, to_ms  # noqa: E402
from metering.health import HealthReport  # noqa: E402
from metering.incident import Category, ChangeKind, Incident, IncidentChange, Severity  # noqa: E402
from metering.site_document import parse_site  # noqa: E402

PLACES = 400
READ_EVERY_S, ACT_EVERY_S = 10.0, 5.0
SEED = 20261123
LISTS = ("", "?state=active", "?state=active&acknowledged=false", "?node=b3", "?overdue=true", "?category=leak")
ACTIVE_SHARE = 10


def made_site() -> dict[str, object]:
    """A campus of 20 buildings with 19 rooms each."""
    nodes = [{"id": "campus", "kind": "campus"}]
    nodes += [{"id": f"b{b}", "kind": "building", "parent": "campus"} for b in range(20)]
    nodes += [{"id": f"b{b}-r{r}", "kind": "room", "parent": f"b{b}"} for b in range(20) for r in range(19)]
    return {"site": {"id": "bench", "name": "bench", "timezone": "Asia/Shanghai"}, "nodes": nodes, "meters": []}


def fill(url: str, count: int) -> None:
    """One alert as the rules write it, copied by the database itself."""
    records = Records(url)
    records.migrate()
    at = to_ms(datetime.now(UTC)) - np.timedelta64(count * 60, "s")
    finding = {"rule": "zone_balance", "details": {"parents": ["m"], "children": [f"m{i}" for i in range(40)]}}
    incident = Incident(
        id="a", rule="zone_balance", category=Category.LEAK, medium="water", subject="m", node="b0",
        severity=Severity.WARNING, detected_at=at, onset_at=at, closed_at=None, observed=2.0, expected=1.5,
        unit="m3/h", loss_rate=0.5, loss_total=24.0, evidence={"findings": [finding] * 3}, rules_revision="r1",
    )  # fmt: skip
    records.apply([IncidentChange(ChangeKind.RAISED, incident, at)], 1)
    n = "CAST(n AS TEXT)"
    copied = {
        "id": f"id || {n}", "incident": f"incident || {n}", "raised_ms": "raised_ms + n * 60000",
        "detected_ms": "detected_ms + n * 60000", "due_ms": "detected_ms + n * 60000 + 7200000",
        "node": f"'b' || CAST(n % 20 AS TEXT) || '-r' || CAST(n / 20 % 19 AS TEXT)",  # noqa: F541
        "is_active": f"n % {ACTIVE_SHARE} = 0", "closed_ms": "detected_ms + n * 60000 + 1000000",
        "is_acknowledged": f"n % {ACTIVE_SHARE} <> 0", "is_breached": "n % 3 = 0",
    }  # fmt: skip
    names = [column.name for column in AlertRow.__table__.columns]
    chosen = ", ".join(copied.get(name, name) for name in names)
    with records.database.writing() as session:
        session.execute(
            text(
                f"INSERT INTO alerts ({', '.join(names)}) WITH RECURSIVE numbers(n) AS "  # noqa: S608 - our columns
                f"(SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < {count - 1}) "
                f"SELECT {chosen} FROM alerts, numbers"
            )
        )
    records.close()


async def _refuse(_batch: ReadingBatch) -> None:
    raise NotImplementedError


def sign_in(url: str, count: int) -> list[str]:
    """The secrets of so many sessions, each of an account of its own, all with one password."""
    records, password = Records(url), "a password of the bench"
    kept, now_ms = Passwords().hash(password), ms_of(datetime.now(UTC))
    with records.database.writing() as session:
        session.add_all(
            AccountRow(
                name=f"p{i}", role=Role.ENERGY_MANAGER.value, nodes=[WHOLE_SITE], state=AccountState.ACTIVE.value,
                password_hash=kept, must_change=False, created_ms=now_ms, password_ms=now_ms, version=0,
            )
            for i in range(count)
        )  # fmt: skip
    sessions = users_of(records.database).sessions
    secrets = [sessions.sign_in(f"p{i}", password, Origin(f"10.0.0.{i}", "bench")).secret for i in range(count)]
    records.close()
    return secrets


def serve(url: str, folder: Path, port: int) -> None:
    """The server alone, until it is ended."""
    import uvicorn  # noqa: PLC0415

    site, store = parse_site(made_site()), DuckDBStore(folder / "store.duckdb")
    parts = ApiParts(
        site=lambda: site, readings=store, intervals=store, records=Records(url),
        health=lambda: HealthReport(to_ms(datetime.now(UTC))), submit=_refuse, stream=EventStream(),
        is_ready=lambda: Readiness(is_ready=True), access=Access(),
    )  # fmt: skip
    uvicorn.run(create_app(parts), host="127.0.0.1", port=port, log_level="error", timeout_keep_alive=KEEP_ALIVE_S)


@dataclass
class Taken:
    """Milliseconds by kind of request, the acts that were answered, and what went wrong."""

    ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    acted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    failed: list[str] = field(default_factory=list)

    def note(self, kind: str, began: float, answer: httpx.Response) -> None:
        """Take the time of an answer, and whether it was one."""
        self.ms[kind].append((time.perf_counter() - began) * 1000)
        if answer.status_code not in {200, 409}:
            self.failed.append(f"{kind}: {answer.status_code}")
        elif answer.status_code == 200 and kind != "list":
            self.acted[kind] += 1


def said_by(secret: str) -> dict[str, str]:
    """What a browser sends along."""
    return {"Cookie": f"aquavolt_session={secret}", CSRF_HEADER: csrf_of(secret)}


async def read(client: httpx.AsyncClient, number: int, secret: str, end: float, taken: Taken, *, html: bool) -> None:
    """One reader: a page, then ten seconds."""
    draw = random.Random(SEED + number)
    await asyncio.sleep(draw.random() * READ_EVERY_S)
    headers = said_by(secret)
    while time.perf_counter() < end:
        path = "/alerts" if html else f"/api/v1/alerts{draw.choice(LISTS)}"
        began = time.perf_counter()
        taken.note("list", began, await client.get(path, headers=headers))
        await asyncio.sleep(max(0.0, READ_EVERY_S - (time.perf_counter() - began)))


async def act(client: httpx.AsyncClient, number: int, secret: str, count: int, end: float, taken: Taken) -> None:
    """One writer: an act, then five seconds. Writers share their alerts, so that some are too late."""
    draw = random.Random(SEED + number)
    await asyncio.sleep(draw.random() * ACT_EVERY_S)
    headers = said_by(secret)
    bodies = {"acknowledge": {}, "assign": {"assignee": f"p{number}"}, "comments": {"text": "on my way"}}
    while time.perf_counter() < end:
        kind = draw.choice(("acknowledge", "acknowledge", "assign", "comments"))
        path = f"/api/v1/alerts/a{draw.randrange(1, count // ACTIVE_SHARE) * ACTIVE_SHARE}/{kind}"
        began = time.perf_counter()
        taken.note(kind, began, await client.post(path, headers=headers, json=bodies[kind]))
        await asyncio.sleep(max(0.0, ACT_EVERY_S - (time.perf_counter() - began)))


async def play(port: int, secrets: list[str], given: argparse.Namespace) -> Taken:
    """Everybody at once."""
    taken = Taken()
    limits = httpx.Limits(max_connections=given.readers + given.writers, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60) as client:
        end = time.perf_counter() + given.seconds
        readers = [read(client, i, secrets[i], end, taken, html=given.html) for i in range(given.readers)]
        numbers = range(given.readers, given.readers + given.writers)
        writers = [act(client, i, secrets[i], given.alerts, end, taken) for i in numbers]
        await asyncio.gather(*readers, *writers)
    return taken


def lost(url: str, taken: Taken) -> int:
    """Answered acts that the audit trail does not have, and those that it has too often.

    A repeated act of the same person is answered and changes nothing, so it counts for remarks and versions alone.
    """
    records = Records(url)
    with records.database.reading() as session:
        remarks = session.scalar(select(func.count()).where(AuditRow.action == "commented")) or 0
        people = AuditRow.action.in_(["acknowledged", "assigned"])
        acts = session.scalar(select(func.count()).where(people)) or 0
        versions = session.scalar(select(func.sum(AlertRow.version))) or 0
        comments = session.scalar(select(func.sum(AlertRow.comments))) or 0
    records.close()
    return abs(remarks - taken.acted["comments"]) + abs(comments - remarks) + abs(int(versions) - acts)


def wait_for(port: int, server: psutil.Popen) -> None:
    """Until it answers. Raises: RuntimeError."""
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not start")


def report(taken: Taken, wrong: int, given: argparse.Namespace, cpu_s: float) -> None:
    what = "the desk's page" if given.html else "lists over the API"
    print(f"Data: made, {given.alerts:,} alerts; {given.readers} readers ({what}), {given.writers} writers, ", end="")
    print(f"{given.seconds:g} s, {'PostgreSQL' if 'postgres' in given.url else 'SQLite'}; ", end="")
    print(f"the server used {cpu_s / given.seconds:.0%} of a core. Lost or doubled acts: {wrong}; ", end="")
    print(f"failed requests: {len(taken.failed)}.\n\n| request | count | p50 | p95 | p99 |\n|---|---:|---:|---:|---:|")
    for kind, values in sorted(taken.ms.items()):
        p50, p95, p99 = np.percentile(values, [50, 95, 99])
        print(f"| {kind} | {len(values):,} | {p50:.1f} ms | {p95:.1f} ms | {p99:.1f} ms |")


def measure(given: argparse.Namespace, folder: Path) -> int:
    given.url = given.url or f"sqlite:///{folder / 'records.db'}"
    fill(given.url, given.alerts)
    secrets = sign_in(given.url, given.readers + given.writers)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, __file__, "--serve", str(port), "--folder", str(folder), "--url", given.url]
    server = psutil.Popen(command, cwd=ROOT)
    try:
        wait_for(port, server)
        before = sum(server.cpu_times()[:2])
        taken = asyncio.run(play(port, secrets, given))
        cpu_s = sum(server.cpu_times()[:2]) - before
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            server.terminate()
            server.wait(30)
    wrong = lost(given.url, taken)
    report(taken, wrong, given, cpu_s)
    return 1 if wrong or taken.failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--writers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--url", default="", help="an empty PostgreSQL database, postgresql+psycopg://..")
    parser.add_argument("--html", action="store_true", help="readers ask for the desk's page")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.url, given.folder, given.serve)
        return 0
    with tempfile.TemporaryDirectory(prefix="aquavolt-bench-") as folder:
        return measure(given, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
