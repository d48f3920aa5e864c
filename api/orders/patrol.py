"""`/api/v1/patrol`: the patrol list, and what was ticked off on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter

from alerts.errors import AlertError, UnknownAlertError
from alerts.orders.errors import TickTimeError
from alerts.orders.patrol import RECENT, PatrolItem, Trouble, keys_of, patrol_list
from alerts.orders.patrols import Patrols
from alerts.orders.ticks import AHEAD, NewTick, TickResult
from alerts.users.reach import AlertsWithin, Reach
from alerts.users.roles import Permission
from alerts.values import Actor, Alert, AlertFilter, AlertState
from api.dependencies import CurrentActor, CurrentAlerts, CurrentHealth, CurrentReach, Parts
from api.orders.document import item_document
from api.orders.schema import PatrolOut, TickedManyOut, TickIn, TicksIn
from api.parts import ApiParts
from api.permits import needs
from api.problem_schema import BULK_PROBLEMS, LIST_PROBLEMS
from api.system.meter_states import TROUBLED, meter_rows
from api.wire import JsonResponse, time_text
from metering.health import HealthReport

router = APIRouter(
    prefix="/api/v1/patrol",
    tags=["orders"],
    default_response_class=JsonResponse,
    dependencies=[needs(Permission.PATROL_WALK)],
)
_MOST_ALERTS = 500


def patrol_of(
    parts: ApiParts, alerts: AlertsWithin, reach: Reach, health: HealthReport, now: datetime
) -> tuple[PatrolItem, ...]:
    """What somebody should look at, as far as the one who asks sees it."""
    found = list(_alerts(alerts, now))
    meters = list(_troubles(health, reach))
    ticks = Patrols(parts.records.database, parts.now).latest(keys_of(found, meters))
    return patrol_list(found, meters, ticks, reach.site, now)


def _alerts(alerts: AlertsWithin, now: datetime) -> Iterator[Alert]:
    """Active ones, and those that were cleared of late: of both at most 500."""
    yield from alerts.find(AlertFilter(state=AlertState.ACTIVE), limit=_MOST_ALERTS).items
    cleared = alerts.find(AlertFilter(state=AlertState.CLEARED), limit=_MOST_ALERTS).items
    yield from (a for a in cleared if a.closed_at is not None and now - a.closed_at <= RECENT)


def _troubles(health: HealthReport, reach: Reach) -> Iterator[Trouble]:
    for row in meter_rows(health, reach.site):
        if row.state in TROUBLED and row.meter is not None and row.meter.node is not None:
            yield Trouble(row.id, row.meter.node, is_dead=row.state != "late")


@router.get("", response_model=PatrolOut, responses=LIST_PROBLEMS, summary="What to look at, in the order of the way")
def get_patrol(parts: Parts, alerts: CurrentAlerts, reach: CurrentReach, health: CurrentHealth) -> JsonResponse:
    """Open and recent alerts, dead meters, overdue readings; more often where it is abnormal."""
    now = parts.now()
    items = patrol_of(parts, alerts, reach, health, now)
    return JsonResponse({"at": time_text(now), "items": [item_document(item, reach.site, now) for item in items]})


@router.post("/ticks", response_model=TickedManyOut, responses=BULK_PROBLEMS, summary="These were looked at")
def put_ticks(
    parts: Parts, alerts: CurrentAlerts, reach: CurrentReach, actor: CurrentActor, asked: TicksIn
) -> JsonResponse:
    """Each by itself. Sent again with the same id, a tick counts once; it may come late, with its own time."""
    wrong_by = clock_fault(asked.sent_at, parts.now())
    ticks = [tick.model_copy(update={"at": _put_right(tick.at, wrong_by)}) for tick in asked.ticks]
    return JsonResponse({"items": [_put(parts, alerts, reach, actor, tick) for tick in ticks]})


def clock_fault(sent_at: datetime | None, now: datetime) -> timedelta:
    """By how much a phone's clock is ahead; nothing where it does not say, or by no more than what is let pass."""
    fault = timedelta(0) if sent_at is None else sent_at - now
    return fault if abs(fault) > AHEAD else timedelta(0)


def _put_right(at: datetime, wrong_by: timedelta) -> datetime:
    try:
        return at.astimezone(UTC) - wrong_by
    except OverflowError:  # a time at the end of the calendar, for the tick itself to refuse
        return at


def _put(parts: ApiParts, alerts: AlertsWithin, reach: Reach, actor: Actor, tick: TickIn) -> dict[str, str | None]:
    try:
        node = place_of_item(tick.item, alerts, reach)
        new = NewTick(tick.id, tick.item, node, tick.at, TickResult(tick.result), tick.note)
        Patrols(parts.records.database, parts.now).put(new, actor)
    except AlertError as error:
        return {"id": tick.id, "result": "refused", "detail": str(error), "code": _code_of(error)}
    return {"id": tick.id, "result": "taken", "detail": None, "code": None}


def _code_of(error: AlertError) -> str:
    match error:
        case TickTimeError():
            return error.code
        case UnknownAlertError() | UnknownItemError():
            return "gone"
    return "refused"


def place_of_item(item: str, alerts: AlertsWithin, reach: Reach) -> str:
    """Where a thing of the list is. Raises: UnknownAlertError, UnknownItemError: none that the one who asks sees."""
    kind, _, name = item.partition(":")
    if kind == "alert":
        if (alert := alerts.get(name)).drill is not None:  # nobody walks there for a drill: it is on no list
            raise UnknownItemError(item)
        return alert.node
    meter = reach.site.meters.get(name) if kind == "meter" else None
    if meter is None or meter.node is None:
        raise UnknownItemError(item)
    return meter.node


class UnknownItemError(AlertError):
    """Nothing on the patrol list has this key."""

    def __init__(self, item: str) -> None:
        super().__init__(f"there is nothing {item!r} to look at")
