"""How contractors kept their orders: given, done in time, opened again, rated, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.desk_models import BreachRow
from alerts.models import AlertRow
from alerts.orders.models import OrderRow
from alerts.orders.rows import order_of
from alerts.orders.states import FINISHED
from alerts.orders.values import Order
from alerts.rows import ms_of
from alerts.statistics.counted import Wanted, counted, counted_orders, of_kind, order_at
from alerts.statistics.durations import Spread, spread_of
from alerts.texts import is_storable
from alerts.users.models import AccountRow
from alerts.users.roles import Role

LATEST = 20


@dataclass(frozen=True, slots=True)
class Scorecard:
    """One contractor's orders that were given in a period, as they stand.

    in_time   done by their due time, of `timed`: those that had one and are done, or should be
    reopened  orders that the meters or a person disagreed with at least once
    to_start  from the order's giving until somebody began; `to_repair` until it was done
    cost      what the repairs cost together, of the `priced` orders whose cost was said
    missed    deadlines of alerts that were assigned to them and that nobody acknowledged in time
    """

    contractor: str
    given: int
    done: int
    timed: int
    in_time: int
    reopened: int
    rated: int
    rating: float | None
    to_start: Spread
    to_repair: Spread
    missed: int
    priced: int = 0
    cost: float = 0.0

    @property
    def share_in_time(self) -> float | None:
        """0 to 1; None where no order had a due time yet."""
        return self.in_time / self.timed if self.timed else None


class Scorecards:
    """Reads only. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, wanted: Wanted, contractor: str, limit: int = LATEST) -> tuple[Order, ...]:
        """The latest given of those that the contractor's card counts: what its figures rest on."""
        query = counted_orders(OrderRow).where(*_given(wanted, [contractor]))
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(OrderRow.assigned_ms.desc(), OrderRow.id.desc()).limit(limit))
            return tuple(order_of(row) for row in rows)

    def of(self, wanted: Wanted, now_ms: int, contractor: str | None = None) -> tuple[Scorecard, ...]:
        """Each contractor's, by name; with `contractor` that one's alone. Who had no order is listed too."""
        with self._database.reading() as session:
            names = _contractors(session, contractor)
            orders = _orders(session, wanted, names)
            missed = _missed(session, wanted, names)
        return tuple(_card(name, orders.get(name, []), missed.get(name, 0), now_ms) for name in names)


def _contractors(session: Session, only: str | None) -> list[str]:
    query = select(AccountRow.name).where(AccountRow.role == Role.CONTRACTOR.value).order_by(AccountRow.name)
    if only is not None:
        query = query.where(AccountRow.name == only) if is_storable(only) else query.where(AccountRow.id < 0)
    return list(session.scalars(query))


def _orders(session: Session, wanted: Wanted, names: list[str]) -> dict[str, list[Any]]:
    columns = (
        OrderRow.assignee, OrderRow.state, OrderRow.assigned_ms, OrderRow.started_ms, OrderRow.done_ms, OrderRow.due_ms,
        OrderRow.reopened, OrderRow.rating, OrderRow.cost_cents,
    )  # fmt: skip
    query = counted_orders(*columns).where(*_given(wanted, names))
    found: dict[str, list[Any]] = {}
    for row in session.execute(query):
        found.setdefault(row.assignee, []).append(row)
    return found


def _given(wanted: Wanted, names: list[str]) -> list[ColumnElement[bool]]:
    return [
        OrderRow.assignee.in_(names),
        OrderRow.assigned_ms >= ms_of(wanted.since),
        OrderRow.assigned_ms < ms_of(wanted.until),
        *order_at(wanted),
    ]


def _missed(session: Session, wanted: Wanted, names: list[str]) -> dict[str, int]:
    query = counted(BreachRow.assigned_to, func.count()).join(BreachRow, BreachRow.alert_id == AlertRow.id)
    due = (BreachRow.due_ms >= ms_of(wanted.since), BreachRow.due_ms < ms_of(wanted.until))
    query = query.where(BreachRow.assigned_to.in_(names), *due, *of_kind(wanted))
    return {name: count for name, count in session.execute(query.group_by(BreachRow.assigned_to)) if name}


def _card(name: str, orders: list[Any], missed: int, now_ms: int) -> Scorecard:
    done = [o for o in orders if o.state in FINISHED and o.done_ms is not None]
    timed = [o for o in orders if o.due_ms is not None and (o in done or o.due_ms <= now_ms)]
    costs = [o.cost_cents for o in orders if o.cost_cents is not None]
    ratings = [o.rating for o in orders if o.rating is not None]
    return Scorecard(
        contractor=name,
        given=len(orders),
        done=len(done),
        timed=len(timed),
        in_time=sum(o in done and o.done_ms <= o.due_ms for o in timed),
        reopened=sum(o.reopened > 0 for o in orders),
        rated=len(ratings),
        rating=round(sum(ratings) / len(ratings), 2) if ratings else None,
        to_start=spread_of(_lengths([(o.assigned_ms, o.started_ms) for o in orders])),
        to_repair=spread_of(_lengths([(o.assigned_ms, o.done_ms) for o in done])),
        missed=missed,
        priced=len(costs),
        cost=sum(costs) / 100,
    )


def _lengths(spans: list[tuple[int | None, int | None]]) -> Any:
    return np.array([b - a if a is not None and b is not None else np.nan for a, b in spans], np.float64)
