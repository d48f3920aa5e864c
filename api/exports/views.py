"""`/api/v1/exports/...`: readings in the long form, use by window, and alerts, as files. Times are the site's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from starlette.responses import Response

from alerts.paging import every
from alerts.users.roles import Permission
from alerts.values import Alert, AlertFilter
from api.alerts.document import loss_money, loss_rate_unit, loss_unit
from api.alerts.views import nodes_below, read_state
from api.dependencies import CurrentAlerts, CurrentSite, Parts, meter_of
from api.exports.table import MOST_ROWS, XLSX, Cell, Form, table_response
from api.moments import read_moment, read_range, window_edges
from api.parts import ApiParts
from api.permits import needs
from api.problem_schema import Responses, problems
from api.problems import Problem
from api.site.views import cumulative
from metering.batch import to_datetime
from metering.incident import Category
from metering.ports import UsageSeries
from metering.quantities import BY_CODE, quantity
from metering.site import Site

router = APIRouter(prefix="/api/v1/exports", tags=["exports"], default_response_class=Response)
FILE_PROBLEMS: Responses = {
    200: {"content": {"text/csv": {}, XLSX: {}}, "description": "The file"},
    **problems(401, 403, 404, 413, 421, 422, 429),
}
_SITE, _ALERTS = [needs(Permission.SITE_READ)], [needs(Permission.ALERTS_READ)]
_Meters = Annotated[list[str], Query(min_length=1, max_length=1000, description="May be given several times")]
_Moment = Annotated[str, Query(max_length=40, examples=["2026-11-01"])]
OptionalMoment = Annotated[str | None, Query(max_length=40)]
ExportForm = Annotated[Form, Query(alias="format")]
_READINGS = ("meter", "quantity", "time", "value", "unit", "quality")
_USAGE = ("meter", "quantity", "start", "end", "usage", "unit", "quality")
_ALERT = (
    "id", "category", "medium", "severity", "rule", "node", "place", "subject", "state", "detected_at", "onset_at",
    "closed_at", "acknowledged_by", "acknowledged_at", "outcome", "observed", "expected", "unit", "loss_rate",
    "loss_rate_unit", "loss_total", "loss_unit", "loss_money_estimate", "currency",
)  # fmt: skip


@router.get("/readings", responses=FILE_PROBLEMS, summary="Readings as a file", dependencies=_SITE)
def export_readings(
    parts: Parts, site: CurrentSite, meter: _Meters, start: _Moment, end: _Moment,
    quantities: Annotated[list[str] | None, Query(alias="quantity", max_length=100, description="Default: all")] = None,
    form: ExportForm = "csv",
) -> Response:  # fmt: skip
    """The long form (with unit and quality), by meter and time; `start` <= time < `end`."""
    meters = list(dict.fromkeys(meter_of(site, m).id for m in meter))
    first, last = read_range(start, end, site)
    try:
        wanted = [quantity(name).name for name in quantities or ()]
    except ValueError as error:
        raise Problem(422, str(error)) from error
    return table_response("readings", _READINGS, _readings(parts, site, meters, wanted, (first, last)), form)


def _readings(
    parts: ApiParts, site: Site, meters: list[str], wanted: list[str], span: tuple[np.datetime64, np.datetime64]
) -> Iterator[list[Cell]]:
    for meter in meters:
        latest = parts.readings.latest([meter])
        names = wanted or [BY_CODE[int(code)].name for code in np.unique(latest.quantity)]
        if not names:
            continue
        batch = parts.readings.read([meter], names, *span)
        if len(batch) > MOST_ROWS["csv"]:
            raise Problem(413, f"That is more than {MOST_ROWS['csv']} readings of {meter}: ask for a shorter time.")
        for i in np.lexsort((batch.quantity, batch.time)):
            kind = BY_CODE[int(batch.quantity[i])]
            yield [
                meter,
                kind.name,
                _local(batch.time[i], site),
                float(batch.value[i]),
                kind.unit,
                int(batch.quality[i]),
            ]


@router.get("/usage", responses=FILE_PROBLEMS, summary="Use by window as a file", dependencies=_SITE)
def export_usage(
    parts: Parts, site: CurrentSite, meter: _Meters, start: _Moment, end: _Moment,
    step: Annotated[str, Query(pattern="^(15min|1h|1d|1mo)$")] = "1d",
    quantity_name: Annotated[str | None, Query(alias="quantity", max_length=40)] = None,
    form: ExportForm = "csv",
) -> Response:  # fmt: skip
    """As `/usage`, a row a meter and window; nothing stands where nothing is known."""
    meters = tuple(dict.fromkeys(meter_of(site, m).id for m in meter))
    counted = cumulative(quantity_name, meters, site)
    edges = window_edges(*read_range(start, end, site), step, site)
    if (len(edges) - 1) * len(meters) > MOST_ROWS[form]:
        raise Problem(413, f"That is more than {MOST_ROWS[form]} rows: ask for fewer meters or a longer step.")
    series = parts.intervals.usage(meters, counted.name, edges)
    return table_response("usage", _USAGE, _usage(series, counted.name, counted.unit, site), form)


def _usage(series: UsageSeries, name: str, unit: str, site: Site) -> Iterator[list[Cell]]:
    edges = [_local(edge, site) for edge in series.edges]
    for i, meter in enumerate(series.meters):
        for n in range(len(edges) - 1):
            value = float(series.usage[n, i])
            shown = None if np.isnan(value) else round(value, 6)
            yield [meter, name, edges[n], edges[n + 1], shown, unit, int(series.quality[n, i])]


@router.get("/alerts", responses=FILE_PROBLEMS, summary="Alerts as a file", dependencies=_ALERTS)
def export_alerts(
    parts: Parts, alerts: CurrentAlerts, site: CurrentSite,
    state: Annotated[str, Query(pattern="^(active|cleared|all)$")] = "all",
    category: Category | None = None,
    node: Annotated[str | None, Query(max_length=200, description="This place and all below it")] = None,
    start: OptionalMoment = None, end: OptionalMoment = None,
    inhibited: Annotated[bool, Query(description="Also those that another alert explains")] = False,
    form: ExportForm = "csv",
) -> Response:  # fmt: skip
    """Detected at or after `start` and before `end`, latest first; losses in money are estimates."""
    wanted = AlertFilter(
        state=read_state(state), category=category, nodes=nodes_below(site, node),
        inhibited=None if inhibited else False,
    )  # fmt: skip
    bounds = read_bounds(start, end, site)
    found = (a for a in every(alerts.find, wanted) if is_within(a.detected_at, *bounds))
    return table_response("alerts", _ALERT, (_alert(a, site, parts) for a in found), form)


def read_bounds(start: str | None, end: str | None, site: Site) -> tuple[datetime | None, datetime | None]:
    """Either may be left out. Raises: Problem 422."""
    given = (("start", start), ("end", end))
    first, last = (None if text is None else to_datetime(read_moment(text, site, name)) for name, text in given)
    return first, last


def is_within(moment: datetime, start: datetime | None, end: datetime | None) -> bool:
    """At or after the one and before the other."""
    return (start is None or moment >= start) and (end is None or moment < end)


def _alert(alert: Alert, site: Site, parts: ApiParts) -> list[Cell]:
    money = loss_money(alert.medium, alert.loss_total, parts.prices) or {"amount": None, "currency": None}
    times = [alert.detected_at, alert.onset_at, alert.closed_at]
    detected, onset, closed = (None if t is None else t.astimezone(site.zone) for t in times)
    taken = None if alert.acknowledged_at is None else alert.acknowledged_at.astimezone(site.zone)
    return [
        alert.id, alert.category.value, alert.medium, alert.severity.value, alert.rule, alert.node,
        site.place_name(alert.node), alert.subject, alert.state.value, detected, onset, closed,
        alert.acknowledged_by, taken, None if alert.outcome is None else str(alert.outcome), _figure(alert.observed),
        _figure(alert.expected), alert.unit, _figure(alert.loss_rate), loss_rate_unit(alert.medium),
        _figure(alert.loss_total), loss_unit(alert.medium), money["amount"], money["currency"],
    ]  # fmt: skip


def _figure(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(value, 6)


def _local(moment: np.datetime64, site: Site) -> datetime:
    return to_datetime(moment).astimezone(site.zone)
