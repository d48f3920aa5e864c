"""`/api/v1`: who would be told, hours that nobody has, test messages, and the log of notifications."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from alerts.routing.dry_run import RouteRun
from alerts.users.roles import Permission
from alerts.values import Alert, AlertState, Delivery, DeliveryState
from api.dependencies import CurrentActor, Parts
from api.duty import entries
from api.duty.desk import CurrentDutyDesk
from api.duty.schema import ChannelTestIn, DeliveryOut, DeliveryPageOut, DryRunIn, DryRunOut, HolesOut
from api.permits import needs
from api.problem_schema import BULK_PROBLEMS, LIST_PROBLEMS, ONE_PROBLEMS, problems
from api.wire import JsonResponse, jsonable, time_text
from metering.incident import Category, Severity

router = APIRouter(prefix="/api/v1", tags=["duty"], default_response_class=JsonResponse)
_READ, _LOG = [needs(Permission.DUTY_READ)], [needs(Permission.DELIVERIES_READ)]


@router.post(
    "/routing/dry-run",
    response_model=DryRunOut,
    responses=BULK_PROBLEMS | problems(404),
    summary="Who would be told what, when and why",
    dependencies=_READ,
)
def run_dry(parts: Parts, desk: CurrentDutyDesk, asked: DryRunIn) -> JsonResponse:
    """Nobody is told."""
    at = asked.at or parts.now()
    alert = (
        made_up(asked.node, asked.category, asked.medium, asked.severity, at, asked.rule)
        if asked.alert_id is None
        else parts.records.get_alert(asked.alert_id)
    )
    runs = desk.dry_run(alert, at)
    return JsonResponse({"routes": [_run_document(run) for run in runs]})


def made_up(
    node: str, category: Category, medium: str, severity: Severity, at: datetime, rule: str = "dry_run"
) -> Alert:
    """An alert that nobody raised, to ask who would be told of it."""
    return Alert(
        id="dry-run", state=AlertState.ACTIVE, rule=rule, category=category, medium=medium, subject=node, node=node,
        severity=severity, detected_at=at, onset_at=at, closed_at=None, observed=None, expected=None, unit="",
        loss_rate=None, loss_total=None, evidence={}, rules_revision="", inhibited_by=None, acknowledged=False,
        acknowledged_by=None, acknowledged_at=None, assigned_to=None, assigned_by=None, assigned_at=None, outcome=None,
        resolved_by=None, resolved_at=None, reopened=0, reopened_at=None, unstable=False, due_at=None, raised_at=at,
        breaches=0, version=0, comments=0, updated_at=at,
    )  # fmt: skip


def _run_document(run: RouteRun) -> dict[str, Any]:
    return {
        "route": run.route_id,
        "name": run.route.name,
        "group": run.labels,
        "mutes": [{"kind": m.kind, "by": m.by, "until": time_text(m.until)} for m in run.mutes],
        "hearings": [
            {
                "step": hearing.step,
                "at": time_text(hearing.at),
                "receivers": [{"receiver": r.key, "why": r.why, "about": r.about} for r in hearing.receivers],
            }
            for hearing in run.hearings
        ],
    }


@router.get(
    "/roster/holes", response_model=HolesOut, responses=LIST_PROBLEMS, summary="Hours that nobody has",
    dependencies=_READ,
)  # fmt: skip
def list_holes(parts: Parts, desk: CurrentDutyDesk, days: Annotated[int, Query(ge=1, le=60)] = 14) -> JsonResponse:
    """From now on, with who is told instead."""
    now = parts.now()
    found = desk.holes(now, now + timedelta(days=days))
    return JsonResponse({"items": [
        {"duty": h.duty, "start": time_text(h.start), "end": time_text(h.end), "fallback": h.fallback} for h in found
    ]})  # fmt: skip


@router.post(
    "/channels/{channel}/test",
    response_model=DeliveryOut,
    responses=BULK_PROBLEMS | problems(404),
    summary="Send a test message",
    dependencies=[needs(Permission.CHANNELS_TEST)],
)
def send_test(
    desk: CurrentDutyDesk, actor: CurrentActor, channel: Annotated[str, Path(max_length=100)], asked: ChannelTestIn
) -> JsonResponse:
    """It goes through the outbox; ask `/api/v1/deliveries/{delivery_id}` how it went."""
    return JsonResponse(_delivery(desk.send_test(channel, asked.address, actor)))


@router.get(
    "/deliveries", response_model=DeliveryPageOut, responses=LIST_PROBLEMS, summary="The log of notifications",
    dependencies=_LOG,
)  # fmt: skip
def list_deliveries(
    desk: CurrentDutyDesk,
    state: DeliveryState | None = None,
    channel: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=80)] = None,
) -> JsonResponse:
    """Latest first: to whom, on which channel, how it stands."""
    page = desk.log.page(state=state, channel=channel, cursor=cursor, limit=limit)
    return JsonResponse({"items": [_delivery(one) for one in page.items], "next_cursor": page.next_cursor})


@router.get(
    "/deliveries/{delivery_id}", response_model=DeliveryOut, responses=ONE_PROBLEMS,
    summary="How a notification stands", dependencies=_LOG,
)  # fmt: skip
def get_delivery(desk: CurrentDutyDesk, delivery_id: Annotated[str, Path(max_length=64)]) -> JsonResponse:
    """State, attempts, and the last error."""
    return JsonResponse(_delivery(desk.log.get(delivery_id)))


def _delivery(one: Delivery) -> dict[str, Any]:
    return jsonable({name: getattr(one, name) for name in DeliveryOut.model_fields})  # type: ignore[no-any-return]


ROUTERS = (*entries.ROUTERS, router)
