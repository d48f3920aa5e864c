"""What was ticked off on a patrol, within one open transaction. A tick may be sent late and more than once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.actions import checked_text
from alerts.errors import RefusedError
from alerts.orders.errors import TickConflictError, TickTimeError
from alerts.orders.models import TickRow
from alerts.rows import moment_of, ms_of
from alerts.texts import is_storable
from alerts.values import Actor

LONGEST_ID, LONGEST_ITEM, LONGEST_NOTE = 64, 250, 500
OLDEST = timedelta(days=30)  # a phone that was off for longer has nothing new to say
AHEAD = timedelta(minutes=5)  # a phone's clock may be so far ahead
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class TickResult(StrEnum):
    """What was found."""

    FINE = "fine"
    PROBLEM = "problem"
    NO_ACCESS = "no_access"


@dataclass(frozen=True, slots=True)
class NewTick:
    """A tick as a phone sends it. `at`: when it was made; later than now, by a clock that is ahead, counts as now."""

    id: str
    item: str
    node: str
    at: datetime
    result: TickResult = TickResult.FINE
    words: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """One thing that somebody looked at; `taken_at` when the tick came in."""

    id: str
    item: str
    node: str
    result: TickResult
    words: str
    actor: str
    at: datetime
    taken_at: datetime


def put_tick(session: Session, tick: NewTick, actor: Actor, now_ms: int) -> TickRow:
    """Keep it; sent again by the same person, nothing is done twice.

    Raises:
        TickConflictError: the id stands for another tick.
        RefusedError: its id or time cannot be; it is too old.
    """
    if not _ID.fullmatch(tick.id):
        raise RefusedError("a tick's id has 8 to 64 letters, digits, - and _")
    if not is_storable(tick.item) or not 0 < len(tick.item) <= LONGEST_ITEM:
        raise RefusedError(f"a tick's item has 1 to {LONGEST_ITEM} characters")
    words = checked_text(tick.words, "a note", LONGEST_NOTE)
    if (known := session.get(TickRow, tick.id)) is not None:
        is_same = (known.item, known.result, known.actor) == (tick.item, tick.result.value, actor.name)
        if not is_same:
            raise TickConflictError(f"the tick {tick.id!r} stands for another one; each needs an id of its own")
        return known
    at_ms = ms_of(tick.at)
    if at_ms > now_ms + AHEAD // timedelta(milliseconds=1):
        raise TickTimeError("this tick is from the future: the phone's clock is more than 5 minutes ahead", "ahead")
    if at_ms < now_ms - OLDEST // timedelta(milliseconds=1):
        raise TickTimeError(f"this tick is more than {OLDEST.days} days old", "too_old")
    row = TickRow(
        id=tick.id, item=tick.item, node=tick.node, result=tick.result.value, text=words, actor=actor.name,
        origin=actor.origin, at_ms=min(at_ms, now_ms), taken_ms=now_ms,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def latest_ticks(session: Session, items: Iterable[str]) -> dict[str, Tick]:
    """The latest tick of each item that has one."""
    wanted = [item for item in items if is_storable(item)]
    out: dict[str, Tick] = {}
    for some in (wanted[i : i + 500] for i in range(0, len(wanted), 500)):
        newest = (
            select(TickRow.item, func.max(TickRow.at_ms).label("at_ms"))
            .where(TickRow.item.in_(some))
            .group_by(TickRow.item)
            .subquery()
        )
        query = select(TickRow).join(newest, (TickRow.item == newest.c.item) & (TickRow.at_ms == newest.c.at_ms))
        out |= {row.item: tick_of(row) for row in session.scalars(query.order_by(TickRow.taken_ms, TickRow.id))}
    return out


def ticks_since(
    session: Session, since: datetime, limit: int, sees_node: Callable[[str], bool] = lambda _: True
) -> tuple[Tick, ...]:
    """The ticks made since then, the latest first."""
    query = select(TickRow).where(TickRow.at_ms >= ms_of(since)).order_by(TickRow.at_ms.desc(), TickRow.id)
    found = (tick_of(row) for row in session.scalars(query.limit(limit)))
    return tuple(tick for tick in found if sees_node(tick.node))


def tick_of(row: TickRow) -> Tick:
    """The tick that a row holds."""
    return Tick(
        row.id, row.item, row.node, TickResult(row.result), row.text, row.actor, moment_of(row.at_ms),
        moment_of(row.taken_ms),
    )  # fmt: skip
