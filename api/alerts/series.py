"""An alert's curve: what was observed, what is usual at that time of day, and the flagged stretch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alerts.values import Alert
from api.alerts.evidence import main_details
from api.moments import read_range, window_edges
from api.site.consumption import supply_of
from metering.batch import Times, to_ms
from metering.ports import IntervalStore
from metering.quantities import BY_NAME, MAIN_REGISTER
from metering.site import Site
from metering.windows import GRID_MS, STEP, offset_minutes

Floats = npt.NDArray[np.float64]
_DAY = np.timedelta64(24, "h")
_BEFORE_ONSET, _AFTER_END, _MOST = 3 * _DAY, _DAY, 400 * _DAY
_USUAL_DAYS, _FINE_DAYS = 28, 8
_USUAL_SHARES = (0.1, 0.5, 0.9)  # of the days before: the band's lower bound, the usual, the upper bound
_CLOSING = STEP  # the newest interval closes with the first reading after it
_MINUTES_A_DAY = 1440


@dataclass(frozen=True, slots=True)
class Source:
    """Whose curve it is: the sum of `meters`, less the sum of `minus`, of one cumulative quantity."""

    meters: tuple[str, ...]
    minus: tuple[str, ...]
    quantity: str
    level: float | None = None


@dataclass(frozen=True, slots=True)
class AlertSeries:
    """Mean rates in m3/h or kW by window. `step` as in `api.moments.STEPS`; `edges` one more than windows.

    expected  usual at that time of day; eight of ten days before were from `low` to `high`
    """

    source: Source
    step: str
    edges: Times
    observed: Floats
    expected: Floats
    low: Floats
    high: Floats


def source_of(alert: Alert, site: Site) -> Source:
    """The rule's own hint as far as it can be used, else the judged meter, else the place's meters.

    A balance is drawn as what it judged: the parents' flow less the children's.
    """
    hint = alert.evidence.get("series")
    hint = hint if isinstance(hint, Mapping) else {}
    details = main_details(alert)
    minus = _known(details.get("children"), site) if _known(details.get("parents"), site) else ()
    meters = _known(details["parents"], site) if minus else _known(hint.get("meters"), site)
    if not meters and alert.subject in site.meters:
        meters = (alert.subject,)
    if not meters and alert.node in site.nodes:
        meters = supply_of(site, alert.node, alert.medium).meters
    named = BY_NAME.get(str(hint.get("quantity")))
    quantity = named if named is not None and named.is_cumulative else MAIN_REGISTER.get(alert.medium)
    # What a balance compares with are the children themselves: no level of the difference.
    level = None if minus else _level(hint, alert)
    return Source(meters, minus, quantity.name if quantity else "", level)


def _known(given: Any, site: Site) -> tuple[str, ...]:
    names = [given] if isinstance(given, str) else given if isinstance(given, Sequence) else []
    return tuple(str(m) for m in names if str(m) in site.meters)


def _level(hint: Mapping[str, Any], alert: Alert) -> float | None:
    """A level the rule compared with, if it is one number in the unit of the curve."""
    expected = hint.get("expected", alert.expected)
    is_level = alert.unit in ("m3/h", "kW") and isinstance(expected, int | float) and np.isfinite(expected)
    return float(expected) if is_level else None


def default_range(alert: Alert, now: np.datetime64) -> tuple[np.datetime64, np.datetime64]:
    """From three days before the onset to a day after the end, or to now."""
    onset = to_ms(alert.onset_at)
    now = now - _CLOSING
    end = now if alert.closed_at is None else min(now, to_ms(alert.closed_at) + _AFTER_END)
    start = max(onset - _BEFORE_ONSET, end - _MOST)
    return start, max(end, start + _DAY)


def alert_series(
    alert: Alert, site: Site, store: IntervalStore, span: tuple[np.datetime64, np.datetime64]
) -> AlertSeries:
    """The curve over `span`, in quarter hours up to eight days and in hours beyond."""
    source = source_of(alert, site)
    start, end = span
    step = "15min" if (end - start) <= _FINE_DAYS * _DAY else "1h"
    edges = window_edges(start, end, step, site)
    if edges[-1] > end and len(edges) > 2:  # noqa: PLR2004 - a window that is not over yet says too little
        edges = edges[:-1]
    observed = rates(store, source, edges)
    low, usual, high = _usual_before(alert, site, store, source, edges)
    return AlertSeries(source, step, edges, observed, usual, low, high)


def rates(store: IntervalStore, source: Source, edges: Times) -> Floats:
    """Mean rate of each window; NaN as soon as one of the meters has nothing in it: a sum of some is no sum."""
    meters = (*source.meters, *source.minus)
    if not meters or not source.quantity:
        return np.full(len(edges) - 1, np.nan)
    series = store.usage(meters, source.quantity, edges)
    sign = np.array([1.0] * len(source.meters) + [-1.0] * len(source.minus))
    hours = np.diff(edges) / np.timedelta64(3_600_000, "ms")
    return np.asarray((series.usage @ sign) / hours, dtype=np.float64)


def _usual_before(alert: Alert, site: Site, store: IntervalStore, source: Source, edges: Times) -> Floats:
    """Usual rates at each window's time of day, a row a share; of the days before the onset or the curve's end."""
    width = edges[1] - edges[0]
    until = min(to_ms(alert.onset_at), edges[-1])
    # On the curve's own grid, so that a window of the past has the same length.
    until = edges[0] + (until - edges[0]) // width * width
    past = np.arange(until - _USUAL_DAYS * _DAY, until + STEP, width, dtype="datetime64[ms]")
    before = rates(store, source, past)
    return usual_profile(_local_minutes(past[:-1], site), before, _local_minutes(edges[:-1], site))


def _local_minutes(times: Times, site: Site) -> npt.NDArray[np.int64]:
    minutes = times.astype(np.int64) // 60_000
    return (minutes + offset_minutes(times.astype(np.int64) // GRID_MS, site.zone)) % _MINUTES_A_DAY


def usual_profile(minutes: npt.NDArray[np.int64], values: Floats, wanted: npt.NDArray[np.int64]) -> Floats:
    """Quantiles (`_USUAL_SHARES`) of the values by minute of the local day, looked up for each wanted minute.

    A row a share; NaN where there is none.
    """
    profile = np.full((len(_USUAL_SHARES), _MINUTES_A_DAY), np.nan)
    for minute in np.unique(minutes):
        at = values[(minutes == minute) & ~np.isnan(values)]
        if len(at):
            profile[:, minute] = np.quantile(at, _USUAL_SHARES)
    return profile[:, wanted]


def read_span(
    alert: Alert, site: Site, now: np.datetime64, start: str | None, end: str | None
) -> tuple[np.datetime64, np.datetime64]:
    """The range asked for; a bound that is not given is the default's.

    Raises:
        Problem: 422.
    """
    first, last = default_range(alert, now)
    if start is None and end is None:
        return first, last
    return read_range(start or str(first) + "+00:00", end or str(last) + "+00:00", site)
