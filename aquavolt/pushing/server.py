"""The HTTP side of `watch`: for collectors and `serve` only, never for people. Every request carries the token."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.stream import EventStream
from aquavolt.pushing.intake import POSTED, BusyError, Intake, RefusedError, StrangerError
from aquavolt.pushing.wire import (
    LONGEST_PUSH,
    VERSION,
    VERSION_HEADER,
    Hello,
    Refusal,
    WatchState,
    WireError,
    decode_push,
    from_json,
    to_json,
)
from collector.journal import JournalError
from metering.batch import ReadingBatch
from metering.entries import EntryError, decode_entry

_BUSY_AFTER_S = "2"
_STATUS = {
    WireError: HTTPStatus.BAD_REQUEST,
    EntryError: HTTPStatus.BAD_REQUEST,
    RefusedError: HTTPStatus.CONFLICT,
    StrangerError: HTTPStatus.PRECONDITION_REQUIRED,
    BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    JournalError: HTTPStatus.SERVICE_UNAVAILABLE,
}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ServerParts:
    """What the routes work with. `post` journals posted readings; durable when it returns."""

    token: str
    intake: Intake
    stream: EventStream
    state: Callable[[], WatchState]
    post: Callable[[ReadingBatch], None]


Answer = Callable[[Request], Awaitable[Response]]


class _Routes:
    """One method an address."""

    def __init__(self, parts: ServerParts) -> None:
        self._parts = parts

    async def hello(self, request: Request) -> Response:
        name = _collector_of(request)
        message = from_json(Hello, await _body(request))
        return _json(await run_in_threadpool(self._parts.intake.hello, name, message))

    async def forget(self, request: Request) -> Response:
        name = _collector_of(request)
        if not await run_in_threadpool(self._parts.intake.forget, name):
            return _refusal(HTTPStatus.NOT_FOUND, f"collector {name!r} is not known here")
        _log.info("a collector was given up; its meters are free", collector=name)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def push(self, request: Request) -> Response:
        name, body = _collector_of(request), await _body(request)
        found = await run_in_threadpool(decode_push, body)
        if found.header.collector != name:
            raise WireError(f"a push of {found.header.collector!r} to the place of {name!r}")
        return _json(await run_in_threadpool(self._parts.intake.push, found))

    async def post(self, request: Request) -> Response:
        entry = decode_entry(await _body(request))
        if not isinstance(entry, ReadingBatch):
            raise WireError("only readings can be posted")
        await run_in_threadpool(self._parts.post, entry)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def state(self, _request: Request) -> Response:
        return _json(await run_in_threadpool(self._parts.state))

    async def stream(self, request: Request) -> Response:
        frames = self._parts.stream.frames(request.headers.get("Last-Event-ID"))
        return StreamingResponse(frames, media_type="text/event-stream")

    async def healthz(self, _request: Request) -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    async def readyz(self, _request: Request) -> Response:
        is_ready = (await run_in_threadpool(self._parts.state)).is_ready
        return Response(status_code=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)


def create_server(parts: ServerParts) -> Starlette:
    """The application."""
    routes = _Routes(parts)

    def signed(path: str, answer: Answer, method: str = "GET") -> Route:
        return Route(path, _signed(answer, parts.token), methods=[method])

    return Starlette(
        routes=[
            Route("/healthz", routes.healthz),
            Route("/readyz", routes.readyz),
            signed("/collectors/{name}", routes.hello, "PUT"),
            signed("/collectors/{name}", routes.forget, "DELETE"),
            signed("/collectors/{name}/entries", routes.push, "POST"),
            signed("/readings", routes.post, "POST"),
            signed("/state", routes.state),
            signed("/stream", routes.stream),
        ]
    )


def _signed(answer: Answer, token: str) -> Answer:
    """Only with the token and in our version; whatever goes wrong is said in a `Refusal`."""
    expected = f"Bearer {token}".encode()

    async def checked(request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected):
            return _refusal(HTTPStatus.UNAUTHORIZED, "the token is another one; see AQUAVOLT_WATCH_TOKEN")
        if (version := request.headers.get(VERSION_HEADER)) != str(VERSION):
            text = f"this `aquavolt watch` speaks version {VERSION}, not {version}: run the same AquaVolt on both sides"
            return _refusal(HTTPStatus.UPGRADE_REQUIRED, text)
        try:
            return await answer(request)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - each becomes an answer
            return _answer_of(error)

    return checked


def _answer_of(error: Exception) -> Response:
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return _refusal(status, str(error))
    _log.error("a request failed", exc_info=error)
    return _refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "the program met an error of its own; it is in its log")


def _refusal(status: HTTPStatus, text: str) -> Response:
    headers = {"Retry-After": _BUSY_AFTER_S} if status is HTTPStatus.SERVICE_UNAVAILABLE else None
    return Response(to_json(Refusal(text)), status, headers, "application/json")


def _collector_of(request: Request) -> str:
    name = str(request.path_params["name"])
    if name == POSTED:
        raise RefusedError(f"{POSTED!r} is this program's own name; give the collector another")
    return name


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LONGEST_PUSH:
            raise WireError(f"more than {LONGEST_PUSH} bytes at once")
        chunks.append(chunk)
    return b"".join(chunks)


def _json(value: Any) -> Response:
    return Response(to_json(value), media_type="application/json")
