"""`/api/v1/statistics`: the figures of the desk, and the same as a workbook."""

from __future__ import annotations

import threading
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from alerts.users.roles import Permission
from api.permits import needs
from api.problem_schema import LIST_PROBLEMS
from api.statistics.asked import CurrentAsked
from api.statistics.document import figures_document, scorecards_document
from api.statistics.schema import ScorecardsOut, StatisticsOut
from api.statistics.workbook import XLSX, write_workbook
from api.web.rendering import Pages
from api.wire import JsonResponse

router = APIRouter(
    prefix="/api/v1/statistics",
    tags=["statistics"],
    default_response_class=JsonResponse,
)
_READ, _SCORES = [needs(Permission.STATISTICS_READ)], [needs(Permission.SCORECARDS_READ)]
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}, "description": "The workbook"}
}
# A workbook of 100,000 alerts takes a processor for seconds: one after the other, the pages stay quick.
_one_at_a_time = threading.Lock()


@router.get(
    "", response_model=StatisticsOut, responses=LIST_PROBLEMS, summary="Figures of a period", dependencies=_READ
)
def get_statistics(asked: CurrentAsked) -> JsonResponse:
    """Of the alerts first detected in it; of this month and the five before unless said otherwise."""
    return JsonResponse(figures_document(asked.figures(), asked))


@router.get(
    "/contractors",
    response_model=ScorecardsOut,
    responses=LIST_PROBLEMS,
    summary="Contractors' scorecards",
    dependencies=_SCORES,
)
def get_scorecards(asked: CurrentAsked) -> JsonResponse:
    """Of the orders given in the period, of half a year unless said otherwise. A contractor has the own one alone."""
    return JsonResponse(scorecards_document(asked.scorecards(), asked))


@router.get(
    "/workbook",
    response_class=Response,
    responses=LIST_PROBLEMS | _FILE,
    summary="The same as XLSX",
    dependencies=_READ,
)
def get_workbook(
    request: Request,
    pages: Pages,
    asked: CurrentAsked,
    language: Annotated[str | None, Query(pattern="^(zh-CN|en)$", description="None: as the browser asks")] = None,
) -> FileResponse:
    """Sheets by month, term, place and kind, and one line an alert; numbers, times and durations are typed cells."""
    reader = pages.reader(request, language)
    with _one_at_a_time:
        path = write_workbook(asked.figures(), asked, reader)
    name = f"aquavolt-{asked.wanted.since:%Y%m%d}-{asked.wanted.until:%Y%m%d}.xlsx"
    return FileResponse(path, media_type=XLSX, filename=name, background=BackgroundTask(path.unlink, missing_ok=True))
