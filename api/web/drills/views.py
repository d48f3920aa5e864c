"""The pages of drills: begin one, watch it, its report."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from alerts.drills.book import DrillBook
from alerts.drills.values import SPEEDS
from alerts.errors import DrillConflictError
from alerts.users.roles import Permission
from api.dependencies import CurrentActor, CurrentSite, Parts
from api.drills.book import Drills
from api.permits import needs
from api.web.drills import words
from api.web.drills.curve import drill_curve
from api.web.drills.forms import DrillFaultError, places_of, plan_of
from api.web.drills.picture import picture_of
from api.web.duty.words import target_name
from api.web.forms import Form
from api.web.rendering import Pages
from api.web.wording import N_
from metering.drill_kinds import KINDS

router = APIRouter(include_in_schema=False, prefix="/drills")
_READ, _MANAGE = [needs(Permission.DRILLS_READ)], [needs(Permission.DRILLS_MANAGE)]
_SEE_OTHER, _REFUSED = 303, 422
_UNDER_WAY = N_("A drill is under way: one at a time.")
_WORDS: dict[str, Any] = {
    "kinds": words.KINDS, "states": words.STATES, "endings": words.ENDINGS, "audiences": words.AUDIENCES,
    "step_names": words.STEPS, "since": words.SINCE, "drill_actions": words.ACTIONS, "target_name": target_name,
    "moment_names": words.MOMENTS,
}  # fmt: skip


def _list_page(request: Request, pages: Pages, drills: DrillBook, *, status: int = 200, **more: Any) -> Response:
    reader = pages.reader(request)
    context: dict[str, Any] = {"fault": "", "typed": {}} | more
    return pages.page(
        request, "drills.html", status=status, reader=reader, nav="drills", drills=drills.list(), limits=KINDS,
        current=drills.current(), attendance=drills.attendance(), places=places_of(reader.site), speeds=SPEEDS,
        **_WORDS, **context,
    )  # fmt: skip


@router.get("", dependencies=_READ)
def get_drills_page(request: Request, pages: Pages, drills: Drills) -> Response:
    """Past drills, and the form for a new one."""
    return _list_page(request, pages, drills)


@router.post("", dependencies=_MANAGE)
def start_drill(
    request: Request, pages: Pages, drills: Drills, site: CurrentSite, actor: CurrentActor, form: Form
) -> Response:
    """Begin it, or the page again with what is wrong."""
    reader = pages.reader(request)
    try:
        drill = drills.ask(plan_of(form, site, reader), site, actor)
    except DrillFaultError as error:
        return _list_page(request, pages, drills, status=_REFUSED, fault=str(error), typed=form)
    except DrillConflictError:
        fault = reader.wording.gettext(_UNDER_WAY)
        return _list_page(request, pages, drills, status=409, fault=fault, typed=form)
    return RedirectResponse(f"/drills/{quote(drill.id)}", _SEE_OTHER)


@router.get("/{drill_id}", dependencies=_READ)
def get_drill_page(request: Request, parts: Parts, pages: Pages, drills: Drills, drill_id: str) -> Response:
    """How it goes, and the report."""
    report, reader = drills.report(drill_id), pages.reader(request)
    curve = drill_curve(report, parts.intervals, parts.now())
    picture = None if curve is None else picture_of(curve, report.drill.plan.medium, reader.formats)
    return pages.page(
        request, "drill.html", reader=reader, nav="drills", drill=report.drill, report=report,
        history=drills.history(drill_id), attendance=drills.attendance(), picture=picture, **_WORDS,
    )  # fmt: skip


@router.post("/{drill_id}/repair", dependencies=_MANAGE)
def repair(drills: Drills, actor: CurrentActor, drill_id: str) -> Response:
    """The fault is mended; of a drill that is over nothing changes."""
    with suppress(DrillConflictError):  # the page says that it is over
        drills.repair(drill_id, actor)
    return RedirectResponse(f"/drills/{quote(drill_id)}", _SEE_OTHER)


@router.post("/{drill_id}/stop", dependencies=_MANAGE)
def stop(drills: Drills, actor: CurrentActor, drill_id: str) -> Response:
    """End it; of a drill that is over nothing changes."""
    with suppress(DrillConflictError):  # the page says that it is over
        drills.stop(drill_id, actor)
    return RedirectResponse(f"/drills/{quote(drill_id)}", _SEE_OTHER)
