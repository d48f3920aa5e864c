"""Conditions on a write to an alert: the version its caller saw (If-Match), and the key under which it is done once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Header, Request
from starlette.responses import Response

from alerts.once import LONGEST_KEY, AnsweredError, Once
from alerts.values import Alert
from api.dependencies import CurrentUser
from api.problems import Problem

_TAG = re.compile(r'"(\d{1,9})"')
REPLAYED = "Idempotency-Replayed"

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=200, description="The ETag that was seen; 412 if it is no longer so"),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=LONGEST_KEY,
        description="The same key again within a day: nothing is done twice, the first answer comes again",
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ),
]


def etag(version: int) -> str:
    """The entity tag of a version. The rules' figures leave it alone, or nobody could act on a leak that grows."""
    return f'"{version}"'


def tagged(alert: Alert) -> dict[str, str]:
    """The headers of an answer that is an alert."""
    return {"ETag": etag(alert.version)}


def read_tag(given: str | None, in_body: int | None = None) -> int | None:
    """The version a caller acts on, from If-Match or else the body; None: whatever stands.

    A tag that is none of ours can be no alert's: it gives -1, which no version is.

    Raises:
        Problem: 422, both say something and not the same.
    """
    if given is None:
        return in_body
    found = _TAG.fullmatch(given.strip())
    version = int(found[1]) if found else -1
    if given.strip() == "*":
        return in_body
    if in_body is not None and in_body != version:
        raise Problem(422, f"If-Match says {given} and `version` says {in_body}: give one of them.")
    return version


@dataclass(frozen=True, slots=True)
class Keyed:
    """A write that may come again. `once` gives what the records keep of it; None without a key."""

    account: str
    key: str | None
    request: str

    def once(self, render: Callable[[Any], Any]) -> Once | None:
        """`render` gives the JSON document of the result."""
        if self.key is None:
            return None
        return Once(self.account, self.key, self.request, lambda result: msgspec.json.encode(render(result)))


async def get_keyed(request: Request, user: CurrentUser, key: IdempotencyKey = None) -> Keyed:
    """The key of a write, and a digest of what is asked."""
    asked = [request.method, request.url.path, request.headers.get("if-match", ""), ""]
    digest = hashlib.sha256("\n".join(asked).encode() + await request.body()).hexdigest()
    return Keyed(user.name, key, digest)


KeyedWrite = Annotated[Keyed, Depends(get_keyed)]


async def answer_again(_request: Request, error: Exception) -> Response:
    """The answer that was kept."""
    answer = error.answer if isinstance(error, AnsweredError) else b""
    document = msgspec.json.decode(answer)
    headers = {REPLAYED: "true"}
    if isinstance(document, dict) and "version" in document:
        headers["ETag"] = etag(document["version"])
    return Response(answer, headers=headers, media_type="application/json")
