"""What a route asks for: each declares one permission with `needs`.

The application refuses to start with a route that does not, and with a path parameter of which nobody has said how it
is kept within an account's part of the site.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.routing import Mount

from alerts.users.roles import Permission
from api.access import SAFE_METHODS, is_open, not_signed_in
from api.dependencies import get_alerts, get_parts, get_reach, meter_of, node_of
from api.feedback.book import book_of
from api.orders.reach import check_order, check_photo, check_report
from api.orders.uploads import close_upload_form, is_multipart, read_upload_form, text_of
from api.parts import User
from api.problems import Problem
from api.web.forms import is_form, read_form

CSRF_HEADER, CSRF_FIELD = "X-CSRF-Token", "csrf"
_MOST_DIGITS = 15  # of an id


class UndeclaredRouteError(RuntimeError):
    """A route does not say what it asks for: the application must not start."""


@dataclass(frozen=True)
class Permit:
    """Lets a request through, or answers it with 401, 403 or 404. A dependency of its route."""

    permission: Permission

    async def __call__(self, request: Request) -> None:
        """Raises: Problem."""
        if self.permission is Permission.OPEN:
            return
        user: User | None = request.state.user
        if user is None:
            raise not_signed_in()
        if self.permission not in user.permissions:
            raise _forbidden(user, self.permission)
        try:
            await _check_csrf(request, user)
            for name, value in request.path_params.items():
                if (check := _PATH_PARAMETERS[name]) is not None:
                    await run_in_threadpool(check, request, value)
        except Exception:
            await close_upload_form(request)
            raise


def needs(permission: Permission) -> Any:
    """A route's declaration: `dependencies=[needs(Permission.SITE_READ)]`."""
    return Depends(Permit(permission))


def _forbidden(user: User, permission: Permission) -> Problem:
    if user.account is not None and user.account.must_change:
        return Problem(403, "Set a password of your own first: this one was given by somebody else.")
    return Problem(403, f"{user.name} may not do this: it asks for the permission {permission.value}.")


async def _check_csrf(request: Request, user: User) -> None:
    """A change by a session must carry what only our own pages know.

    Raises:
        Problem: 403.
    """
    if request.method in SAFE_METHODS or not user.csrf:
        return
    given = request.headers.get(CSRF_HEADER)
    if given is None and is_form(request):
        given = (await read_form(request)).get(CSRF_FIELD)
    if given is None and is_multipart(request.headers):
        given = text_of(await read_upload_form(request), CSRF_FIELD)
    if given is None or not hmac.compare_digest(given.encode(), user.csrf.encode()):
        raise Problem(403, "This page is from an earlier sign-in: load it again, then repeat what you did.")


def _check_alert(request: Request, alert_id: str) -> None:
    get_alerts(request).get(alert_id)


def _check_node(request: Request, node_id: str) -> None:
    node_of(get_reach(request).site, node_id)


def _check_meter(request: Request, meter_id: str) -> None:
    meter_of(get_reach(request).site, meter_id)


def _check_plan(request: Request, plan_id: str) -> None:
    if not plan_id.isascii() or not plan_id.isdecimal() or len(plan_id) > _MOST_DIGITS:
        return  # no number: the route says so
    reach, place = get_reach(request), book_of(get_parts(request)).place_of(int(plan_id))
    if place is not None and not reach.covers(place):
        raise Problem(404, f"There is no planned use {plan_id}.")


# How what a path names is kept within the account's part of the site. None: it belongs to no part of it.
_PATH_PARAMETERS: dict[str, Callable[[Request, str], None] | None] = {
    "alert_id": _check_alert,
    "node_id": _check_node,
    "meter_id": _check_meter,
    "plan_id": _check_plan,
    "order_id": check_order,
    "report_id": check_report,
    "photo_id": check_photo,
    "rule": None,
    "language": None,
    "session_id": None,
    "token_id": None,
    "name": None,
    "entry_id": None,
    "channel": None,
    "delivery_id": None,
    "token": None,
    "provider": None,
    "identity_id": None,
    "drill_id": None,
}


def check_routes(app: FastAPI) -> None:
    """Refuse an application with a route that nobody guards.

    Raises:
        UndeclaredRouteError: it names all of them.
    """
    faults = [*_faults_of(app.routes)]
    if faults:
        raise UndeclaredRouteError("\n".join(faults))


def _faults_of(routes: Iterable[Any]) -> Iterator[str]:
    for route in each_route(routes):
        path = getattr(route, "path", repr(route))
        if isinstance(route, Mount):
            if not is_open(f"{path}/"):
                yield f"{path}: only files that are open to everybody are mounted"
        elif not isinstance(route, APIRoute):
            yield f"{path}: a route that is no operation cannot declare a permission"
        else:
            yield from _faults_of_operation(route)


def _faults_of_operation(route: APIRoute) -> Iterator[str]:
    name = f"{','.join(sorted(route.methods or ()))} {route.path}"
    permits = _permits(route)
    if len(permits) != 1:
        yield f"{name}: declares {len(permits)} permissions in place of one; see api.permits.needs"
        return
    if (permits[0] is Permission.OPEN) != is_open(route.path):
        yield f"{name}: the door (api.access) and its permission {permits[0].value} do not agree"
    for parameter in re.findall(r"{(\w+)", route.path):
        if parameter not in _PATH_PARAMETERS:
            yield f"{name}: nobody says how {parameter} is kept within an account's part of the site"


def _permits(route: APIRoute) -> list[Permission]:
    return [d.dependency.permission for d in route.dependencies if isinstance(d.dependency, Permit)]


def each_route(routes: Iterable[Any]) -> Iterator[Any]:
    """Every route, those of routers that are included too."""
    for route in routes:
        if (included := getattr(route, "original_router", None)) is not None:
            yield from each_route(included.routes)
        else:
            yield route


def declared(app: FastAPI) -> list[tuple[str, str, Permission]]:
    """Method, path and permission of every operation."""
    operations = [r for r in each_route(app.routes) if isinstance(r, APIRoute)]
    return [(method, r.path, _permits(r)[0]) for r in operations for method in sorted(r.methods or ())]
