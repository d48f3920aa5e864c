"""Which figures somebody asks for: the period, the place, the kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Query
from pydantic import BeforeValidator

from alerts.orders.values import Order
from alerts.rows import ms_of
from alerts.statistics.counted import Wanted
from alerts.statistics.figures import Figures, Statistics
from alerts.statistics.losses import Valuing
from alerts.statistics.scorecards import Scorecard, Scorecards
from alerts.users.reach import Reach
from api.alerts.views import nodes_below
from api.dependencies import CurrentReach, Parts
from api.moments import read_moment
from api.parts import ApiParts
from api.problems import Problem
from metering.batch import to_datetime
from metering.incident import Category

USUAL_MONTHS = 6
LONGEST = timedelta(days=3660)
MEDIA = "^(electricity|water|gas|heat|other)$"

_Chosen = BeforeValidator(lambda given: given or None)  # a form sends what is not chosen as an empty text
_Day = Annotated[str | None, Query(max_length=40, examples=["2026-09-01"])]


@dataclass(frozen=True, slots=True)
class Asked:
    """One asking. `node` is the place as it was asked for, None: all that the reader sees."""

    parts: ApiParts
    reach: Reach
    wanted: Wanted
    node: str | None

    @property
    def valuing(self) -> Valuing:
        """The prices and the assumption about discovery that are set."""
        prices = {m: p for m in ("water", "electricity") if (p := self.parts.prices.per_unit(m)) is not None}
        return Valuing(prices, self.parts.discovery, self.reach.site.zone)

    def figures(self) -> Figures:
        """Read and worked out."""
        statistics, now_ms = Statistics(self.parts.records.database), ms_of(self.parts.now())
        return statistics.figures(self.wanted, self.reach.site, self.valuing, now_ms)

    def scorecards(self) -> tuple[Scorecard, ...]:
        """Contractors'; a contractor's own alone, and of a part of the site those who had to do there."""
        scorecards, now_ms = Scorecards(self.parts.records.database), ms_of(self.parts.now())
        cards, own = scorecards.of(self.wanted, now_ms, self.reach.assignee), self.reach.assignee
        is_limited = self.reach.nodes is not None and own is None
        return tuple(card for card in cards if not is_limited or card.given or card.missed)

    def latest_orders(self, contractor: str) -> tuple[Order, ...]:
        """The latest orders that the contractor's card counts."""
        return Scorecards(self.parts.records.database).latest(self.wanted, contractor)


def months_back(day: date, months: int) -> date:
    """The first of the month so many months before that of the day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, 1)


def read_asked(
    parts: Parts,
    reach: CurrentReach,
    start: _Day = None,
    end: _Day = None,
    node: Annotated[str | None, Query(max_length=200, description="This place and all below it")] = None,
    category: Annotated[Category | None, _Chosen] = None,
    medium: Annotated[str | None, Query(pattern=MEDIA)] = None,
) -> Asked:
    """What a request asks for; without a period this month and the five before it.

    Raises:
        Problem: 404, no such place; 422, the period.
    """
    since, until = _period(parts, reach, start, end)
    node = node or None
    nodes = nodes_below(reach.site, node)
    if nodes is None and reach.nodes is not None:
        nodes = tuple(sorted(reach.nodes))
    return Asked(parts, reach, Wanted(since, until, nodes, category and category.value, medium), node)


def _period(parts: ApiParts, reach: Reach, start: str | None, end: str | None) -> tuple[datetime, datetime]:
    until = parts.now() if end is None else to_datetime(read_moment(end, reach.site, "end"))
    usual = months_back(until.astimezone(reach.site.zone).date(), USUAL_MONTHS - 1).isoformat()
    since = to_datetime(read_moment(usual if start is None else start, reach.site, "start"))
    if since >= until:
        raise Problem(422, f"start ({since.isoformat()}) must be before end ({until.isoformat()}).")
    if until - since > LONGEST:
        raise Problem(422, f"A period has at most {LONGEST.days} days.")
    return since, until


CurrentAsked = Annotated[Asked, Depends(read_asked)]
