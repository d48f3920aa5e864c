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

from alerts.database import RecordsUnavailableError
from alerts.errors import (
    AlertError,
    ConflictError,
    DrillConflictError,
    EntryConflictError,
    PolicyConflictError,
    StaleError,
    UnknownAlertError,
    UnknownEntryError,
)
from alerts.orders.errors import OrderConflictError, OrderStateError, TickConflictError
from alerts.orders.status_links import StatusLinkError
from alerts.users.errors import (
    AccountConflictError,
    AccountError,
    ProviderRefusedError,
    ThrottledError,
    UnknownAccountError,
    WrongPasswordError,
)
from alerts.values import Alert
from api.web.wording import N_
from metering.ports import StoreUnavailableError

MEDIA_TYPE = "application/problem+json"
_RECORDS_AWAY = N_(
    "The database of alerts and orders cannot be read or written now, for instance because its disk is full; the "
    "program's log says why. What was asked is done whole or not at all: look, and try again."
)
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
        case AlertError():
            return _alert_problem(error)
        case AccountError():
            return _account_problem(error)
        case StoreUnavailableError():
            return Problem(503, f"The store of readings cannot answer now: {error}", headers={"Retry-After": "5"})
        case RecordsUnavailableError():
            return Problem(503, _RECORDS_AWAY, headers={"Retry-After": "5"})
    return Problem(500, "The program met an error of its own; it is in the log.")


def _account_problem(error: AccountError) -> Problem:
    text = str(error)
    match error:
        case ThrottledError():
            return Problem(429, text, headers={"Retry-After": str(error.retry_after_s)})
        case UnknownAccountError():
            return Problem(404, text)
        case AccountConflictError():
            return Problem(409, text)
        case WrongPasswordError() | ProviderRefusedError():
            return Problem(403, text)
    return Problem(422, text)


def _alert_problem(error: AlertError) -> Problem:
    match error:
        case UnknownAlertError() | UnknownEntryError():
            return Problem(404, str(error))
        case ConflictError():
            return Problem(409, str(error), current=_standing(error.current))
        case DrillConflictError():
            return Problem(409, str(error), current={"drill": error.current})
        case OrderStateError() | OrderConflictError():
            return _order_problem(error)
        case TickConflictError():
            return Problem(409, str(error))
        case StatusLinkError():
            return Problem(404, f"{error}.")
        case PolicyConflictError() | EntryConflictError():
            return Problem(409, str(error), current={"version": error.version})
    return Problem(422, str(error))


def _order_problem(error: OrderStateError | OrderConflictError) -> Problem:
    """A code for whoever says it in another language, and who was quicker."""
    if isinstance(error, OrderStateError):
        return Problem(409, str(error), code=error.code, current={"by": error.by})
    return Problem(409, str(error), code="conflict", current={"version": error.version, "by": error.by})


def _standing(alert: Alert) -> dict[str, Any]:
    """Who was quicker, and what with."""
    return {
        "version": alert.version,
        "acknowledged_by": alert.acknowledged_by,
        "assigned_to": alert.assigned_to,
        "outcome": alert.outcome,
        "resolved_by": alert.resolved_by,
    }


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
    if isinstance(error, StaleError | PolicyConflictError | EntryConflictError) and "if-match" in request.headers:
        problem.status = HTTPStatus.PRECONDITION_FAILED
    said = {"method": request.method, "path": request.url.path}
    if isinstance(error, RecordsUnavailableError):  # its own text has what people wrote
        _log.error("request failed", reason=str(error.orig), **said)
    elif problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", exc_info=error, **said)
    return answer(request, problem)


HANDLED = (
    Problem,
    HTTPException,
    RequestValidationError,
    AlertError,
    AccountError,
    StoreUnavailableError,
    RecordsUnavailableError,
)
