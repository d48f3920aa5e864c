"""A campus in the real stores, for tests and for looking at the pages: simulated readings, judged by the real rules.

`python tests/api/campus.py --port 8000 --seed 7 --days 21` serves it.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import update

from alerts.duty_desk.desk import DutyDesk
from alerts.models import AlertRow
from alerts.records import Records
from alerts.values import NotifyPolicy
from api.parts import Access, ApiParts, Readiness
from api.stream import EventStream
from aquavolt.stores.duckdb_store import DuckDBStore
from aquavolt.telling import surroundings_of
from metering.batch import ReadingBatch, concatenate, to_ms
from metering.health import ConnectionHealth, HealthReport, JournalHealth, MeterHealth
from metering.incident import Category, ChangeKind, Incident, IncidentChange, Severity
from metering.site import Site
from metering.site_document import parse_site
from rules.shard import Shard
from simulators.campus.campus import build_campus, epoch_before


@dataclass
class Campus:
    """What a test needs: the parts, and the readings that were posted."""

    parts: ApiParts
    store: DuckDBStore
    records: Records
    stream: EventStream
    posted: list[ReadingBatch]
    snapshot: bytes
    readiness: Readiness = field(default_factory=lambda: Readiness(is_ready=True))
    raised: list[Incident] = field(default_factory=list)

    def raise_leak(self, node: str = "dorm-2", meter: str = "w-dorm-2") -> str:
        """A leak of 250 L/h since yesterday, as the rules would raise it; an alert of its own, whatever was before."""
        with self.records.database.writing() as session:  # what cleared of late would go on
            gone = update(AlertRow).where(AlertRow.node == node, AlertRow.is_active.is_(False))
            session.execute(gone.values(closed_ms=AlertRow.closed_ms - 2 * 86_400_000))
        now, seq = self.parts.now(), self.records.applied_seq() + 1
        onset = to_ms(now - timedelta(days=1))
        incident = Incident(
            id=f"leak-{seq}", rule="minimum_night_flow", category=Category.LEAK, medium="water", subject=meter,
            node=node, severity=Severity.CRITICAL, detected_at=to_ms(now), onset_at=onset, closed_at=None,
            observed=0.4, expected=0.15, unit="m3/h", loss_rate=0.25, loss_total=6.0,
            evidence={"next_step": "close_branches_at_night", "series": {"meters": [meter], "end": now.isoformat()}},
        )  # fmt: skip
        (alert,) = self.records.apply([IncidentChange(ChangeKind.RAISED, incident, to_ms(now))], seq)
        self.raised.append(incident)
        return alert.id

    def clear_leaks(self) -> None:
        """What `raise_leak` raised so far is over, by the meters."""
        now = to_ms(self.parts.now())
        gone = [IncidentChange(ChangeKind.CLEARED, replace(leak, closed_at=now), now) for leak in self.raised]
        if gone:
            self.records.apply(gone, self.records.applied_seq() + 1)
        self.raised.clear()

    def close(self) -> None:
        self.stream.close()
        self.store.close()
        self.records.close()


def fill(store: DuckDBStore, records: Records, site: Site, batches: Iterable[ReadingBatch]) -> bytes:
    """Readings into the store, through the rules, into the records: as the program does; the rules' last state."""
    shard = Shard(site)
    for seq, batch in enumerate(batches, start=1):
        store.append_readings([batch], seq)
        events = shard.process(seq, batch)
        store.upsert_intervals(events.intervals)
        records.apply(events.changes, seq)
    store.maintain(to_ms(datetime.now(UTC)))
    return shard.snapshot()


def health_of(site: Site, now: datetime) -> HealthReport:
    """A report as a running collector would give it: one unit is dead, one line reconnects."""
    time = to_ms(now)
    meters = tuple(
        MeterHealth(
            m.id, m.connection or f"line-{i // 8 + 1}", expected=8640, received=8640 - (i % 7), stored=8640 - (i % 7),
            skipped=i % 3, last_reading=time - np.timedelta64(4000 + 37 * i, "ms"),
        )
        for i, m in enumerate(site.meters.values())
    )  # fmt: skip
    dead = replace(
        meters[17], received=5210, stored=5210, errors=412, breaker="open", last_error="no answer within 1.0 s",
        last_reading=time - np.timedelta64(9 * 3600, "s"),
    )  # fmt: skip
    meters = (*meters[:17], dead, *meters[18:])
    lines = tuple(dict.fromkeys(m.connection for m in meters))
    connections = tuple(
        ConnectionHealth(line, "connected", sum(m.connection == line for m in meters), 120_340, 3 * i, i % 2)
        for i, line in enumerate(lines)
    )
    failing = replace(connections[2], state="waiting", last_error="connection refused", errors=51, reconnects=9)
    journal = JournalHealth(48_211, 92_400_000, time - np.timedelta64(86_400, "s"), {"store": 3, "rules": 0}, {})
    aside = {"MQTT payload is no JSON": 4, "register of w-dorm-1-f2 is implausible": 1}
    return HealthReport(time, meters, (*connections[:2], failing, *connections[3:]), journal, aside)


def build(
    folder: Path, *, seed: int = 7, days: int = 21, access: Access | None = None, now: datetime | None = None
) -> Campus:
    """A judged campus in `folder`. Its clock stands still at `now`."""
    now = now or datetime.now(UTC).replace(second=0, microsecond=0)
    simulated = build_campus(seed, epoch_before(now, days), days)
    site = parse_site(simulated.site_document())
    store = DuckDBStore(folder / "store.duckdb")
    records = Records(f"sqlite:///{folder / 'records.db'}", policy=NotifyPolicy(channels=("webhook", "email")))
    records.migrate()
    history = list(simulated.history(simulated.start, to_ms(now)))
    snapshot = fill(store, records, site, [concatenate(history[i : i + 4]) for i in range(0, len(history), 4)])
    stream, posted = EventStream(heartbeat_s=15.0), []
    campus: Campus
    parts = ApiParts(
        site=lambda: site,
        readings=store,
        intervals=store,
        records=records,
        health=lambda: health_of(site, now),
        submit=_submitter(posted),
        stream=stream,
        is_ready=lambda: campus.readiness,
        access=access or Access(demo=True),
        now=lambda: now,
        duty_desk=DutyDesk(records.database, surroundings_of(lambda: site, ("webhook", "email")), lambda: now),
    )
    campus = Campus(parts, store, records, stream, posted, snapshot)
    return campus


def _submitter(posted: list[ReadingBatch]) -> Callable[[ReadingBatch], Awaitable[None]]:
    async def submit(batch: ReadingBatch) -> None:
        await asyncio.sleep(0)
        posted.append(batch)

    return submit


def main() -> None:
    """Serve a campus until interrupted."""
    import tempfile  # noqa: PLC0415

    import uvicorn  # noqa: PLC0415

    from api.app import create_app  # noqa: PLC0415

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=8000)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--days", type=int, default=21)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        campus = build(Path(folder), seed=chosen.seed, days=chosen.days)
        live = replace(campus.parts, now=lambda: datetime.now(UTC) - timedelta(0))
        print(f"{campus.records.count_alerts()}", flush=True)  # noqa: T201
        uvicorn.run(create_app(live), host="127.0.0.1", port=chosen.port, log_level="warning")


if __name__ == "__main__":
    main()
