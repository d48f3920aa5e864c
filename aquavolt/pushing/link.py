"""A collector's line to `watch`: HTTP with a token, and one connection that is kept."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import httpx

from aquavolt.pushing.wire import (
    VERSION,
    VERSION_HEADER,
    Hello,
    PushHeader,
    Refusal,
    Welcome,
    WireError,
    encode_push,
    from_json,
    to_json,
)
from metering.batch import ReadingBatch
from metering.entries import Entry, encode_entry

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)


class LinkError(Exception):
    """It did not get through; the text says why.

    is_answered    somebody is there
    is_stranger    a hello is wanted first
    retry_after_s  what `watch` asked for
    """

    def __init__(
        self, text: str, *, is_answered: bool = True, is_stranger: bool = False, retry_after_s: float = 0.0
    ) -> None:
        super().__init__(text)
        self.is_answered = is_answered
        self.is_stranger = is_stranger
        self.retry_after_s = retry_after_s


class Link(Protocol):
    """The way to `watch`."""

    where: str

    def hello(self, collector: str, hello: Hello) -> Welcome:
        """Say hello.

        Raises:
            LinkError: there is no answer, or it is no.
        """
        ...

    def push(self, header: PushHeader, entries: Sequence[Entry]) -> Welcome:
        """Push entries; they are journaled there when this returns.

        Raises:
            LinkError: as for `hello`; some, all or none may be journaled.
        """
        ...

    def close(self) -> None:
        """Hang up."""
        ...


def headers_of(token: str) -> dict[str, str]:
    """What every request carries."""
    return {"Authorization": f"Bearer {token}", VERSION_HEADER: str(VERSION)}


def trust_of(url: str, ca_file: Path | None) -> ssl.SSLContext | bool:
    """Whom to trust at this address; a file names the only ones.

    Raises:
        OSError: the file cannot be read, or has no certificate.
    """
    return ssl.create_default_context(cafile=str(ca_file)) if ca_file and url.startswith("https:") else True


class HttpLink:
    """See `Link`. One thread at a time."""

    def __init__(self, url: str, token: str, ca_file: Path | None = None) -> None:
        self.where = url
        self._client = httpx.Client(
            base_url=url, headers=headers_of(token), timeout=_TIMEOUT, verify=trust_of(url, ca_file), trust_env=False
        )

    def hello(self, collector: str, hello: Hello) -> Welcome:
        """See `Link`."""
        return self._ask("PUT", f"/collectors/{collector}", to_json(hello), "application/json")

    def push(self, header: PushHeader, entries: Sequence[Entry]) -> Welcome:
        """See `Link`."""
        body = encode_push(header, entries)
        return self._ask("POST", f"/collectors/{header.collector}/entries", body, "application/gzip")

    def forget(self, collector: str) -> bool:
        """Free the meters of a collector that will not return; whether it was known.

        Raises:
            LinkError: there is no answer, or it is no.
        """
        answer = self._send("DELETE", f"/collectors/{collector}")
        if answer.status_code not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
            raise _error_of(self.where, answer)
        return answer.status_code == HTTPStatus.NO_CONTENT

    def post(self, batch: ReadingBatch) -> None:
        """Hand over readings that people bring in; they are journaled there when this returns.

        Raises:
            LinkError: there is no answer, or it is no.
        """
        answer = self._send("POST", "/readings", content=encode_entry(batch))
        if answer.status_code != HTTPStatus.NO_CONTENT:
            raise _error_of(self.where, answer)

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **content)
        except httpx.HTTPError as error:
            text = f"{self.where} does not answer: {type(error).__name__}: {error}"
            raise LinkError(text, is_answered=False) from error

    def _ask(self, method: str, path: str, body: bytes, kind: str) -> Welcome:
        answer = self._send(method, path, content=body, headers={"Content-Type": kind})
        if answer.status_code != HTTPStatus.OK:
            raise _error_of(self.where, answer)
        try:
            return from_json(Welcome, answer.content)
        except WireError as error:
            raise LinkError(f"{self.where} answers what is no answer of `aquavolt watch`: {error}") from error

    def close(self) -> None:
        """Hang up."""
        self._client.close()


def _error_of(where: str, answer: httpx.Response) -> LinkError:
    try:
        text = from_json(Refusal, answer.content).error
    except WireError:
        text = answer.text[:200].strip() or "without a reason"
    after = answer.headers.get("Retry-After", "")
    return LinkError(
        f"{where} says {answer.status_code}: {text}",
        is_stranger=answer.status_code == HTTPStatus.PRECONDITION_REQUIRED,
        retry_after_s=float(after) if after.isdecimal() else 0.0,
    )
