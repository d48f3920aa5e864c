"""The desk and the page of one alert."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from alerts.errors import ConflictError, RefusedError
from alerts.orders.states import OrderState
from alerts.orders.values import OrderFilter
from alerts.users.able import able_accounts, assignees
from alerts.users.roles import Permission, Role
from alerts.values import Outcome
from api.alerts.acts import alert_event
from api.dependencies import CurrentActor, CurrentUser, CurrentUsers, Parts
from api.orders.reach import CurrentOrders, narrowed
from api.permits import needs
from api.problems import Problem
from api.web.account_words import ROLES
from api.web.alert_page import build_alert_view
from api.web.assigning import CurrentAssigner
from api.web.desk import CurrentDeskBuilder
from api.web.desk_filters import read_filters
from api.web.duty.words import role_name
from api.web.forms import Form, local_path, read_version, version_of
from api.web.orders.order_page import orders_near
from api.web.orders.words import STATES
from api.web.rendering import Pages

router = APIRouter(include_in_schema=False)
_ON_FOOT = frozenset({Role.MAINTAINER, Role.CONTRACTOR})
_READ, _HANDLE = [needs(Permission.ALERTS_READ)], [needs(Permission.ALERTS_HANDLE)]


@router.get("/", dependencies=[needs(Permission.SIGNED_IN)])
def get_home(user: CurrentUser) -> RedirectResponse:
    """The desk is the first page; of who goes to the pipes, what they have to do."""
    is_on_foot = user.account is not None and user.account.role in _ON_FOOT
    return RedirectResponse("/tasks" if is_on_foot else "/alerts", 307)


@router.get("/alerts", dependencies=_READ)
def get_desk(request: Request, pages: Pages, builder: CurrentDeskBuilder, users: CurrentUsers) -> Response:
    """The alert list."""
    reader, query = pages.reader(request), request.query_params
    desk = builder.build(reader, read_filters(query, reader.site), query.get("cursor"))
    people = able_accounts(users.accounts.list()) if reader.user.may(Permission.ALERTS_HANDLE) else []
    said = tuple(version_of(query.get(name, "")) for name in ("done", "refused"))
    answer: Response = pages.page(
        request, "desk.html", reader=reader, desk=desk, people=people, roles=ROLES, said=said, nav="alerts"
    )
    if request.headers.get("hx-trigger") == "find":  # its fields that are empty are no part of the address
        answer.headers["HX-Push-Url"] = desk.address
    return answer


@router.get("/alerts/{alert_id}", dependencies=_READ)
def get_alert_page(
    request: Request, parts: Parts, pages: Pages, users: CurrentUsers, orders: CurrentOrders, alert_id: str
) -> Response:
    """One alert."""
    reader = pages.reader(request)
    alert = reader.alerts.get(alert_id)
    node = alert.node
    people = assignees(users.accounts.list(), node, parts.site()) if reader.user.may(Permission.ALERTS_HANDLE) else []
    view = build_alert_view(parts, reader, alert_id, tuple(people), request.query_params.get("notice", ""))
    found = orders.find(narrowed(reader.reach, OrderFilter(alert_id=alert_id, drill=True))).items
    is_to_join = reader.user.may(Permission.ORDERS_MANAGE) and all(o.state is OrderState.CLOSED for o in found)
    near = orders_near(alert, orders, parts, reader) if is_to_join and alert.is_active else ()
    return pages.page(
        request, "alert.html", reader=reader, view=view, roles=ROLES, role_name=role_name, orders=found,
        orders_near=near, order_states=STATES, nav="alerts",
    )  # fmt: skip


def _back(alert_id: str, form: dict[str, str], notice: str = "") -> RedirectResponse:
    """See other: the page again, so that going back never repeats the change."""
    page = f"/alerts/{quote(alert_id, safe='')}"
    address = f"{page}?notice={notice}" if notice else local_path(form.get("back", ""), page)
    return RedirectResponse(address, 303)


@router.post("/alerts/{alert_id}/acknowledge", dependencies=_HANDLE)
def acknowledge(parts: Parts, actor: CurrentActor, alert_id: str, form: Form) -> Response:
    """I have it."""
    try:
        alert = parts.records.acknowledge(alert_id, actor, expected_version=read_version(form))
    except ConflictError:
        return _back(alert_id, form, "conflict")
    parts.stream.publish(alert_event(alert, "acknowledged"))
    return _back(alert_id, form)


@router.post("/alerts/{alert_id}/assign", dependencies=_HANDLE)
def assign(assigner: CurrentAssigner, alert_id: str, form: Form) -> Response:
    """Who is to see to it; nobody named: nobody in particular."""
    try:
        assigner.assign(alert_id, form.get("assignee", ""), read_version(form))
    except ConflictError:
        return _back(alert_id, form, "conflict")
    return _back(alert_id, form)


@router.post("/alerts/{alert_id}/comments", dependencies=_HANDLE)
def comment(parts: Parts, actor: CurrentActor, alert_id: str, form: Form) -> Response:
    """Add a remark."""
    try:
        alert = parts.records.comment(alert_id, actor, form.get("text", "").strip())
    except RefusedError:
        return _back(alert_id, form, "empty")
    parts.stream.publish(alert_event(alert, "commented"))
    return _back(alert_id, form)


@router.post("/alerts/{alert_id}/resolve", dependencies=_HANDLE)
def resolve(parts: Parts, actor: CurrentActor, alert_id: str, form: Form) -> Response:
    """What it was found to be."""
    try:
        outcome = Outcome(form.get("outcome", ""))
    except ValueError as error:
        allowed = ", ".join(o.value for o in Outcome)
        raise Problem(422, f"outcome must be one of: {allowed}.") from error
    try:
        alert = parts.records.resolve(
            alert_id, actor, outcome, note=form.get("note", "").strip(), expected_version=read_version(form)
        )
    except ConflictError:
        return _back(alert_id, form, "conflict")
    parts.stream.publish(alert_event(alert, "resolved"))
    return _back(alert_id, form)


@router.post("/alerts/{alert_id}/reopen", dependencies=_HANDLE)
def reopen(parts: Parts, actor: CurrentActor, alert_id: str, form: Form) -> Response:
    """Its outcome was not right."""
    try:
        note = form.get("note", "").strip()
        alert = parts.records.reopen(alert_id, actor, note=note, expected_version=read_version(form))
    except ConflictError:
        return _back(alert_id, form, "conflict")
    parts.stream.publish(alert_event(alert, "reopened"))
    return _back(alert_id, form)
