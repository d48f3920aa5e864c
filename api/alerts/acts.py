"""`/api/v1/alerts`: what people do with alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from alerts.desk import Handled
from alerts.errors import ConflictError
from alerts.once import Once
from alerts.users.roles import Permission
from alerts.values import Alert
from api.alerts.assignable import CurrentAssignable
from api.alerts.change_schema import (
    AcknowledgeIn,
    AcknowledgeManyIn,
    AssignIn,
    CommentIn,
    HandledManyOut,
    ReopenIn,
    ResolveIn,
    UnassignIn,
)
from api.alerts.conditions import IfMatch, Keyed, KeyedWrite, read_tag, tagged
from api.alerts.document import alert_document
from api.alerts.schema import AlertOut
from api.alerts.views import AlertId
from api.dependencies import CurrentActor, CurrentReach, CurrentSite, Parts
from api.parts import ApiParts
from api.permits import needs
from api.problem_schema import BULK_PROBLEMS, CHANGE_PROBLEMS
from api.wire import JsonResponse
from metering.site import Site

router = APIRouter(
    prefix="/api/v1/alerts",
    tags=["alerts"],
    default_response_class=JsonResponse,
    dependencies=[needs(Permission.ALERTS_HANDLE)],
)


@dataclass(frozen=True, slots=True)
class Answering:
    """How an act on one alert is answered: with the alert as it stands then, by a key once and again."""

    parts: ApiParts
    site: Site
    keyed: Keyed

    def once(self) -> Once | None:
        """What the records keep of the answer."""
        return self.keyed.once(lambda alert: alert_document(alert, self.site, self.parts))

    def answer(self, alert: Alert, change: str) -> JsonResponse:
        """The answer; live readers hear of the change."""
        _publish(self.parts, alert, change)
        return JsonResponse(alert_document(alert, self.site, self.parts), headers=tagged(alert))


def get_answering(parts: Parts, site: CurrentSite, keyed: KeyedWrite) -> Answering:
    """Of the one who asks."""
    return Answering(parts, site, keyed)


CurrentAnswering = Annotated[Answering, Depends(get_answering)]


@router.post("/acknowledge", response_model=HandledManyOut, responses=BULK_PROBLEMS, summary="I have all of these")
def acknowledge_many(
    parts: Parts,
    site: CurrentSite,
    reach: CurrentReach,
    actor: CurrentActor,
    keyed: KeyedWrite,
    change: AcknowledgeManyIn,
) -> JsonResponse:
    """Each by itself: what cannot be done is told in its place, the others are done."""

    def document(handled: tuple[Handled, ...]) -> dict[str, Any]:
        return {"items": [_handled_document(h, site, parts) for h in handled]}

    wanted = [(seen.id, seen.version) for seen in change.alerts]
    handled = parts.records.acknowledge_many(
        wanted, actor, note=change.note, once=keyed.once(document), sees=reach.sees
    )
    for alert in (h.alert for h in handled if h.error is None):
        _publish(parts, alert, "acknowledged")
    return JsonResponse(document(handled))


@router.post("/{alert_id}/acknowledge", response_model=AlertOut, responses=CHANGE_PROBLEMS, summary="I have it")
def acknowledge(
    parts: Parts,
    actor: CurrentActor,
    answering: CurrentAnswering,
    alert_id: AlertId,
    change: AcknowledgeIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """409 (412 with If-Match) when somebody else was quicker; `current` then says who."""
    done = parts.records.acknowledge(
        alert_id, actor, note=change.note, expected_version=read_tag(if_match, change.version),
        said_at=change.said_at,
        once=answering.once(),
    )  # fmt: skip
    return answering.answer(done, "acknowledged")


@router.post("/{alert_id}/assign", response_model=AlertOut, responses=CHANGE_PROBLEMS, summary="Who is to see to it")
def assign(
    parts: Parts,
    actor: CurrentActor,
    assignable: CurrentAssignable,
    answering: CurrentAnswering,
    alert_id: AlertId,
    change: AssignIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """To an active account that may handle alerts and sees the place. Whether somebody has it stays as it is.

    Without a version, 409 where somebody else is assigned.
    """
    name = assignable.checked(alert_id, change.assignee)
    done = parts.records.assign(
        alert_id, actor, name, note=change.note, expected_version=read_tag(if_match, change.version),
        once=answering.once(),
    )  # fmt: skip
    return answering.answer(done, "assigned")


@router.post("/{alert_id}/unassign", response_model=AlertOut, responses=CHANGE_PROBLEMS, summary="Take it back")
def unassign(
    parts: Parts,
    actor: CurrentActor,
    answering: CurrentAnswering,
    alert_id: AlertId,
    change: UnassignIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """Nobody in particular is to see to it any more. Without a version, 409 where somebody else is assigned."""
    done = parts.records.assign(
        alert_id, actor, None, note=change.note, expected_version=read_tag(if_match, change.version),
        once=answering.once(),
    )  # fmt: skip
    return answering.answer(done, "unassigned")


@router.post("/{alert_id}/comments", response_model=AlertOut, responses=CHANGE_PROBLEMS, summary="Add a remark")
def comment(
    parts: Parts, actor: CurrentActor, answering: CurrentAnswering, alert_id: AlertId, change: CommentIn
) -> JsonResponse:
    """Kept in the alert's history; never conflicts."""
    done = parts.records.comment(alert_id, actor, change.text, once=answering.once(), said_at=change.said_at)
    return answering.answer(done, "commented")


@router.post("/{alert_id}/resolve", response_model=AlertOut, responses=CHANGE_PROBLEMS, summary="What it was")
def resolve(
    parts: Parts,
    actor: CurrentActor,
    answering: CurrentAnswering,
    alert_id: AlertId,
    change: ResolveIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """Records the outcome. Whether it is over is for the meters to say: `state` does not change by this."""
    done = parts.records.resolve(
        alert_id, actor, change.outcome, note=change.note, expected_version=read_tag(if_match, change.version),
        said_at=change.said_at,
        once=answering.once(),
    )  # fmt: skip
    return answering.answer(done, "resolved")


@router.post("/{alert_id}/reopen", response_model=AlertOut, responses=CHANGE_PROBLEMS, summary="It is not settled")
def reopen(
    parts: Parts,
    actor: CurrentActor,
    answering: CurrentAnswering,
    alert_id: AlertId,
    change: ReopenIn,
    if_match: IfMatch = None,
) -> JsonResponse:
    """Takes the outcome back: the alert waits for somebody again. Without an outcome nothing changes."""
    done = parts.records.reopen(
        alert_id, actor, note=change.note, expected_version=read_tag(if_match, change.version),
        once=answering.once(),
    )  # fmt: skip
    return answering.answer(done, "reopened")


def _publish(parts: ApiParts, alert: Alert | None, change: str) -> None:
    if alert is not None:
        parts.stream.publish(alert_event(alert, change))


def alert_event(alert: Alert, change: str) -> dict[str, Any]:
    """What the live stream says of a changed alert; readers fetch the rest."""
    drill = {} if alert.drill is None else {"drill": alert.drill}
    return {
        **drill,
        "type": "alert",
        "id": alert.id,
        "change": change,
        "node": alert.node,
        "version": alert.version,
        "assigned_to": alert.assigned_to,
    }


def _handled_document(handled: Handled, site: Site, parts: ApiParts) -> dict[str, Any]:
    refused = "conflict" if isinstance(handled.error, ConflictError) else "unknown"
    return {
        "id": handled.alert_id,
        "result": "acknowledged" if handled.error is None else refused,
        "detail": None if handled.error is None else str(handled.error),
        "alert": None if handled.alert is None else alert_document(handled.alert, site, parts),
    }
