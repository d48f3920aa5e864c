"""`/api/v1/drills`: simulated faults through the whole chain, and how long people took."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import PlainTextResponse, Response

from alerts.drills.values import DrillPlan
from alerts.users.roles import Permission
from api.dependencies import CurrentActor, CurrentSite
from api.drills.book import Drills
from api.drills.document import attendance_document, drill_document, report_csv, report_document
from api.drills.schema import DrillIn, DrillOut, DrillReportOut, DrillsOut
from api.permits import needs
from api.problem_schema import LIST_PROBLEMS, ONE_PROBLEMS, problems
from api.wire import JsonResponse

router = APIRouter(prefix="/api/v1/drills", tags=["drills"], default_response_class=JsonResponse)
_READ, _MANAGE = [needs(Permission.DRILLS_READ)], [needs(Permission.DRILLS_MANAGE)]
_ACTS = problems(401, 403, 404, 409, 421, 422, 429)
DrillId = Annotated[str, Path(max_length=100, examples=["drill-80ac731f"])]


@router.get("", response_model=DrillsOut, responses=LIST_PROBLEMS, summary="Drills, latest first", dependencies=_READ)
def list_drills(drills: Drills) -> JsonResponse:
    """The latest hundred."""
    items = [drill_document(drill) for drill in drills.list()]
    return JsonResponse({"items": items, "rules": attendance_document(drills.attendance())})


@router.post(
    "", response_model=DrillOut, status_code=201, responses=_ACTS, summary="Begin a drill", dependencies=_MANAGE
)
def start_drill(drills: Drills, site: CurrentSite, actor: CurrentActor, asked: DrillIn) -> JsonResponse:
    """It begins within seconds, in a copy of the rules' state. One at a time: else 409.

    Where no program that runs the rules is there (`rules.is_there` of the list), it waits three minutes for one.
    """
    plan = DrillPlan(**dict(asked), meter="", medium="")
    return JsonResponse(drill_document(drills.ask(plan, site, actor)), 201)


@router.get("/{drill_id}", response_model=DrillOut, responses=ONE_PROBLEMS, summary="One drill", dependencies=_READ)
def get_drill(drills: Drills, drill_id: DrillId) -> JsonResponse:
    """How it stands."""
    return JsonResponse(drill_document(drills.get(drill_id)))


@router.get(
    "/{drill_id}/report", response_model=DrillReportOut, responses=ONE_PROBLEMS, summary="How long everything took",
    dependencies=_READ,
)  # fmt: skip
def get_report(drills: Drills, drill_id: DrillId) -> JsonResponse:
    """To detect, tell, acknowledge, assign, resolve, repair and confirm; also while it is under way."""
    return JsonResponse(report_document(drills.report(drill_id)))


@router.get(
    "/{drill_id}/report.csv", response_class=PlainTextResponse, summary="The same as a table", dependencies=_READ,
    responses={**ONE_PROBLEMS, 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)  # fmt: skip
def get_report_csv(drills: Drills, drill_id: DrillId) -> Response:
    """A line a step and a line a message."""
    text = report_csv(drills.report(drill_id))
    name = {"Content-Disposition": f'attachment; filename="DRILL-{drills.get(drill_id).id}.csv"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=name)


@router.post(
    "/{drill_id}/repair", response_model=DrillOut, responses=_ACTS, summary="The fault is mended", dependencies=_MANAGE
)
def repair(drills: Drills, actor: CurrentActor, drill_id: DrillId) -> JsonResponse:
    """Nothing runs out any more; the drill ends once the copy's meters have cleared its alerts."""
    return JsonResponse(drill_document(drills.repair(drill_id, actor)))


@router.post("/{drill_id}/stop", response_model=DrillOut, responses=_ACTS, summary="End it", dependencies=_MANAGE)
def stop(drills: Drills, actor: CurrentActor, drill_id: DrillId) -> JsonResponse:
    """Its alerts are closed within seconds."""
    return JsonResponse(drill_document(drills.stop(drill_id, actor)))
