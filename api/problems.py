"""Errors as RFC 9457 problem+json, all of them: raised here, by the framework, or by a fault of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from alerts.errors import AlertError, ConflictError, EntryConflictError, UnknownAlertError, UnknownEntryError
from metering.ports import StoreUnavailableError

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger(__name__)


class Problem(Exception):  # noqa: N818 - the RFC's own word
    """An answer that is an error. `extra` members go into the document, e.g. `errors` or `current`."""

    def __init__(self, status: int, detail: str, *, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.extra = extra

    def document(self, instance: str) -> dict[str, Any]:
        """The members as the RFC names them; `type` is about:blank, so `title` is the status's phrase."""
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **self.extra,
        }

    def response(self, instance: str) -> Response:
        """The answer to the request on the path `instance`."""
        body = msgspec.json.encode(self.document(instance))
        return Response(body, self.status, headers=self.headers, media_type=MEDIA_TYPE)


def problem_of(error: Exception) -> Problem:
    """What an exception means to the caller. What is unknown is a 500 that tells nothing of the inside."""
    match error:
        case Problem():
            return error
        case HTTPException():
            return Problem(error.status_code, _framework_detail(error), headers=dict(error.headers or {}))
        case RequestValidationError():
            return Problem(
                422, "The request does not fit this operation; see `errors`.", errors=_faults(error.errors())
            )
        case UnknownAlertError() | UnknownEntryError():
            return Problem(404, str(error))
        case ConflictError() | EntryConflictError():
            return _conflict(error)
        case AlertError():
            return Problem(422, str(error))
        case StoreUnavailableError():
            return Problem(503, f"The store of readings cannot answer now: {error}", headers={"Retry-After": "5"})
    return Problem(500, "The program met an error of its own; it is in the log.")


def _conflict(error: ConflictError | EntryConflictError) -> Problem:
    """With what stands now, as far as the caller needs it to try again."""
    if isinstance(error, EntryConflictError):
        return Problem(409, str(error), current={"version": error.version})
    current = {"version": error.current.version, "acknowledged_by": error.current.acknowledged_by}
    return Problem(409, str(error), current=current)


def _framework_detail(error: HTTPException) -> str:
    details = {404: "Nothing is at this address.", 405: "This address does not know the method; see `Allow`."}
    phrase = HTTPStatus(error.status_code).phrase
    return details.get(error.status_code, phrase) if error.detail in (phrase, None) else str(error.detail)


def _faults(errors: Sequence[Any]) -> list[dict[str, str]]:
    """Which member is wrong and why; the value itself is not repeated."""
    return [{"member": ".".join(str(p) for p in e["loc"]), "message": str(e["msg"])} for e in errors]


Answer = Callable[[Request, Problem], Response]


def answer_error(request: Request, error: Exception, answer: Answer) -> Response:
    """The answer to a request that failed; a fault of ours is logged."""
    problem = problem_of(error)
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
    return answer(request, problem)


HANDLED = (Problem, HTTPException, RequestValidationError, AlertError, StoreUnavailableError)
