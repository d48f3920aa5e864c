"""The page of planned use, and what people do there, at a meter's sensitivity, and with an outcome."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from alerts.errors import ConflictError, EntryConflictError, RefusedError
from alerts.feedback import LARGEST_PLAN, LONGEST_PLAN, UnknownPlanError
from alerts.users.roles import Permission
from api.alerts.acts import alert_event
from api.dependencies import CurrentActor, CurrentReach, CurrentSite, Parts, meter_of, node_of
from api.feedback.book import Book, Plans
from api.moments import read_local
from api.permits import needs
from api.problems import Problem
from api.web.feedback_page import build_feedback_view
from api.web.forms import Form, RowId, local_path, read_version
from api.web.plan_calendar import build_calendar
from api.web.rendering import Pages
from metering.site import PlannedUse, Site

router = APIRouter(include_in_schema=False)
_TUNE = [needs(Permission.RULES_TUNE)]


@router.get("/planned", dependencies=[needs(Permission.SITE_READ)])
def get_planned_page(request: Request, parts: Parts, pages: Pages) -> Response:
    """Planned use of the whole site, by day and as a list, and each meter that rules are more cautious about."""
    reader = pages.reader(request)
    view = build_feedback_view(parts, reader, None, request.query_params)
    calendar = build_calendar(parts, reader, request.query_params)
    return pages.page(request, "planned.html", reader=reader, feedback=view, calendar=calendar, nav="planned")


def _back(form: dict[str, str], notice: str = "") -> RedirectResponse:
    page = local_path(form.get("back", ""), "/planned").partition("?")[0]
    return RedirectResponse(f"{page}?notice={notice}" if notice else page, 303)


@router.post("/planned", dependencies=_TUNE)
def add_planned_use(site: CurrentSite, actor: CurrentActor, book: Book, form: Form) -> Response:
    """Enter planned use."""
    use = _use_of(form, site)
    if use is None:
        return _back(form, "times")
    try:
        book.plan(use, actor, _expected(form))
    except ValueError:
        return _back(form, "expected")
    except RefusedError:
        return _back(form, "text")
    return _back(form)


@router.post("/planned/{plan_id}", dependencies=_TUNE)
def change_planned_use(site: CurrentSite, actor: CurrentActor, plans: Plans, plan_id: RowId, form: Form) -> Response:
    """Other times, size or words; what has begun keeps its place and begin."""
    use = _use_of(form, site)
    if use is None:
        return _back(form, "times")
    return _back(form, _acted(lambda: plans.change(plan_id, use, actor, _expected(form))))


@router.post("/planned/{plan_id}/end", dependencies=_TUNE)
def end_planned_use(actor: CurrentActor, plans: Plans, plan_id: RowId, form: Form) -> Response:
    """It ends now."""
    return _back(form, _acted(lambda: plans.end(plan_id, actor)))


def _acted(act: Callable[[], object]) -> str:
    """The notice of what went wrong, or nothing."""
    try:
        act()
    except UnknownPlanError:
        return "gone"
    except EntryConflictError:
        return "changed"
    except RefusedError:
        return "past"
    except ValueError:
        return "expected"
    return ""


def _use_of(form: dict[str, str], site: Site) -> PlannedUse | None:
    """What a form says; None where its times make no sense."""
    node, medium = node_of(site, form.get("node", "")).id, form.get("medium") or None
    try:
        start, end = (read_local(form.get(name, ""), site, name) for name in ("start", "end"))
    except Problem:
        return None
    if end <= start or end - start > LONGEST_PLAN:
        return None
    return PlannedUse(node, start, end, form.get("text", ""), medium)


def _expected(form: dict[str, str]) -> float | None:
    """The size. Raises: ValueError."""
    given = form.get("expected", "").strip()
    size = float(given) if given else None
    if size is not None and not 0 <= size <= LARGEST_PLAN:
        raise ValueError("no size")
    return size


@router.post("/planned/{plan_id}/remove", dependencies=_TUNE)
def remove_planned_use(actor: CurrentActor, book: Book, plan_id: RowId, form: Form) -> Response:
    """Take planned use back."""
    try:
        book.unplan(plan_id, actor)
    except UnknownPlanError:
        return _back(form, "gone")
    except RefusedError as error:
        return _back(form, "past" if "over" in str(error) else "alert")
    return _back(form)


@router.post("/meters/{meter_id}/sensitivity/{rule}/reset", dependencies=_TUNE)
def reset_sensitivity(
    site: CurrentSite, actor: CurrentActor, book: Book, meter_id: str, rule: str, form: Form
) -> Response:
    """Let a rule judge the meter as it is set."""
    book.reset(rule, meter_of(site, meter_id).id, actor)
    return _back(form)


@router.post("/alerts/{alert_id}/withdraw", dependencies=[needs(Permission.ALERTS_HANDLE)])
def withdraw_outcome(
    parts: Parts, reach: CurrentReach, actor: CurrentActor, book: Book, alert_id: str, form: Form
) -> Response:
    """Take an alert's outcome back."""
    back = {"back": f"/alerts/{quote(alert_id, safe='')}"}
    try:
        alert = book.withdraw(alert_id, actor, expected_version=read_version(form), sees=reach.sees)
    except ConflictError:
        return _back(back, "conflict")
    parts.stream.publish(alert_event(alert, "withdrawn"))
    return _back(back)
