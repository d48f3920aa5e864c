"""Ticks of the patrol list on one records database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from alerts.database import Database
from alerts.orders.ticks import NewTick, Tick, latest_ticks, put_tick, tick_of, ticks_since
from alerts.rows import ms_of
from alerts.values import Actor, Clock, utc_now


class Patrols:
    """Thread-safe."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def put(self, tick: NewTick, actor: Actor) -> Tick:
        """Keep a tick; one that was sent before is not kept twice. Raises: TickConflictError, RefusedError."""
        with self._database.writing() as session:
            return tick_of(put_tick(session, tick, actor, ms_of(self._clock())))

    def latest(self, items: Iterable[str]) -> dict[str, Tick]:
        """The latest tick of each item that has one."""
        with self._database.reading() as session:
            return latest_ticks(session, items)

    def since(
        self, moment: datetime, limit: int = 500, sees_node: Callable[[str], bool] = lambda _: True
    ) -> tuple[Tick, ...]:
        """What was looked at since then, the latest first."""
        with self._database.reading() as session:
            return ticks_since(session, moment, limit, sees_node)
