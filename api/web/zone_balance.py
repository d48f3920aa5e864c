"""What flows into the zone around an alert and where it goes: the last day beside the same day a week before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alerts.values import Alert
from api.alerts.evidence import main_details
from api.site.consumption import supply_of
from metering.batch import to_ms
from metering.incident import Category
from metering.ports import IntervalStore, StoreUnavailableError
from metering.quantities import MAIN_REGISTER
from metering.site import Site
from metering.windows import GRID_MS

_DAY, _WEEK = np.timedelta64(24, "h"), np.timedelta64(7 * 24, "h")
_GRID = np.timedelta64(GRID_MS, "ms")
_Days = npt.NDArray[np.float64]  # the last day, and the one a week before
_MOST_SHOWN = 8
_NOISE = 0.005  # of the inflow: what meters' steps and clocks alone leave over


@dataclass(frozen=True, slots=True)
class Part:
    """One meter below, or the rest: m3 or kWh of the last day and a week before; None: something is missing."""

    meter: str
    used: float | None
    before: float | None
    share: float | None
    is_judged: bool = False


@dataclass(frozen=True, slots=True)
class ZoneBalance:
    """`inflow` of the zone's main meters; `parts` the meters below, the largest first; `others` what is not shown.

    rest  what flows in and no meter below counts
    """

    medium: str
    main: tuple[str, ...]
    inflow: Part
    parts: tuple[Part, ...]
    others: Part | None
    others_count: int
    rest: Part


def balance_around(alert: Alert, site: Site, store: IntervalStore, now: np.datetime64) -> ZoneBalance | None:
    """The zone's balance over the last day that the alert was active; None where there is none to make."""
    main, below = zone_of(alert, site)
    if not main or not below or alert.category is Category.DATA_QUALITY:
        return None
    end = now - _GRID if alert.closed_at is None else min(now - _GRID, to_ms(alert.closed_at))
    end = end.astype("datetime64[ms]").astype(np.int64) // GRID_MS * GRID_MS
    last = np.datetime64(int(end), "ms")
    edges = np.array([last - _WEEK - _DAY, last - _WEEK, last - _DAY, last], dtype="datetime64[ms]")
    try:
        usage = store.usage((*main, *below), MAIN_REGISTER[alert.medium].name, edges).usage[[2, 0]]
    except StoreUnavailableError:
        return None
    inflow, counted = usage[:, : len(main)].sum(axis=1), usage[:, len(main) :]
    total = inflow[0]
    order = np.argsort(-np.nan_to_num(counted[0], nan=-1.0), kind="stable")
    parts = [_part(below[i], counted[:, i], total, alert) for i in order]
    return ZoneBalance(
        medium=alert.medium,
        main=main,
        inflow=_part("", inflow, total, alert),
        parts=tuple(parts[:_MOST_SHOWN]),
        others=_part("", counted[:, order[_MOST_SHOWN:]].sum(axis=1), total, alert) if parts[_MOST_SHOWN:] else None,
        others_count=max(0, len(parts) - _MOST_SHOWN),
        rest=_part("", _without_noise(inflow - counted.sum(axis=1), inflow), total, alert),
    )


def _without_noise(rest: _Days, inflow: _Days) -> _Days:
    return np.where(np.abs(rest) < _NOISE * inflow, 0.0, rest)


def zone_of(alert: Alert, site: Site) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The meters that feed the zone, and those below them.

    What was judged as a balance; else the judged meter and those below it; else what feeds it, and all below that.
    """
    details = main_details(alert)
    judged, below = _known(details.get("parents"), site), _known(details.get("children"), site)
    if judged and below:
        return judged, below
    subject = site.meters.get(alert.subject)
    if subject is not None and not site.child_meters[subject.id] and subject.parents:
        return _fed_by(subject.parents, alert.medium, site)
    own = (subject.id,) if subject is not None else _supply(alert, site)
    return _fed_by(own, alert.medium, site)


def _supply(alert: Alert, site: Site) -> tuple[str, ...]:
    return supply_of(site, alert.node, alert.medium).meters if alert.node in site.nodes else ()


def _fed_by(main: Sequence[str], medium: str, site: Site) -> tuple[tuple[str, ...], tuple[str, ...]]:
    below = dict.fromkeys(c for m in main for c in site.child_meters[m] if site.meters[c].medium == medium)
    return (tuple(main), tuple(below)) if below and MAIN_REGISTER.get(medium) else ((), ())


def _known(given: object, site: Site) -> tuple[str, ...]:
    return tuple(str(m) for m in given if str(m) in site.meters) if isinstance(given, list | tuple) else ()


def _part(meter: str, values: _Days, total: float, alert: Alert) -> Part:
    used, before = (None if np.isnan(v) else float(v) for v in values)
    share = used / float(total) if used is not None and total > 0 else None
    return Part(meter, used, before, share, is_judged=bool(meter) and meter == alert.subject)
