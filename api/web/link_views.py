"""Where a message's signed link leads: its alerts on a phone, each with the button that takes it.

Outside of the sign-in: the link says who comes. Opening changes nothing; only a button's POST does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from alerts.desk import MOST_AT_ONCE
from alerts.errors import ConflictError
from alerts.losses import loss_until
from alerts.notify.links import ExpiredLinkError, LinkError
from alerts.users.errors import UnknownAccountError
from alerts.users.reach import Reach, reach_of
from alerts.users.roles import WHOLE_SITE, Permission
from alerts.users.users import Users
from alerts.values import Actor, Alert
from api.alerts.acts import alert_event
from api.dependencies import CurrentUsers, Parts
from api.parts import ApiParts
from api.permits import needs
from api.problems import Problem
from api.web.rendering import Pages, Reader

router = APIRouter(include_in_schema=False, dependencies=[needs(Permission.OPEN)])
Token = Annotated[str, Path(max_length=200)]
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Visit:
    """Who follows a link, which alerts it is about, and whether that person may take them."""

    person: str
    alerts: tuple[str, ...]
    reach: Reach
    may_take: bool


@dataclass(frozen=True, slots=True)
class LinkedAlert:
    """One alert of the page."""

    alert: Alert
    title: str
    place: str
    sentence: str
    next_step: str
    loss: float | None
    age: timedelta


def _visit(parts: ApiParts, users: Users, token: str) -> Visit:
    """What a link stands for.

    Raises:
        Problem: 404 (made up or damaged), 410 (past its end, or the account is gone), 503.
    """
    if parts.duty_desk is None:
        raise Problem(503, "This program has no roster and no routes.")
    try:
        opened = parts.duty_desk.links.open(token)
    except ExpiredLinkError as error:
        raise Problem(410, f"{error}.") from error
    except LinkError as error:
        raise Problem(404, f"{error}.") from error
    if not parts.duty_desk.book().is_active(opened.person):
        raise Problem(410, "The account that this link was sent to is gone.")
    try:
        account = users.accounts.get(opened.person)
    except UnknownAccountError:  # a contact without an account, whom an administrator gave a number
        return Visit(opened.person, opened.alerts, reach_of(parts.site(), (WHOLE_SITE,)), may_take=True)
    may_take = Permission.ALERTS_HANDLE in account.granted
    return Visit(account.name, opened.alerts, reach_of(parts.site(), account.nodes), may_take)


@router.get("/go/{token}")
def show_linked(request: Request, parts: Parts, users: CurrentUsers, pages: Pages, token: Token) -> Response:
    """The alerts of the message, as far as they lie in the person's part of the site."""
    visit = _visit(parts, users, token)
    reader = pages.reader(request)
    reader = replace(reader, reach=visit.reach, wording=replace(reader.wording, site=visit.reach.site))
    found = [parts.records.get_alert(alert_id) for alert_id in visit.alerts[:SHOWN]]
    alerts = [_linked(alert, parts, reader) for alert in found if visit.reach.covers(alert.node)]
    return pages.page(
        request, "linked.html", reader=reader, token=token, visit=visit, alerts=alerts,
        more=max(0, len(visit.alerts) - SHOWN), waiting=sum(_is_waiting(one.alert) for one in alerts),
        is_late=request.query_params.get("notice") == "conflict",
    )  # fmt: skip


def _linked(alert: Alert, parts: ApiParts, reader: Reader) -> LinkedAlert:
    words = reader.wording
    return LinkedAlert(
        alert=alert,
        title=words.title(alert),
        place=words.place_name(alert.node),
        sentence=words.sentence(alert),
        next_step=parts.playbook.steps(alert, reader.site, words.language)[0],
        loss=loss_until(alert, parts.now()),
        age=(alert.closed_at or parts.now()) - alert.onset_at,
    )


def _is_waiting(alert: Alert) -> bool:
    return alert.is_active and not alert.acknowledged


@router.post("/go/{token}/{alert_id}")
def take(
    parts: Parts,
    request: Request,
    users: CurrentUsers,
    token: Token,
    alert_id: Annotated[str, Path(max_length=200)],
) -> Response:
    """I have it. Only alerts of this very message can be taken with its link."""
    visit = _visit(parts, users, token)
    if alert_id not in visit.alerts or not visit.reach.covers(parts.records.get_alert(alert_id).node):
        raise Problem(404, "This link is of another alert.")
    try:
        alert = parts.records.acknowledge(alert_id, _actor(request, visit))
    except ConflictError:
        return _back(token, "?notice=conflict")
    parts.stream.publish(alert_event(alert, "acknowledged"))
    return _back(token)


@router.post("/go/{token}")
def take_all(parts: Parts, request: Request, users: CurrentUsers, token: Token) -> Response:
    """I have all of them, those that nobody has yet; at most 500 at once."""
    visit = _visit(parts, users, token)
    known = [parts.records.get_alert(alert_id) for alert_id in visit.alerts]
    wanted = [(a.id, None) for a in known if _is_waiting(a) and visit.reach.covers(a.node)][:MOST_AT_ONCE]
    handled = parts.records.acknowledge_many(wanted, _actor(request, visit)) if wanted else ()
    for one in handled:
        if one.error is None and one.alert is not None:
            parts.stream.publish(alert_event(one.alert, "acknowledged"))
    return _back(token)


def _actor(request: Request, visit: Visit) -> Actor:
    """Raises: Problem 404, the person may read alerts only."""
    if not visit.may_take:
        raise Problem(404, f"{visit.person} may read alerts, not take them.")
    return Actor(visit.person, f"link {request.client.host}" if request.client else "link")


def _back(token: str, query: str = "") -> RedirectResponse:
    return RedirectResponse(f"/go/{token}{query}", status_code=HTTPStatus.SEE_OTHER)
