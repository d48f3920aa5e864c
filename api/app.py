"""The FastAPI application, put together from its parts. Nothing happens at import."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response

from alerts.once import AnsweredError
from alerts.orders.orders import Orders
from alerts.users.users import users_of
from api.access import AccessLayer
from api.alerts import acts, history
from api.alerts import views as alerts
from api.alerts.conditions import answer_again
from api.desk import views as desk
from api.drills import views as drills
from api.duty import views as duty
from api.exports import orders as order_exports
from api.exports import views as exports
from api.feedback import plan_views
from api.feedback import views as feedback
from api.head_counts import views as head_counts
from api.identity import Identity
from api.orders import routers as orders
from api.parts import ApiParts, RateLimits
from api.permits import check_routes, declared
from api.platform import views as platform
from api.problem_schema import ProblemOut
from api.problems import HANDLED, Answer, Problem, answer_error
from api.rate_limits import Buckets, RateLimitLayer
from api.reaches import Reaches
from api.readings import views as readings
from api.site import views as site
from api.statistics import views as statistics
from api.system import collector, meters, metrics, status
from api.users import views as accounts
from api.web import pages
from api.web.desk import DeskBuilder
from api.web.orders.reporters import Reporters
from api.web.provider_views import OF_ADDRESS
from api.web.rendering import Rendering, way_to_sign_in

_DESCRIPTION = """Water and electricity meters of a campus: what they count, what is wrong, and where.

Times are ISO 8601; a day such as `2026-11-01` means its local midnight on the site. Errors are RFC 9457
`application/problem+json`."""


def create_app(parts: ApiParts) -> FastAPI:
    """The application: REST under `/api/v1`, the pages, `/docs`, `/metrics`, `/healthz` and `/readyz`."""
    reaches = Reaches(parts.site)
    rendering = Rendering(parts, reaches)
    users = parts.users or users_of(parts.records.database, parts.now)
    identity = Identity(parts.access, users)
    answer = partial(_answer, rendering)
    app = FastAPI(
        title="AquaVolt",
        version=parts.version,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[
            Middleware(GZipMiddleware, minimum_size=2048),
            Middleware(AccessLayer, access=parts.access, identity=identity, answer=answer),
            Middleware(RateLimitLayer, limits=parts.limits, answer=answer),
        ],
        exception_handlers={**dict.fromkeys(HANDLED, _handler(answer)), AnsweredError: answer_again},
    )
    app.state.parts = parts
    app.state.rendering = rendering
    app.state.desk_builder = DeskBuilder(parts, rendering)
    app.state.reaches = reaches
    app.state.users = users
    app.state.identity = identity
    app.state.reporters = Reporters()
    app.state.leaving = Buckets(RateLimits(writing=OF_ADDRESS))
    app.state.orders = Orders(parts.records.database, parts.site, parts.playbook, parts.now)
    app.state.registry = metrics.registry_of(parts)
    for router in (
        acts.router,
        history.router,
        alerts.router,
        desk.router,
        *duty.ROUTERS,
        drills.router,
        *orders.ROUTERS,
        platform.router,
        site.router,
        statistics.router,
        readings.router,
        head_counts.router,
        collector.router,
        meters.router,
        status.stream_router,
    ):
        app.include_router(router)
    for router in (
        exports.router,
        order_exports.router,
        feedback.router,
        plan_views.router,
        metrics.router,
        status.router,
        accounts.router,
        *pages.ROUTERS,
    ):
        app.include_router(router)
    app.mount("/static", pages.static_files(), name="static")
    app.mount("/vendor", pages.vendor_files(), name="vendor")
    check_routes(app)
    app.openapi = partial(_openapi, app, parts)  # type: ignore[method-assign]
    return app


def _handler(answer: Answer) -> Callable[[Request, Any], Coroutine[Any, Any, Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        return answer_error(request, error, answer)

    return handle


def _answer(rendering: Rendering, request: Request, problem: Problem) -> Response:
    """A page for a person, problem+json for a program."""
    path = request.url.path
    is_page = not path.startswith(("/api/", "/metrics", "/openapi.json", "/healthz", "/readyz"))
    if problem.status == HTTPStatus.UNAUTHORIZED and is_page and (way_in := way_to_sign_in(request)) is not None:
        return way_in
    if is_page and "text/html" in request.headers.get("accept", ""):
        return rendering.problem(request, problem)
    return problem.response(path)


def _openapi(app: FastAPI, parts: ApiParts) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=[]
        )
        components = schema.setdefault("components", {})
        problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
        components.setdefault("schemas", {}).update(problem.pop("$defs", {}))
        components["schemas"]["ProblemOut"] = problem
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        if not parts.access.demo:
            schema["security"] = [{"token": []}]
        for method, path, permission in declared(app):
            if (operation := schema["paths"].get(path, {}).get(method.lower())) is not None:
                operation["x-permission"] = permission.value
        app.openapi_schema = schema
    return app.openapi_schema
