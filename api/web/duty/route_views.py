"""The pages of routes: who hears of which alerts, and a dry run that tells nobody."""

from __future__ import annotations

import contextlib
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from alerts.duty.roster import Strict
from alerts.duty_desk.desk import DutyDesk
from alerts.duty_desk.entries import EntryChange, EntryKind
from alerts.errors import UnknownEntryError
from alerts.routing.routes import DEFAULT_ROUTES, Route
from alerts.users.roles import Permission
from alerts.users.users import Users
from api.dependencies import CurrentActor, CurrentUsers, Parts
from api.duty.desk import CurrentDutyDesk
from api.permits import needs
from api.web.duty import reading
from api.web.duty.reading import FormFaultError
from api.web.duty.roster_views import WORDS, people_names
from api.web.duty.route_forms import route_document
from api.web.duty.routes import all_targets, read_asked, route_rows, run_dry
from api.web.duty.words import GROUPS, MUTES, WHYS
from api.web.forms import Fields
from api.web.rendering import Pages

router = APIRouter(include_in_schema=False, prefix="/duty/routes")
_READ, _MANAGE = [needs(Permission.DUTY_READ)], [needs(Permission.DUTY_MANAGE)]
_SEE_OTHER, _REFUSED = 303, 422
_NEW = "new"
_WORDS: dict[str, Any] = WORDS | {"groups": GROUPS, "whys": WHYS, "mutes": MUTES}


@router.get("", dependencies=_READ)
def get_routes(request: Request, parts: Parts, pages: Pages, desk: CurrentDutyDesk) -> Response:
    """The routes in their order; with `dry` in the address also who would be told of an alert."""
    reader = pages.reader(request)
    asked = read_asked(request.query_params, reader.site)
    alert, runs = (None, ()) if asked is None else run_dry(desk, asked, reader.alerts, parts.now())
    return pages.page(
        request, "duty_routes.html", reader=reader, nav="duty", rows=route_rows(desk), asked=asked, alert=alert,
        runs=runs, names={row.id: row.route.name or row.id for row in route_rows(desk)},
        duty_names={name: duty.name or name for name, duty in desk.book().roster.duties.items()}, **_WORDS,
    )  # fmt: skip


def _route_page(request: Request, pages: Pages, desk: DutyDesk, users: Users, entry_id: str, **more: Any) -> Response:
    route: Strict | None = None
    version, history = 0, tuple[EntryChange, ...]()
    if entry_id in DEFAULT_ROUTES and entry_id not in desk.book().routes:
        route = DEFAULT_ROUTES[entry_id]
    elif entry_id != _NEW:
        entry = desk.entries.get(EntryKind.ROUTE, entry_id)
        route, version = entry.content, entry.version
        history = tuple(reversed(desk.entries.history(EntryKind.ROUTE, entry_id)))
    known = route if isinstance(route, Route) else None
    named = [*known.targets, *(t for step in known.steps for t in step.targets)] if known else []
    context: dict[str, Any] = {"faults": []} | more
    return pages.page(
        request, "duty_route.html", nav="duty", route=known, entry_id=entry_id, version_seen=version, history=history,
        targets=all_targets(desk, people_names(desk, users), named), **_WORDS, **context,
    )  # fmt: skip


@router.get("/{entry_id}", dependencies=_READ)
def get_route(request: Request, pages: Pages, desk: CurrentDutyDesk, users: CurrentUsers, entry_id: str) -> Response:
    """The form of one route; `new`: an empty one. One of the program is replaced by what is saved here."""
    return _route_page(request, pages, desk, users, entry_id)


@router.post("/{entry_id}", dependencies=_MANAGE)
def save_route(
    request: Request, pages: Pages, desk: CurrentDutyDesk, users: CurrentUsers, actor: CurrentActor, entry_id: str,
    fields: Fields,
) -> Response:  # fmt: skip
    """A route as it was written, or the form again with what is wrong."""
    kind = EntryKind.ROUTE
    try:
        route = reading.checked(kind, route_document(fields), pages.reader(request).wording.gettext)
    except FormFaultError as error:
        return _route_page(request, pages, desk, users, entry_id, status=_REFUSED, faults=error.faults)
    saved = reading.new_id(kind) if entry_id == _NEW else entry_id
    desk.entries.put(kind, saved, route, actor, expected_version=reading.version(fields))
    return RedirectResponse("/duty/routes", _SEE_OTHER)


@router.post("/{entry_id}/remove", dependencies=_MANAGE)
def remove_route(desk: CurrentDutyDesk, actor: CurrentActor, entry_id: str) -> Response:
    """Take it away; its history stays. Pressed twice: it is gone all the same."""
    with contextlib.suppress(UnknownEntryError):
        desk.entries.remove(EntryKind.ROUTE, entry_id, actor)
    return RedirectResponse("/duty/routes", _SEE_OTHER)
