"""`/api/v1/sensitivity`, `/api/v1/planned-uses`, and an alert's outcome taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from alerts.feedback import Caution, UnknownPlanError
from alerts.users.roles import Permission
from api.alerts.acts import alert_event
from api.alerts.conditions import IfMatch, read_tag, tagged
from api.alerts.document import alert_document
from api.alerts.schema import AlertOut
from api.alerts.views import AlertId
from api.dependencies import CurrentActor, CurrentReach, CurrentSite, Parts, meter_of, node_of
from api.feedback.book import SHOWN_AFTER, AlertsNamed, Book, ListedUse, Named, cautions_within, planned_uses
from api.feedback.schema import PlannedUseIn, PlannedUseOut, PlannedUsesOut, SensitivitiesOut, SensitivityOut
from api.moments import read_moment
from api.permits import needs
from api.problem_schema import CHANGE_PROBLEMS, LIST_PROBLEMS, problems
from api.problems import Problem
from api.wire import JsonResponse, time_text
from metering.batch import to_datetime
from metering.site import PlannedUse, Site

router = APIRouter(prefix="/api/v1", default_response_class=JsonResponse)
_READ, _TUNE = [needs(Permission.SITE_READ)], [needs(Permission.RULES_TUNE)]
_MeterId = Annotated[str, Path(max_length=200)]
_EDIT_PROBLEMS = problems(401, 403, 404, 421, 422, 429)


@router.delete(
    "/alerts/{alert_id}/outcome", tags=["alerts"], response_model=AlertOut, responses=CHANGE_PROBLEMS,
    summary="Take the outcome back", dependencies=[needs(Permission.ALERTS_HANDLE)],
)  # fmt: skip
def withdraw_outcome(
    parts: Parts,
    site: CurrentSite,
    reach: CurrentReach,
    actor: CurrentActor,
    book: Book,
    alert_id: AlertId,
    version: Annotated[int | None, Query(ge=0, le=2**31)] = None,
    note: Annotated[str, Query(max_length=4000)] = "",
    if_match: IfMatch = None,
) -> JsonResponse:
    """All that followed from it for the rules is undone. Without one nothing changes."""
    expected = read_tag(if_match, version)
    alert = book.withdraw(alert_id, actor, note=note, expected_version=expected, sees=reach.sees)
    parts.stream.publish(alert_event(alert, "withdrawn"))
    return JsonResponse(alert_document(alert, site, parts), headers=tagged(alert))


@router.get(
    "/sensitivity", tags=["feedback"], response_model=SensitivitiesOut, responses=LIST_PROBLEMS,
    summary="What outcomes did to the rules", dependencies=_READ,
)  # fmt: skip
def list_sensitivity(
    reach: CurrentReach,
    book: Book,
    named: Named,
    meter: Annotated[str | None, Query(max_length=200)] = None,
    node: Annotated[str | None, Query(max_length=200, description="Meters in this place and all below it")] = None,
) -> JsonResponse:
    """Each rule and meter that people said something of, with the factor and the alerts it comes from."""
    if meter is not None:
        found = book.cautions([meter_of(reach.site, meter).id])
    else:
        found = cautions_within(book, reach, None if node is None else node_of(reach.site, node).id)
    return JsonResponse({"items": [_sensitivity(c, named) for c in found]})


@router.delete(
    "/meters/{meter_id}/sensitivity/{rule}", tags=["feedback"], response_model=SensitivityOut,
    responses=_EDIT_PROBLEMS, summary="Reset to 1", dependencies=_TUNE,
)  # fmt: skip
def reset_sensitivity(
    site: CurrentSite,
    actor: CurrentActor,
    book: Book,
    named: Named,
    meter_id: _MeterId,
    rule: Annotated[str, Path(max_length=100)],
) -> JsonResponse:
    """What was said so far counts no more for this rule and meter; later outcomes do."""
    return JsonResponse(_sensitivity(book.reset(rule, meter_of(site, meter_id).id, actor), named))


@router.get(
    "/planned-uses", tags=["feedback"], response_model=PlannedUsesOut, responses=LIST_PROBLEMS,
    summary="Use that is known before", dependencies=_READ,
)  # fmt: skip
def list_planned_uses(
    parts: Parts,
    reach: CurrentReach,
    book: Book,
    named: Named,
    node: Annotated[str | None, Query(max_length=200, description="In this place and all below it")] = None,
    since: Annotated[str | None, Query(max_length=40, description="Ends after; default: 30 days ago")] = None,
    until: Annotated[str | None, Query(max_length=40, description="Begins before; default: no bound")] = None,
) -> JsonResponse:
    """What people entered, what they said of alerts, and what stands in the site file."""
    after = parts.now() - SHOWN_AFTER if since is None else to_datetime(read_moment(since, reach.site, "since"))
    place = None if node is None else node_of(reach.site, node).id
    before = None if until is None else to_datetime(read_moment(until, reach.site, "until"))
    listed = [u for u in planned_uses(book, reach, after, place) if before is None or u.use.start < before]
    return JsonResponse({"items": [planned_document(one, named, parts.now()) for one in listed]})


@router.post(
    "/planned-uses", tags=["feedback"], response_model=PlannedUseOut, status_code=201, responses=_EDIT_PROBLEMS,
    summary="Enter planned use", dependencies=_TUNE,
)  # fmt: skip
def add_planned_use(
    parts: Parts, site: CurrentSite, actor: CurrentActor, book: Book, named: Named, given: PlannedUseIn
) -> JsonResponse:
    """It may have begun, or be over. The rules know it within moments."""
    use = use_of(given, site)
    plan = book.plan(use, actor, given.expected)
    return JsonResponse(planned_document(ListedUse(plan.use, plan), named, parts.now()), 201)


@router.delete(
    "/planned-uses/{plan_id}", tags=["feedback"], status_code=204, responses=_EDIT_PROBLEMS,
    summary="Take planned use back", dependencies=_TUNE,
)  # fmt: skip
def remove_planned_use(actor: CurrentActor, book: Book, plan_id: Annotated[int, Path(ge=1, le=2**53)]) -> Response:
    """Of one that is an alert's outcome, that outcome has to be taken back."""
    try:
        book.unplan(plan_id, actor)
    except UnknownPlanError as error:
        raise Problem(404, str(error)) from error
    return Response(status_code=204)


def _sensitivity(caution: Caution, named: AlertsNamed) -> dict[str, Any]:
    reasons = [
        {"outcome": w.outcome, "alert": named.told(w.alert_id), "who": w.who, "at": time_text(w.at)}
        for w in caution.words
    ]
    return {"rule": caution.rule, "meter": caution.subject, "factor": caution.caution, "reasons": reasons}


def use_of(given: PlannedUseIn, site: Site) -> PlannedUse:
    """What was given. Raises: Problem."""
    start, end = (to_datetime(read_moment(getattr(given, name), site, name)) for name in ("start", "end"))
    return PlannedUse(node_of(site, given.node).id, start, end, given.text, given.medium)


def planned_document(one: ListedUse, named: AlertsNamed, now: datetime) -> dict[str, Any]:
    """For the wire."""
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
        "alert": None if plan is None else named.told(plan.alert_id),
        "expected": None if plan is None else plan.expected,
        "is_past": one.is_past(now),
    }
