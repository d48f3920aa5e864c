"""The figures of the desk over many alerts: how long the page's figures take, and the workbook.

    python bench/desk_figures.py [--alerts 100000] [--days 180] [--url URL]

Made alerts of `--days` days on a campus of 20 buildings, each told by a message; a sixth of them are leaks that come
back to the same places. `--url` takes an empty PostgreSQL database in place of SQLite. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from alerts.models import AlertRow, OutboxAlertRow, OutboxRow  # noqa: E402
from alerts.records import Records  # noqa: E402
from alerts.statistics.counted import Wanted  # noqa: E402
from alerts.statistics.figures import Statistics  # noqa: E402
from alerts.statistics.losses import UsualDiscovery, Valuing  # noqa: E402
from metering.site import Site  # noqa: E402
from metering.site_document import parse_site  # noqa: E402

END = datetime(2026, 11, 23, tzinfo=UTC)
END_MS = int(END.timestamp() * 1000)
SEED = 20261123
ROUNDS = 5
_HOUR_MS = 3_600_000
_BATCH = 5_000
_CATEGORIES = ("leak", "consumption", "appliance", "supply", "data_quality", "consumption")
_OUTCOMES = (None, "repaired", "repaired", "confirmed", "false")


def made_site() -> Site:
    """A campus of 4 zones, 20 buildings and 380 rooms, with its terms."""
    nodes = [{"id": "campus", "kind": "campus"}]
    nodes += [{"id": f"z{z}", "kind": "zone", "parent": "campus"} for z in range(4)]
    nodes += [{"id": f"b{b}", "kind": "building", "parent": f"z{b % 4}"} for b in range(20)]
    nodes += [{"id": f"b{b}-r{r}", "kind": "room", "parent": f"b{b}"} for b in range(20) for r in range(19)]
    terms = [
        {"name": "2025-2026-2", "first": "2026-02-23", "last": "2026-07-05"},
        {"name": "2026-2027-1", "first": "2026-08-31", "last": "2027-01-17"},
    ]
    site = {"id": "bench", "name": "bench", "timezone": "Asia/Shanghai"}
    return parse_site({"site": site, "calendar": {"terms": terms}, "nodes": nodes, "meters": []})


def alert_rows(count: int, days: int) -> list[dict[str, Any]]:
    """Their times are drawn with a fixed seed."""
    draw = np.random.default_rng(SEED)
    raised = np.sort(END_MS - draw.integers(0, days * 24 * _HOUR_MS, count)).tolist()
    spans = (draw.exponential((6, 0.5, 20), (count, 3)) * _HOUR_MS).astype(np.int64).tolist()
    return [_alert(i, raised[i], *spans[i]) for i in range(count)]


def _alert(i: int, raised: int, late: int, wait: int, work: int) -> dict[str, Any]:
    is_active = i % 50 == 0
    return {
        "id": f"a{i}", "incident": f"i{i}", "is_active": is_active, "is_inhibited": False, "rule": "zone_balance",
        "category": _CATEGORIES[i % 6], "medium": "water" if i % 3 == 0 else "electricity", "subject": "m",
        "node": f"b{i % 20}-r{i // 20 % 19}", "severity": "warning", "detected_ms": raised, "onset_ms": raised - late,
        "closed_ms": None if is_active else raised + wait + work, "unit": "m3/h", "loss_rate": 0.5, "loss_total": 4.0,
        "evidence": {}, "rules_revision": "r", "is_acknowledged": True, "acknowledged_by": "li",
        "acknowledged_ms": raised + wait, "outcome": _OUTCOMES[i % 5], "raised_ms": raised, "updated_ms": raised,
    }  # fmt: skip


def outbox_row(alert: dict[str, Any]) -> dict[str, Any]:
    at = alert["detected_ms"]
    return {
        "id": f"o-{alert['id']}", "alert_id": alert["id"], "channel": "webhook", "detail": {}, "reason": "raised",
        "state": "delivered", "created_ms": at, "due_ms": at, "delivered_ms": at + 3000,
    }  # fmt: skip


def fill(records: Records, count: int, days: int) -> None:
    """Alerts, and one message each."""
    rows = alert_rows(count, days)
    for first in range(0, count, _BATCH):
        part = rows[first : first + _BATCH]
        with records.database.writing() as session:
            session.execute(insert(AlertRow), part)
            session.execute(insert(OutboxRow), [outbox_row(a) for a in part])
            told = [{"outbox_id": f"o-{a['id']}", "alert_id": a["id"], "reason": "raised"} for a in part]
            session.execute(insert(OutboxAlertRow), told)


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of the processor, the median of the rounds; the first one warms up and is left out."""
    taken = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter(), time.process_time()
        act()
        taken.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    return sorted(taken[1:])[ROUNDS // 2]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--alerts", type=int, default=100_000)
    options.add_argument("--days", type=int, default=180)
    options.add_argument("--url", default="")
    given = options.parse_args()
    site = made_site()
    valuing = Valuing({"water": 4.2, "electricity": 0.6}, UsualDiscovery(), site.zone)
    with tempfile.TemporaryDirectory() as folder:
        records = Records(given.url or f"sqlite:///{folder}/records.db")
        records.migrate()
        fill(records, given.alerts, given.days)
        statistics = Statistics(records.database)
        print(f"Data: made, {given.alerts:,} alerts and messages of {given.days} days.\n")
        print("| what | alerts in it | seconds | of processor |\n|---|---:|---:|---:|")
        for what, days in (("all of it", given.days), ("one month", 30)):
            wanted = Wanted(END - timedelta(days=days), END)
            figures = statistics.figures(wanted, site, valuing, END_MS)
            wall, cpu = timed(lambda wanted=wanted: statistics.figures(wanted, site, valuing, END_MS))
            print(f"| figures, {what} | {figures.total.counts.found:,} | {wall:.2f} | {cpu:.2f} |")
        records.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nPeak memory of the process: {peak:,.0f} MB.")


if __name__ == "__main__":
    main()
