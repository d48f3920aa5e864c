"""What people reported, as the office sees to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from alerts.errors import AlertError
from alerts.orders.orders import Orders
from alerts.orders.states import OrderState
from alerts.orders.values import OrderFilter, Photo, Report, ReportState
from alerts.users.able import able_accounts
from alerts.users.roles import Permission
from alerts.users.values import Account
from api.dependencies import CurrentActor, CurrentUsers, Parts
from api.orders.reach import CurrentOrders, CurrentPerson, narrowed
from api.permits import needs
from api.web.account_words import ROLES
from api.web.forms import Form, version_of
from api.web.orders.acting import back_to
from api.web.orders.order_page import VIEWS, OrderLine, alerts_near, line_of
from api.web.orders.words import GOOD_NOTICES, NOTICES, REPORT_STATES
from api.web.rendering import Pages, Reader

router = APIRouter(include_in_schema=False, dependencies=[needs(Permission.ORDERS_MANAGE)])
ReportId = Annotated[int, Path(ge=1, le=2**53)]
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Told:
    """One report with its photos, and the active alerts (id, in words) that it may be of."""

    report: Report
    place: str
    photos: tuple[Photo, ...]
    alerts: tuple[tuple[str, str], ...] = ()


@router.get("/reports")
def get_reports_page(
    request: Request, parts: Parts, orders: CurrentOrders, users: CurrentUsers, pages: Pages
) -> Response:
    """New ones first; each becomes an order, joins one, or is answered."""
    reader = pages.reader(request)
    nodes = None if reader.reach.nodes is None else sorted(reader.reach.nodes)
    new, old = (
        [_told(r, orders, reader) for r in orders.reports(states, nodes, _SHOWN)]
        for states in ([ReportState.NEW], [ReportState.ORDERED, ReportState.DISMISSED])
    )
    wanted = narrowed(reader.reach, OrderFilter(states=(*VIEWS["open"], OrderState.DONE), drill=True))
    running: list[OrderLine] = [line_of(o, parts, reader) for o in orders.find(wanted, limit=_SHOWN).items]
    people: list[Account] = able_accounts(users.accounts.list())
    notice = request.query_params.get("notice", "")
    return pages.page(
        request, "reports.html", reader=reader, new=new, old=old, running=running, people=people, roles=ROLES,
        report_states=REPORT_STATES, notice=NOTICES.get(notice, ""), good=GOOD_NOTICES.get(notice, ""), nav="reports",
        has_posters=parts.public_reports,
    )  # fmt: skip


def _told(report: Report, orders: Orders, reader: Reader) -> Told:
    photos = orders.photos_of_report(report.id) if report.photos else ()
    alerts = alerts_near(report.node, reader, with_drills=True) if report.state is ReportState.NEW else ()
    return Told(report, reader.wording.place_name(report.node), photos, alerts)


@router.post("/reports/{report_id}/dismiss")
def dismiss(orders: CurrentOrders, actor: CurrentActor, report_id: ReportId, form: Form) -> Response:
    """Nothing is done, and why."""
    try:
        orders.dismiss_report(report_id, actor, form.get("answer", ""))
    except AlertError:
        return back_to("/reports", "wrong_state" if form.get("answer") else "empty")
    return back_to("/reports", "saved")


@router.post("/reports/{report_id}/join")
def join(orders: CurrentOrders, person: CurrentPerson, report_id: ReportId, form: Form) -> Response:
    """There is an order about it."""
    try:
        orders.join_report(report_id, version_of(form.get("order", "")) or 0, person)
    except AlertError:
        return back_to("/reports", "wrong_state")
    return back_to("/reports", "saved")
