"""What a node uses: by its own main meters, else by the sum of what stands below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from metering.batch import Times
from metering.ports import IntervalStore
from metering.quantities import MAIN_REGISTER
from metering.site import Site
from metering.windows import day_edges


@dataclass(frozen=True, slots=True)
class Supply:
    """The meters whose sum is a node's use. `is_partial`: the node has no meter of its own, parts may be unmetered."""

    meters: tuple[str, ...] = ()
    is_partial: bool = False


def supply_of(site: Site, node: str, medium: str) -> Supply:
    """The node's own meters that no other meter of the node feeds; without any, those of its children."""
    own = [m for m in site.meters_at[node] if site.meters[m].medium == medium]
    top = tuple(m for m in own if not any(p in own for p in site.meters[m].parents))
    if top:
        return Supply(top)
    below = [supply_of(site, child, medium).meters for child in site.child_nodes[node]]
    return Supply(tuple(m for meters in below for m in meters), is_partial=True)


@dataclass(frozen=True, slots=True)
class DailyUse:
    """Use by local day, NaN where nothing is stored.

    days     the local days, in order
    edges    their bounds in UTC
    by_meter the meters' columns, each by day, in m3 or kWh
    """

    days: tuple[date, ...]
    edges: Times
    by_meter: Mapping[str, npt.NDArray[np.float64]]

    def of(self, meters: Sequence[str]) -> npt.NDArray[np.float64]:
        """Sum over the meters by day; a day is NaN only where no meter has anything."""
        columns = [self.by_meter[m] for m in meters if m in self.by_meter]
        if not columns:
            return np.full(len(self.days), np.nan)
        table = np.stack(columns)
        return np.where(np.isnan(table).all(axis=0), np.nan, np.nansum(table, axis=0))


def daily_use(store: IntervalStore, site: Site, meters: Sequence[str], medium: str, days: Sequence[date]) -> DailyUse:
    """The days' use of these meters of one medium, in one query."""
    edges = day_edges(days[0], days[-1], site.zone)
    known = tuple(dict.fromkeys(meters))
    register = MAIN_REGISTER.get(medium)
    if not known or register is None:
        return DailyUse(tuple(days), edges, {})
    series = store.usage(known, register.name, edges)
    return DailyUse(tuple(days), edges, {m: series.usage[:, i] for i, m in enumerate(series.meters)})


@dataclass(frozen=True, slots=True)
class Summary:
    """A node's or meter's use in m3 or kWh; None where nothing is stored. `daily` are the last days, today last."""

    today: float | None
    yesterday: float | None
    last_7_days: float | None
    month: float | None
    daily: tuple[float | None, ...]
    is_partial: bool = False


def summarize(use: DailyUse, supply: Supply) -> Summary:
    """The figures of the site tree.

    The last of `use.days` is today; they reach back to the first of the month and seven days at least.
    """
    by_day = use.of(supply.meters)
    first_of_month = use.days.index(use.days[-1].replace(day=1))
    return Summary(
        today=_number(by_day[-1]),
        yesterday=_number(by_day[-2]),
        last_7_days=_total(by_day[-7:]),
        month=_total(by_day[first_of_month:]),
        daily=tuple(_number(v) for v in by_day[-7:]),
        is_partial=supply.is_partial and bool(supply.meters),
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _total(values: npt.NDArray[np.float64]) -> float | None:
    return None if np.isnan(values).all() else round(float(np.nansum(values)), 4)
