"""What a data folder holds, read from its files, so that two runs can be compared row by row."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from bench.harness.services import ALERTS

Row = tuple[Any, ...]
TOLD = (
    "SELECT receiver, outbox_alerts.alert_id, outbox_alerts.reason FROM outbox_alerts JOIN outbox ON outbox_id = id"
    " WHERE state = 'delivered'"
)


@dataclass(frozen=True)
class State:
    """The folder's readings, intervals, alerts, audit and notifications.

    written  reading rows, repeated keys included
    told     how many notifications told a receiver of an alert for a reason
    """

    readings: list[Row]
    written: int
    intervals: list[Row]
    alerts: list[Row]
    audit: list[Row]
    notifications: dict[str, Row]
    told: Counter[Row]

    @property
    def alert_ids(self) -> list[str]:
        return [row[0] for row in self.alerts]

    def audited(self, action: str) -> Counter[str]:
        return Counter(row[0] for row in self.audit if row[1] == action)

    def told_first(self) -> Counter[str]:
        """How often an alert was told as a new one, by its id."""
        return Counter({alert: n for (_, alert, reason), n in self.told.items() if reason == "raised"})

    def open_alerts(self) -> dict[str, dict[str, Any]]:
        return {a["id"]: a for a in self.alert_rows() if a["is_active"] and not a["is_inhibited"]}

    def alert_rows(self) -> list[dict[str, Any]]:
        names = [name.strip() for name in ALERTS.split(",")]
        return [dict(zip(names, row, strict=True)) for row in self.alerts]


def state_of(data: Path) -> State:
    readings, written, intervals = _stored(data / "store.duckdb")
    records = sqlite3.connect(f"file:{data / 'records.db'}?mode=ro", uri=True)
    try:
        audit = records.execute(
            "SELECT alert_id, action, event_ms, actor, text, detail FROM audit ORDER BY alert_id, id"
        ).fetchall()
        outbox = records.execute("SELECT id, alert_id, channel, reason, state FROM outbox").fetchall()
        told = Counter(records.execute(TOLD).fetchall())
    finally:
        records.close()
    return State(readings, written, intervals, alerts_of(data), audit, {row[0]: row[1:] for row in outbox}, told)


def alerts_of(data: Path) -> list[Row]:
    """The alerts alone, wherever readings are kept."""
    with closing(sqlite3.connect(f"file:{data / 'records.db'}?mode=ro", uri=True)) as records:
        return records.execute(f"SELECT {ALERTS} FROM alerts ORDER BY detected_ms, id").fetchall()  # noqa: S608


def _stored(path: Path) -> tuple[list[Row], int, list[Row]]:
    store = duckdb.connect(str(path), read_only=True)
    try:
        readings = store.execute(
            "SELECT meter, quantity, epoch_ms(time), value, quality FROM latest_readings ORDER BY ALL"
        ).fetchall()
        (written,) = store.execute("SELECT count(*) FROM readings").fetchone() or (0,)
        intervals = store.execute(
            "SELECT id, quantity, step, usage, intervals.quality FROM intervals JOIN meters ON number = meter"
            " ORDER BY ALL"
        ).fetchall()
    finally:
        store.close()
    return readings, written, intervals


def truth_of(data: Path) -> list[dict[str, Any]]:
    faults: list[dict[str, Any]] = json.loads((data / "truth.json").read_text(encoding="utf-8"))["faults"]
    return faults
