"""REST of what people set. One router a kind, all alike; a permission is added to `ROUTERS` as a dependency."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from alerts.desk.desk import Desk
from alerts.desk.entries import FORMS, Entry, EntryKind
from alerts.duty.roster import Strict
from alerts.routing.dry_run import RouteRun
from alerts.values import Alert, AlertState, Delivery
from api.dependencies import CurrentActor, Parts
from api.desk import links
from api.problem_schema import CHANGE_PROBLEMS, LIST_PROBLEMS
from api.problems import Problem
from api.wire import JsonResponse, jsonable, time_text
from metering.incident import Category, Severity

_PLURALS = {
    EntryKind.DUTY: "duties",
    EntryKind.ABSENCE: "absences",
    EntryKind.ROUTE: "routes",
    EntryKind.SILENCE: "silences",
    EntryKind.CONTACT: "contacts",
    EntryKind.DIGEST: "digests",
}


def get_desk(parts: Parts) -> Desk:
    """The desk. Raises: Problem 503."""
    if parts.desk is None:
        raise Problem(503, "This program has no roster and no routes.")
    return parts.desk


CurrentDesk = Annotated[Desk, Depends(get_desk)]
EntryName = Annotated[str, Path(max_length=100)]
Version = Annotated[int | None, Query(ge=0, le=2**31, description="Only if it is at this version; 0: only if new")]


def _document(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id, "version": entry.version, "author": entry.author, "updated_at": time_text(entry.updated_at),
        "content": entry.content.model_dump(mode="json"),
    }  # fmt: skip


def _router_of(kind: EntryKind, form: type[Strict]) -> APIRouter:
    router = APIRouter(prefix=f"/api/v1/{_PLURALS[kind]}", tags=["desk"], default_response_class=JsonResponse)

    @router.get("", responses=LIST_PROBLEMS, summary=f"All {_PLURALS[kind]}")
    def list_entries(desk: CurrentDesk) -> JsonResponse:
        return JsonResponse({"items": [_document(e) for e in desk.entries.all(kind)]})

    def put_entry(
        desk: CurrentDesk,
        actor: CurrentActor,
        entry_id: EntryName,
        content: Strict,
        version: Version = None,
    ) -> JsonResponse:
        return JsonResponse(_document(desk.entries.put(kind, entry_id, content, actor, expected_version=version)))

    put_entry.__annotations__["content"] = form  # what FastAPI reads and describes
    said = f"Create or replace a {kind.value}"
    router.put("/{entry_id}", responses=CHANGE_PROBLEMS, summary=said)(put_entry)

    @router.delete("/{entry_id}", responses=CHANGE_PROBLEMS, summary=f"Remove a {kind.value}; its history stays")
    def delete_entry(
        desk: CurrentDesk, actor: CurrentActor, entry_id: EntryName, version: Version = None
    ) -> JsonResponse:
        desk.entries.remove(kind, entry_id, actor, expected_version=version)
        return JsonResponse({"removed": entry_id})

    @router.get("/{entry_id}/history", responses=LIST_PROBLEMS, summary="Who changed it")
    def history(desk: CurrentDesk, entry_id: EntryName) -> JsonResponse:
        changes = desk.entries.history(kind, entry_id)
        return JsonResponse({"items": [
            {"at": time_text(c.at), "actor": c.actor, "origin": c.origin, "action": c.action, "version": c.version,
             "content": c.document} for c in changes
        ]})  # fmt: skip

    return router


class DryRunIn(BaseModel):
    """An alert that is stored (`alert_id`), or one made up; and when (none: now)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"node": "dorm-2", "category": "leak", "severity": "critical"}]},
    )
    alert_id: str | None = Field(None, max_length=200)
    node: str = Field("", max_length=200)
    category: Category = Category.LEAK
    medium: str = Field("water", max_length=20)
    severity: Severity = Severity.WARNING
    rule: str = Field("dry_run", max_length=100)
    at: AwareDatetime | None = None


class TestIn(BaseModel):
    """Where on the channel (mail, telephone); empty: whom its settings name."""

    model_config = ConfigDict(extra="forbid")
    address: str = Field("", max_length=200, pattern=r"^[^\x00-\x1f]*$")


plain = APIRouter(prefix="/api/v1", tags=["desk"], default_response_class=JsonResponse)


@plain.post("/routing/dry-run", responses=CHANGE_PROBLEMS, summary="Who would be told what, when and why")
def run_dry(parts: Parts, desk: CurrentDesk, asked: DryRunIn) -> JsonResponse:
    """Nobody is told."""
    alert = _made_up(asked, parts) if asked.alert_id is None else parts.records.get_alert(asked.alert_id)
    runs = desk.dry_run(alert, asked.at or parts.now())
    return JsonResponse({"routes": [_run_document(run) for run in runs]})


def _made_up(asked: DryRunIn, parts: Parts) -> Alert:
    at = asked.at or parts.now()
    return Alert(
        id="dry-run", state=AlertState.ACTIVE, rule=asked.rule, category=asked.category, medium=asked.medium,
        subject=asked.node, node=asked.node, severity=asked.severity, detected_at=at, onset_at=at, closed_at=None,
        observed=None, expected=None, unit="", loss_rate=None, loss_total=None, evidence={}, rules_revision="",
        inhibited_by=None, acknowledged=False, acknowledged_by=None, acknowledged_at=None, outcome=None,
        resolved_by=None, resolved_at=None, version=0, comments=0, updated_at=at,
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


@plain.get("/roster/holes", responses=LIST_PROBLEMS, summary="Hours that nobody has")
def holes(parts: Parts, desk: CurrentDesk, days: Annotated[int, Query(ge=1, le=60)] = 14) -> JsonResponse:
    """From now on, with who is told instead."""
    now = parts.now()
    found = desk.holes(now, now + timedelta(days=days))
    return JsonResponse({"items": [
        {"duty": h.duty, "start": time_text(h.start), "end": time_text(h.end), "fallback": h.fallback} for h in found
    ]})  # fmt: skip


@plain.post("/channels/{channel}/test", responses=CHANGE_PROBLEMS, summary="Send a test message")
def send_test(
    desk: CurrentDesk, actor: CurrentActor, channel: Annotated[str, Path(max_length=100)], asked: TestIn
) -> JsonResponse:
    """It goes through the outbox; ask `/api/v1/deliveries/{id}` how it went."""
    return JsonResponse(_delivery(desk.send_test(channel, asked.address, actor)))


@plain.get("/deliveries/{delivery_id}", responses=LIST_PROBLEMS, summary="How a notification stands")
def delivery(desk: CurrentDesk, delivery_id: Annotated[str, Path(max_length=64)]) -> JsonResponse:
    """State, attempts, and the last error."""
    return JsonResponse(_delivery(desk.delivery(delivery_id)))


def _delivery(one: Delivery) -> dict[str, Any]:
    document = {name: getattr(one, name) for name in ("id", "channel", "receiver", "address", "reason", "state")}
    times = {name: time_text(getattr(one, name)) for name in ("created_at", "due_at", "delivered_at")}
    return jsonable({**document, **times, "attempts": one.attempts, "last_error": one.last_error})  # type: ignore[no-any-return]


ROUTERS = (*(_router_of(kind, form) for kind, form in FORMS.items()), plain, links.router)
