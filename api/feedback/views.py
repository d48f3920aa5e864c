"""`/api/v1/sensitivity`, `/api/v1/planned-uses`, and an alert's outcome taken back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from alerts.feedback import Caution, UnknownPlanError
from api.alerts.acts import alert_event
from api.alerts.document import alert_document
from api.alerts.schema import AlertOut
from api.alerts.views import AlertId
from api.dependencies import CurrentActor, CurrentSite, Parts, meter_of, node_of
from api.feedback.book import SHOWN_AFTER, Book, ListedUse, planned_uses
from api.feedback.schema import PlannedUseIn, PlannedUseOut, PlannedUsesOut, SensitivitiesOut, SensitivityOut
from api.moments import read_moment
from api.problem_schema import CHANGE_PROBLEMS, LIST_PROBLEMS, problems
from api.problems import Problem
from api.wire import JsonResponse, time_text
from metering.batch import to_datetime
from metering.site import PlannedUse, Site

router = APIRouter(prefix="/api/v1", default_response_class=JsonResponse)
_MeterId = Annotated[str, Path(max_length=200)]
_EDIT_PROBLEMS = problems(401, 403, 404, 421, 422)


@router.delete(
    "/alerts/{alert_id}/outcome", tags=["alerts"], response_model=AlertOut, responses=CHANGE_PROBLEMS,
    summary="Take the outcome back",
)  # fmt: skip
def withdraw_outcome(
    parts: Parts,
    site: CurrentSite,
    actor: CurrentActor,
    book: Book,
    alert_id: AlertId,
    version: Annotated[int | None, Query(ge=0, le=2**31)] = None,
    note: Annotated[str, Query(max_length=4000)] = "",
) -> JsonResponse:
    """All that followed from it for the rules is undone. Without one nothing changes."""
    alert = book.withdraw(alert_id, actor, note=note, expected_version=version)
    parts.stream.publish(alert_event(alert.id, "withdrawn"))
    return JsonResponse(alert_document(alert, site, parts.prices, parts.playbook))


@router.get(
    "/sensitivity", tags=["feedback"], response_model=SensitivitiesOut, responses=LIST_PROBLEMS,
    summary="What outcomes did to the rules",
)  # fmt: skip
def list_sensitivity(
    site: CurrentSite,
    book: Book,
    meter: Annotated[str | None, Query(max_length=200)] = None,
    node: Annotated[str | None, Query(max_length=200, description="Meters in this place and all below it")] = None,
) -> JsonResponse:
    """Each rule and meter that people said something of, with the factor and the alerts it comes from."""
    return JsonResponse({"items": [_sensitivity(c) for c in book.cautions(_subjects(site, meter, node))]})


@router.delete(
    "/meters/{meter_id}/sensitivity/{rule}", tags=["feedback"], response_model=SensitivityOut,
    responses=_EDIT_PROBLEMS, summary="Reset to 1",
)  # fmt: skip
def reset_sensitivity(
    site: CurrentSite, actor: CurrentActor, book: Book, meter_id: _MeterId, rule: Annotated[str, Path(max_length=100)]
) -> JsonResponse:
    """What was said so far counts no more for this rule and meter; later outcomes do."""
    return JsonResponse(_sensitivity(book.reset(rule, meter_of(site, meter_id).id, actor)))


@router.get(
    "/planned-uses", tags=["feedback"], response_model=PlannedUsesOut, responses=LIST_PROBLEMS,
    summary="Use that is known before",
)  # fmt: skip
def list_planned_uses(
    parts: Parts,
    site: CurrentSite,
    book: Book,
    node: Annotated[str | None, Query(max_length=200, description="In this place and all below it")] = None,
    since: Annotated[str | None, Query(max_length=40, description="Ends after; default: 30 days ago")] = None,
) -> JsonResponse:
    """What people entered, what they said of alerts, and what stands in the site file."""
    after = parts.now() - SHOWN_AFTER if since is None else to_datetime(read_moment(since, site, "since"))
    nodes = None if node is None else frozenset(site.subtree(node_of(site, node).id))
    return JsonResponse({"items": [_planned(one) for one in planned_uses(book, site, after, nodes)]})


@router.post(
    "/planned-uses", tags=["feedback"], response_model=PlannedUseOut, status_code=201, responses=_EDIT_PROBLEMS,
    summary="Enter planned use",
)  # fmt: skip
def add_planned_use(site: CurrentSite, actor: CurrentActor, book: Book, given: PlannedUseIn) -> JsonResponse:
    """It may have begun, or be over. The rules know it within moments."""
    start, end = (to_datetime(read_moment(getattr(given, name), site, name)) for name in ("start", "end"))
    use = PlannedUse(node_of(site, given.node).id, start, end, given.text, given.medium)
    plan = book.plan(use, actor)
    return JsonResponse(_planned(ListedUse(plan.use, plan)), 201)


@router.delete(
    "/planned-uses/{plan_id}", tags=["feedback"], status_code=204, responses=_EDIT_PROBLEMS,
    summary="Take planned use back",
)  # fmt: skip
def remove_planned_use(actor: CurrentActor, book: Book, plan_id: Annotated[int, Path(ge=1, le=2**53)]) -> Response:
    """Of one that is an alert's outcome, that outcome has to be taken back."""
    try:
        book.unplan(plan_id, actor)
    except UnknownPlanError as error:
        raise Problem(404, str(error)) from error
    return Response(status_code=204)


def _subjects(site: Site, meter: str | None, node: str | None) -> list[str] | None:
    if meter is not None:
        return [meter_of(site, meter).id]
    if node is not None:
        return [m for below in site.subtree(node_of(site, node).id) for m in site.meters_at[below]]
    return None


def _sensitivity(caution: Caution) -> dict[str, Any]:
    reasons = [{"outcome": w.outcome, "alert": w.alert_id, "who": w.who, "at": time_text(w.at)} for w in caution.words]
    return {"rule": caution.rule, "meter": caution.subject, "factor": caution.caution, "reasons": reasons}


def _planned(one: ListedUse) -> dict[str, Any]:
    use, plan = one.use, one.plan
    return {
        "id": None if plan is None else plan.id,
        "source": one.source,
        "node": use.node,
        "medium": use.medium,
        "start": time_text(use.start),
        "end": time_text(use.end),
        "text": use.text,
        "who": None if plan is None else plan.who,
        "at": None if plan is None else time_text(plan.at),
        "alert": None if plan is None else plan.alert_id,
    }
