"""Leaks that were there before: on the same branch within 90 days of the meters' all-clear."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, or_
from sqlalchemy.orm import Session

from alerts.models import AlertRow
from alerts.rows import ms_of
from alerts.statistics.cases import NOTHING
from alerts.statistics.counted import Wanted, counted, of_kind
from metering.incident import Category
from metering.site import Site

WITHIN = timedelta(days=90)
# A campus or a zone is no branch: within it every leak would be the same one.
_TOO_LARGE = ("campus", "zone")


@dataclass(frozen=True, slots=True)
class Repeat:
    """A leak, and the one before it on its branch."""

    alert_id: str
    node: str
    raised_ms: int
    before_id: str
    before_node: str
    days_between: float


@dataclass(frozen=True, slots=True)
class _Leak:
    id: str
    node: str
    raised_ms: int
    closed_ms: int | None


def find_repeats(session: Session, wanted: Wanted, site: Site) -> tuple[Repeat, ...]:
    """Those raised in the period, in that order. Only leaks of water; false alarms and planned use are none."""
    earliest, since, until = (ms_of(m) for m in (wanted.since - WITHIN, wanted.since, wanted.until))
    query = counted(AlertRow.id, AlertRow.node, AlertRow.raised_ms, AlertRow.closed_ms).where(
        AlertRow.category == Category.LEAK.value, func.coalesce(AlertRow.outcome, "").not_in(NOTHING),
        AlertRow.raised_ms < until, or_(AlertRow.raised_ms >= since, AlertRow.closed_ms >= earliest), *of_kind(wanted),
    )  # fmt: skip
    leaks = [_Leak(*row) for row in session.connection().execute(query.order_by(AlertRow.raised_ms, AlertRow.id)).all()]
    return tuple(r for r in _repeats(leaks, site) if r.raised_ms >= since)


def _repeats(leaks: Iterable[_Leak], site: Site) -> Iterator[Repeat]:
    """Each leak is looked up among those that were over when it began; they must come in the order of `raised_ms`."""
    running: list[tuple[int, str, _Leak]] = []
    at: dict[str, _Leak] = {}  # the last that ended at this very node
    below: dict[str, _Leak] = {}  # the last that ended at this node or somewhere in it
    for leak in leaks:
        while running and running[0][0] <= leak.raised_ms:
            ended = heapq.heappop(running)[2]
            at[ended.node] = ended
            below.update(dict.fromkeys(_branch(ended.node, site), ended))
        candidates = [at.get(n) for n in _branch(leak.node, site)] + [below.get(leak.node)]
        before = max((c for c in candidates if c), key=lambda c: c.closed_ms or 0, default=None)
        if before is not None and (repeat := _pair(leak, before)) is not None:
            yield repeat
        if leak.closed_ms is not None:
            heapq.heappush(running, (leak.closed_ms, leak.id, leak))


def _pair(leak: _Leak, before: _Leak) -> Repeat | None:
    between = timedelta(milliseconds=leak.raised_ms - (before.closed_ms or 0))
    if between > WITHIN:
        return None
    days = round(between / timedelta(days=1), 1)
    return Repeat(leak.id, leak.node, leak.raised_ms, before.id, before.node, days)


def _branch(node: str, site: Site) -> list[str]:
    """The node and what contains it, up to its building. A node that the site does not have stands alone."""
    if node not in site.nodes:
        return [node]
    path: Any = reversed(site.place_path(node))
    return [n for n in path if n == node or site.nodes[n].kind not in _TOO_LARGE]
