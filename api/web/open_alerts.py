"""The active alerts of a reach, read anew when something was written: many readers see the same ones."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from alerts.records import Records
from alerts.users.reach import AlertsWithin
from alerts.values import Alert, AlertCounts, AlertFilter, AlertState

MOST = 500
"""So many active alerts are looked at one by one, the latest raised."""
_KEPT = 32
# Figures of alerts are written more often than audited; of another program's commits an earlier number may come later.
_LONGEST_S = 5.0
_Key = tuple[frozenset[str] | None, str | None]


@dataclass(frozen=True, slots=True, eq=False)
class OpenAlerts:
    """Counts of all, and the active ones, latest raised first; `is_whole`: not more than `MOST`. No two are equal."""

    counts: AlertCounts
    items: tuple[Alert, ...]
    is_whole: bool


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    change: int = -1
    read_at: float = 0.0
    found: OpenAlerts | None = None


class OpenAlertsKept:
    """Thread-safe. Of those who ask at the same moment for the same, one reads and the others wait for it."""

    def __init__(self, records: Records, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._records = records
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()

    def of(self, alerts: AlertsWithin) -> OpenAlerts:
        """What is active within the reach; never older than the last change that was audited, nor than five seconds."""
        kept = self._place_of((alerts.reach.nodes, alerts.reach.assignee))
        with kept.lock:
            change, now = self._records.latest_change(), self._monotonic()
            if kept.found is None or kept.change != change or now - kept.read_at >= _LONGEST_S:
                is_late = now - kept.read_at >= _LONGEST_S
                known = {} if kept.found is None or is_late else {a.id: a for a in kept.found.items}
                kept.found, kept.change = _read(alerts, known), change
                kept.read_at = kept.read_at if known else now
            return kept.found

    def _place_of(self, key: _Key) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return kept


def _read(alerts: AlertsWithin, known: Mapping[str, Alert]) -> OpenAlerts:
    page = alerts.find(AlertFilter(state=AlertState.ACTIVE), limit=MOST, known=known)
    return OpenAlerts(alerts.count(), page.items, is_whole=page.next_cursor is None)
