"""`/api/v1/planned-uses/...`: one planned use changed, ended, and as it was; all of them as a calendar file."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from alerts.errors import RefusedError
from alerts.feedback import FeedbackBook, UnknownPlanError
from alerts.users.roles import Permission
from alerts.values import Actor
from api.bodies import bounded_body, media_type_of
from api.dependencies import CurrentActor, CurrentReach, CurrentSite, Parts
from api.feedback.book import SHOWN_AFTER, AlertsNamed, Book, ListedUse, Named, Plans, planned_uses
from api.feedback.ics import ReadEvent, ics_of, read_ics
from api.feedback.schema import IcsTakenOut, PlanHistoryOut, PlannedUseIn, PlannedUseOut
from api.feedback.views import planned_document, use_of
from api.parts import ApiParts
from api.permits import needs
from api.problem_schema import LIST_PROBLEMS, problems
from api.problems import Problem
from api.wire import JsonResponse, time_text
from metering.site import PlannedUse, Site

router = APIRouter(prefix="/api/v1", tags=["feedback"], default_response_class=JsonResponse)
CALENDAR = "text/calendar"
MOST_BYTES = 2**20
_READ, _TUNE = [needs(Permission.SITE_READ)], [needs(Permission.RULES_TUNE)]
_CHANGE_PROBLEMS = problems(401, 403, 404, 409, 421, 422, 429)
_PlanId = Annotated[int, Path(ge=1, le=2**53)]
_ICS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {CALENDAR: {"schema": {"type": "string"}, "example": "BEGIN:VCALENDAR"}},
    }
}


@router.put(
    "/planned-uses/{plan_id}", response_model=PlannedUseOut, responses=_CHANGE_PROBLEMS, summary="Change planned use",
    dependencies=_TUNE,
)  # fmt: skip
def change_planned_use(
    parts: Parts, site: CurrentSite, actor: CurrentActor, plans: Plans, named: Named, plan_id: _PlanId,
    given: PlannedUseIn,
) -> JsonResponse:  # fmt: skip
    """It has another `id` then; 409 when somebody changed it in between. What is over stays as it was."""
    try:
        plan = plans.change(plan_id, use_of(given, site), actor, given.expected)
    except UnknownPlanError as error:
        raise Problem(404, str(error)) from error
    return JsonResponse(planned_document(ListedUse(plan.use, plan), named, parts.now()))


@router.post(
    "/planned-uses/{plan_id}/end", response_model=PlannedUseOut | None, responses=_CHANGE_PROBLEMS,
    summary="End planned use now", dependencies=_TUNE,
)  # fmt: skip
def end_planned_use(parts: Parts, actor: CurrentActor, plans: Plans, named: Named, plan_id: _PlanId) -> JsonResponse:
    """One that has not begun is taken back, and null is answered."""
    try:
        plan = plans.end(plan_id, actor)
    except UnknownPlanError as error:
        raise Problem(404, str(error)) from error
    return JsonResponse(None if plan is None else planned_document(ListedUse(plan.use, plan), named, parts.now()))


@router.get(
    "/planned-uses/{plan_id}/history", response_model=PlanHistoryOut, responses=LIST_PROBLEMS,
    summary="Planned use as it was", dependencies=_READ,
)  # fmt: skip
def get_plan_history(parts: Parts, plans: Plans, named: Named, plan_id: _PlanId) -> JsonResponse:
    """Each way it was entered and changed, the newest first."""
    try:
        told = plans.history(plan_id)
    except UnknownPlanError as error:
        raise Problem(404, str(error)) from error
    items = [planned_document(ListedUse(plan.use, plan), named, parts.now()) for plan in told.plans]
    gone = {"withdrawn_by": told.withdrawn_by, "withdrawn_at": time_text(told.withdrawn_at)}
    return JsonResponse({"items": items, **gone})


@router.get(
    "/planned-uses.ics", responses={200: {"content": {CALENDAR: {}}}, **LIST_PROBLEMS}, response_class=Response,
    summary="Planned use as a calendar file", dependencies=_READ,
)  # fmt: skip
def get_calendar(parts: Parts, reach: CurrentReach, book: Book, plans: Plans) -> Response:
    """For calendars of other programs: what is not over for longer than 30 days."""
    listed = planned_uses(book, reach, parts.now() - SHOWN_AFTER, None)
    content = ics_of(listed, reach.site, parts.now(), plans.root_of)
    name = {"Content-Disposition": 'attachment; filename="planned-uses.ics"'}
    return Response(content, media_type=f"{CALENDAR}; charset=utf-8", headers=name)


@router.post(
    "/planned-uses.ics", response_model=IcsTakenOut, responses=problems(401, 403, 413, 415, 421, 422, 429),
    openapi_extra=_ICS_BODY, summary="Enter planned use out of a calendar file", dependencies=_TUNE,
)  # fmt: skip
async def bring_calendar(
    request: Request, parts: Parts, site: CurrentSite, actor: CurrentActor, book: Book, named: Named,
    dry_run: Annotated[bool, Query(description="Say what would be taken, and write nothing")] = False,
) -> JsonResponse:  # fmt: skip
    """Each event is taken or refused by itself; one that is entered already, or over, is left out."""
    if media_type_of(request) != CALENDAR:
        raise Problem(415, f"Send {CALENDAR}.")
    body = await bounded_body(request, MOST_BYTES)
    return JsonResponse(await run_in_threadpool(_take, body, parts, site, None if dry_run else actor, book, named))


def _take(
    body: bytes, parts: ApiParts, site: Site, actor: Actor | None, book: FeedbackBook, named: AlertsNamed
) -> dict[str, Any]:
    now, taken, errors, unchanged = parts.now(), [], [], 0
    known = {_key(plan.use) for plan in book.plans(now)}
    for event in read_ics(body, site):
        if event.use is not None and (_key(event.use) in known or event.use.end <= now):
            unchanged += 1
            continue
        try:
            taken.append(_enter(event, actor, book))
        except RefusedError as error:
            errors.append({"event": event.number, "summary": event.summary, "message": str(error)})
    items = [planned_document(one, named, now) | {"source": "entered"} for one in taken]
    return {
        "dry_run": actor is None, "taken": len(taken), "unchanged": unchanged, "refused": len(errors), "items": items,
        "errors": errors,
    }  # fmt: skip


def _enter(event: ReadEvent, actor: Actor | None, book: FeedbackBook) -> ListedUse:
    if event.use is None:
        raise RefusedError(event.fault)
    if actor is None:
        book.check(event.use, event.expected)
        return ListedUse(event.use, None)
    plan = book.plan(event.use, actor, event.expected)
    return ListedUse(plan.use, plan)


def _key(use: PlannedUse) -> tuple[object, ...]:
    return use.node, use.medium, use.start, use.end
