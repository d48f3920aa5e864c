"""How OpenAPI shows the errors of an operation."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from api.problems import MEDIA_TYPE


class FaultOut(BaseModel):
    """One wrong member of a request."""

    member: str
    message: str


class ProblemOut(BaseModel):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FaultOut] | None = Field(None, description="What is wrong, member by member")
    code: str | None = Field(None, description="Of a work order: why it cannot be done as it stands")


Responses = dict[int | str, dict[str, Any]]

_MEANING = {
    401: "Not signed in",
    403: "Not allowed to this account, or a change from another site's page",
    404: "Nothing of this id",
    409: "Somebody else changed it in between",
    412: "It is no longer as If-Match says",
    413: "The body is too long",
    415: "The body is of a type that is not read here",
    421: "The demo does not answer under this name",
    422: "A parameter or member is wrong",
    428: "If-Match is missing",
    429: "Too many requests of one account, or wrong passwords; see `Retry-After`",
    503: "A database, or what this program is without, cannot answer now",
}


def problems(*statuses: int) -> Responses:
    """Responses of an operation that may fail with these statuses, and with 503 as any that reads or writes."""
    schema = {"$ref": "#/components/schemas/ProblemOut"}
    return {s: {"description": _MEANING[s], "content": {MEDIA_TYPE: {"schema": schema}}} for s in (*statuses, 503)}


LIST_PROBLEMS = problems(401, 403, 404, 421, 422, 429)
ONE_PROBLEMS = problems(401, 403, 404, 421, 422, 429)
BULK_PROBLEMS = problems(401, 403, 421, 422, 429)
CHANGE_PROBLEMS = problems(401, 403, 404, 409, 412, 421, 422, 429)
POLICY_PROBLEMS = problems(401, 403, 412, 421, 422, 428, 429)
