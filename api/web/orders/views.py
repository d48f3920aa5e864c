"""The list of orders and the page of one: phone first, for whoever stands in the basement with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from alerts.orders.making import NewOrder
from alerts.users.able import assignees
from alerts.users.roles import Permission
from alerts.values import Outcome
from api.dependencies import CurrentAlerts, CurrentUsers, Parts
from api.moments import read_local
from api.orders.answering import tell
from api.orders.reach import CurrentOrders, CurrentPerson
from api.orders.uploads import UploadForm, pictures_of, text_of
from api.orders.workers import CurrentWorkers
from api.permits import needs
from api.problems import Problem
from api.web.account_words import ROLES
from api.web.forms import Form, cost_of, read_version, version_of
from api.web.orders.acting import REFUSED, acted, back_to, notice_of
from api.web.orders.opening import CurrentOpener
from api.web.orders.order_page import VIEWS, alerts_near, build_list, build_order, drilled_lines
from api.web.orders.words import GOOD_NOTICES, NOTICES, REPORT_STATES, STATES
from api.web.rendering import Pages

router = APIRouter(include_in_schema=False)
_READ, _WORK = [needs(Permission.ORDERS_READ)], [needs(Permission.ORDERS_WORK)]
_MANAGE = [needs(Permission.ORDERS_MANAGE)]
_REFUSED = 422
OrderId = Annotated[int, Path(ge=1, le=2**53)]


@router.get("/orders", dependencies=_READ)
def get_orders_page(request: Request, parts: Parts, orders: CurrentOrders, pages: Pages) -> Response:
    """What is to be done, what waits for a confirmation, what is over."""
    reader, query = pages.reader(request), request.query_params
    view = query.get("view", "open")
    view = view if view in VIEWS else "open"
    lines, cursor, totals = build_list(parts, orders, reader, view, version_of(query.get("cursor", "")))
    return pages.page(
        request, "orders.html", reader=reader, lines=lines, cursor=cursor, totals=totals, view=view,
        drilled=drilled_lines(parts, orders, reader, view), order_states=STATES, nav="orders",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of an order is made of."""

    parts: Parts
    orders: CurrentOrders
    users: CurrentUsers
    pages: Pages


CurrentShown = Annotated[Shown, Depends()]


@router.get("/orders/{order_id}", dependencies=_READ)
def get_order_page(request: Request, shown: CurrentShown, order_id: OrderId) -> Response:
    """What, where, until when, the checklist, photos, done."""
    return _order_page(request, shown, order_id, request.query_params.get("notice", ""))


def _order_page(
    request: Request, shown: Shown, order_id: int, notice: str, *, draft: str = "", status: int = 200
) -> Response:
    """The order. `draft`: a note that was written and could not be taken yet."""
    reader = shown.pages.reader(request)
    view = build_order(shown.parts, shown.orders, reader, order_id)
    accounts = shown.users.accounts.list() if view.may_manage else ()
    people = assignees(accounts, view.order.node, shown.parts.site()) if accounts else []
    near = alerts_near(view.order.node, reader) if view.may_manage and view.may_take_alert else ()
    return shown.pages.page(
        request, "order.html", status=status, reader=reader, view=view, people=people, near=near, roles=ROLES,
        order_states=STATES, report_states=REPORT_STATES, notice=NOTICES.get(notice, ""),
        good=GOOD_NOTICES.get(notice, ""), nav="orders", draft=draft,
    )  # fmt: skip


@router.post("/orders", dependencies=_MANAGE)
def open_order(opener: CurrentOpener, form: Form) -> Response:
    """Of an alert, a report, or of the office's own."""
    new = NewOrder(
        alert_id=form.get("alert") or None, report_id=version_of(form.get("report", "")), node=form.get("node") or None,
        words=form.get("words", "").strip(), assignee=form.get("assignee") or None,
        due_at=read_local(form["due"], opener.parts.site(), "due") if form.get("due") else None,
    )  # fmt: skip
    try:
        order = opener.open(new)
    except REFUSED as error:
        return back_to("/orders", notice_of(error), form.get("back", ""))
    return back_to(f"/orders/{order.id}")


@router.post("/orders/{order_id}/assign", dependencies=_MANAGE)
def assign(
    parts: Parts, orders: CurrentOrders, person: CurrentPerson, workers: CurrentWorkers, order_id: OrderId, form: Form
) -> Response:
    """Who works on it."""
    name = workers.checked(form.get("assignee") or None)
    return acted(
        parts, order_id, "assigned",
        lambda: orders.assign(order_id, person, name, expected_version=read_version(form)),
    )  # fmt: skip


@router.post("/orders/{order_id}/due", dependencies=_MANAGE)
def set_due(parts: Parts, orders: CurrentOrders, person: CurrentPerson, order_id: OrderId, form: Form) -> Response:
    """Until when."""
    due, version = read_local(form.get("due", ""), parts.site(), "due"), read_version(form)
    return acted(
        parts, order_id, "changed", lambda: orders.change(order_id, person, expected_version=version, due_at=due)
    )


@router.post("/orders/{order_id}/alert", dependencies=_MANAGE)
def attach_alert(
    parts: Parts, orders: CurrentOrders, alerts: CurrentAlerts, person: CurrentPerson, order_id: OrderId, form: Form
) -> Response:
    """The meters see what was reported."""
    alert, version = alerts.get(form.get("alert", "")).id, read_version(form)
    return acted(
        parts, order_id, "changed", lambda: orders.attach_alert(order_id, person, alert, expected_version=version)
    )


@router.post("/orders/{order_id}/start", dependencies=_WORK)
def start(parts: Parts, orders: CurrentOrders, person: CurrentPerson, order_id: OrderId, form: Form) -> Response:
    """I am at it."""
    return acted(
        parts, order_id, "started", lambda: orders.start(order_id, person, expected_version=read_version(form))
    )


@router.post("/orders/{order_id}/notes", dependencies=_WORK)
def note(parts: Parts, orders: CurrentOrders, person: CurrentPerson, order_id: OrderId, form: Form) -> Response:
    """Add a remark."""
    return acted(parts, order_id, "noted", lambda: orders.note(order_id, person, form.get("text", "")), "saved")


@router.post("/orders/{order_id}/checklist", dependencies=_WORK)
def check(parts: Parts, orders: CurrentOrders, person: CurrentPerson, order_id: OrderId, form: Form) -> Response:
    """Tick a line off, or take that back."""
    line, is_done = version_of(form.get("line", "")), form.get("done") == "1"
    return acted(
        parts, order_id, "checked",
        lambda: orders.check(order_id, person, -1 if line is None else line, is_done=is_done),
    )  # fmt: skip


@router.post("/orders/{order_id}/photos", dependencies=_WORK)
async def add_photos(
    parts: Parts, orders: CurrentOrders, person: CurrentPerson, order_id: OrderId, form: UploadForm
) -> Response:
    """Up to four at once."""
    try:
        pictures = await pictures_of(form)
        for picture in pictures:
            await run_in_threadpool(orders.add_photo, order_id, person, picture)
    except REFUSED as error:
        return back_to(f"/orders/{order_id}", notice_of(error))
    if pictures:
        tell(parts, orders.get(order_id), "photo")
    return back_to(f"/orders/{order_id}", "saved" if pictures else "empty")


@router.post("/orders/{order_id}/done", dependencies=_WORK)
async def finish(
    request: Request, person: CurrentPerson, shown: CurrentShown, order_id: OrderId, form: UploadForm
) -> Response:
    """What it was found to be, with a note and photos of the work: all of it is taken, or the note comes back."""
    try:
        outcome = Outcome(text_of(form, "outcome"))
    except ValueError as error:
        raise Problem(422, f"outcome must be one of: {', '.join(o.value for o in Outcome)}.") from error
    version, words, cost = version_of(text_of(form, "version")), text_of(form, "note"), cost_of(text_of(form, "cost"))
    try:
        finished = partial(
            shown.orders.finish, order_id, person, outcome, words=words, cost=cost, expected_version=version,
            pictures=await pictures_of(form),
        )  # fmt: skip
        tell(shown.parts, await run_in_threadpool(finished), "done")
    except REFUSED as error:
        page = partial(_order_page, request, shown, order_id, notice_of(error), draft=words, status=_REFUSED)
        return await run_in_threadpool(page)
    return back_to(f"/orders/{order_id}", "done")


@router.post("/orders/{order_id}/verify", dependencies=_MANAGE)
def verify(parts: Parts, orders: CurrentOrders, person: CurrentPerson, order_id: OrderId, form: Form) -> Response:
    """It holds, says the office: of an order without an alert."""
    words, version = form.get("note", ""), read_version(form)
    return acted(
        parts, order_id, "verified", lambda: orders.verify(order_id, person, words=words, expected_version=version)
    )


@router.post("/orders/{order_id}/reopen", dependencies=_MANAGE)
def reopen(parts: Parts, orders: CurrentOrders, person: CurrentPerson, order_id: OrderId, form: Form) -> Response:
    """It does not hold."""
    words, version = form.get("note", ""), read_version(form)
    return acted(
        parts, order_id, "reopened", lambda: orders.reopen(order_id, person, words=words, expected_version=version)
    )


@router.post("/orders/{order_id}/close", dependencies=_MANAGE)
def close(parts: Parts, orders: CurrentOrders, person: CurrentPerson, order_id: OrderId, form: Form) -> Response:
    """The office's rating."""
    words, version = form.get("note", ""), read_version(form)
    rating, cost = version_of(form.get("rating", "")) or 0, cost_of(form.get("cost", ""))
    return acted(
        parts, order_id, "closed",
        lambda: orders.close(order_id, person, rating, words=words, cost=cost, expected_version=version), "saved",
    )  # fmt: skip


@router.post("/orders/{order_id}/cost", dependencies=_MANAGE)
def price(parts: Parts, orders: CurrentOrders, person: CurrentPerson, order_id: OrderId, form: Form) -> Response:
    """What it cost in the end: bills come when an order is long closed."""
    cost, version = cost_of(form.get("cost", "")), read_version(form)
    if cost is None:
        return back_to(f"/orders/{order_id}", "empty")
    return acted(
        parts, order_id, "changed",
        lambda: orders.change(order_id, person, cost=cost, expected_version=version), "saved",
    )  # fmt: skip
