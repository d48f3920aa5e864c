"""All pages and browser files."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from alerts.users.roles import Permission
from api.permits import needs
from api.web import (
    account_views,
    alert_views,
    bulk_views,
    feedback_views,
    head_counts_views,
    link_views,
    platform_views,
    provider_views,
    site_views,
    task_views,
    user_views,
)
from api.web.drills import views as drill_views
from api.web.duty import log_views, roster_views, route_views, silence_views
from api.web.forms import local_path
from api.web.orders import office_views, patrol_views, poster_views, report_views, views
from api.web.phone import views as phone_views
from api.web.rendering import STATIC, Pages
from api.web.statistics import views as statistics_views
from api.web.texts import COOKIE, LANGUAGES
from api.web.vendor import VENDOR
from api.wire import JsonResponse

router = APIRouter(include_in_schema=False)
ROUTERS = (
    router,
    alert_views.router,
    bulk_views.router,
    task_views.router,
    site_views.router,
    feedback_views.router,
    head_counts_views.router,
    account_views.router,
    provider_views.router,
    user_views.router,
    link_views.router,
    roster_views.router,
    route_views.router,
    silence_views.router,
    log_views.router,
    drill_views.router,
    platform_views.router,
    views.router,
    office_views.router,
    patrol_views.router,
    report_views.router,
    poster_views.router,
    statistics_views.router,
    phone_views.router,
)
_OPEN = [needs(Permission.OPEN)]
_YEAR_S = 365 * 24 * 3600


class VersionedFiles(StaticFiles):
    """Files whose address carries their version (`?v=`): kept by browsers for a year."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with how long it may be kept."""
        response = await super().get_response(path, scope)
        is_versioned = scope.get("query_string", b"").startswith(b"v=")
        response.headers["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable" if is_versioned else "no-cache"
        return response


def static_files() -> StaticFiles:
    """Our own scripts, styles and pictures."""
    return VersionedFiles(directory=STATIC)


def vendor_files() -> StaticFiles:
    """Files from npm; the folder may not be there yet."""
    return VersionedFiles(directory=VENDOR, check_dir=False)


@router.get("/docs", dependencies=[needs(Permission.SIGNED_IN)])
def get_docs(request: Request, pages: Pages) -> Response:
    """The API's page, by Swagger UI."""
    return pages.page(request, "docs.html", nav="docs")


@router.get("/openapi.json", dependencies=[needs(Permission.SIGNED_IN)])
def get_openapi(request: Request) -> Response:
    """What the API can do."""
    return JsonResponse(request.app.openapi())


@router.get("/favicon.ico", dependencies=_OPEN)
def get_favicon() -> RedirectResponse:
    """Browsers ask for it unasked."""
    return RedirectResponse("/static/logo.svg", 301)


@router.get("/language/{language}", dependencies=_OPEN)
def switch_language(request: Request, language: str) -> Response:
    """Remembers the language for a year and goes back to where the reader was."""
    response = RedirectResponse(local_path(request.query_params.get("back", "")), 303)
    if language in LANGUAGES:
        cookie: dict[str, Any] = {"max_age": _YEAR_S, "samesite": "lax", "httponly": True, "path": "/"}
        response.set_cookie(COOKIE, language, secure=request.url.scheme == "https", **cookie)
    return response
