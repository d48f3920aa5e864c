"""Posting to an address: what the channels over HTTP share, from the settings to the answer's meaning."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from alerts.channel import ChannelError
from alerts.values import Clock, utc_now
from alerts.words import Language
from aquavolt.channels.address_guard import (
    ForbiddenAddressError,
    Networks,
    Resolve,
    check_literal,
    checked_addresses,
    resolve,
)

LONGEST_RETRY_AFTER_S = 3600.0
_RETRYABLE_4XX = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_DEFAULT_PORT = {"http": 80, "https": 443}

# It logs whole addresses, and those of chat robots carry their key.
logging.getLogger("httpx").setLevel(logging.WARNING)


class PostSettings(BaseModel):
    """A channel over HTTP. The address may carry a key: it is neither logged nor shown."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=100)
    url: SecretStr
    language: Language = Language.ZH_CN
    timeout_s: float = Field(default=10.0, gt=0, le=120)
    per_minute: int | None = Field(default=None, ge=1, le=10_000, description="at most so many messages; none: any")
    proxy: SecretStr | None = None
    ca_file: Path | None = None
    allow_networks: Networks = ()

    @field_validator("url")
    @classmethod
    def _has_host(cls, value: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(value.get_secret_value())
            is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address:
            raise ValueError("must be an address like https://host/path")
        return value

    @model_validator(mode="after")
    def _leads_outside(self) -> Self:
        check_literal(self.url.get_secret_value(), self.allow_networks)
        return self

    @property
    def shown(self) -> str:
        """The address as far as it may be shown: scheme, host and port."""
        parts = urlsplit(self.url.get_secret_value())
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class Poster:
    """Posts to the address of the settings. A failure is a `ChannelError` that holds no secret."""

    def __init__(
        self,
        settings: PostSettings,
        *,
        clock: Clock = utc_now,
        resolver: Resolve = resolve,
        also_retried: Collection[int] = (),
    ) -> None:
        """`also_retried`: statuses of 4xx that say nothing of the message itself."""
        self._settings = settings
        self._retried = {*_RETRYABLE_4XX, *also_retried}
        self._clock = clock
        self._resolver = resolver
        verify = ssl.create_default_context(cafile=str(settings.ca_file)) if settings.ca_file else True
        proxy = settings.proxy.get_secret_value() if settings.proxy else None
        self._client = httpx.Client(timeout=settings.timeout_s, trust_env=False, proxy=proxy, verify=verify)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def post(
        self, content: bytes, headers: Mapping[str, str], params: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The answer, which is of success. Raises: ChannelError."""
        shown, whole = self._settings.shown, self._settings.url.get_secret_value()
        url = httpx.URL(whole)
        if params:
            url = url.copy_merge_params(dict(params))
        try:
            response = self._send(url, content, headers)
        except ForbiddenAddressError as error:
            raise ChannelError(str(error), is_retryable=True) from error
        except httpx.TimeoutException as error:
            reason = f"{shown} gave no answer within {self._settings.timeout_s:g} s"
            raise ChannelError(reason, is_retryable=True) from error
        except (httpx.HTTPError, OSError) as error:
            text = str(error).replace(str(url), shown).replace(whole, shown)
            raise ChannelError(f"{shown}: {text or type(error).__name__}", is_retryable=True) from error
        if not response.is_success:
            raise self._refusal(response)
        return response

    def _send(self, url: httpx.URL, content: bytes, headers: Mapping[str, str]) -> httpx.Response:
        if self._settings.proxy is not None:  # it resolves by itself; its own address stands in the settings
            return self._client.post(url, content=content, headers=dict(headers))
        port = url.port or _DEFAULT_PORT[url.scheme]
        addresses = checked_addresses(url.host, port, self._settings.allow_networks, self._resolver)
        for address in addresses[:-1]:
            try:
                return self._send_to(address, url, content, headers)
            except httpx.ConnectError:
                continue
        return self._send_to(addresses[-1], url, content, headers)

    def _send_to(self, address: str, url: httpx.URL, content: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """To the checked address, under the host's own name."""
        named = {"Host": url.netloc.decode("ascii"), **headers}
        if url.userinfo:
            username, _, password = url.userinfo.decode("ascii").partition(":")
            return self._client.post(
                url.copy_with(host=address), content=content, headers=named, auth=(username, password),
                extensions={"sni_hostname": url.host},
            )  # fmt: skip
        return self._client.post(
            url.copy_with(host=address), content=content, headers=named, extensions={"sni_hostname": url.host}
        )

    def _refusal(self, response: httpx.Response) -> ChannelError:
        status = response.status_code
        is_retryable = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in self._retried
        return ChannelError(
            f"{self._settings.shown} answered {status} {response.reason_phrase}".rstrip(),
            is_retryable=is_retryable,
            retry_after_s=retry_after_s(response.headers.get("Retry-After"), self._clock()) if is_retryable else None,
        )


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (a number or a date, RFC 9110 10.2.3), at most an hour.

    None where there is none or it is neither.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S)


def fit(text: str, most: int, size: Callable[[str], int] = lambda t: len(t.encode())) -> str:
    """The text within so many bytes (or what `size` counts): lines go from before the last one, which is the link."""
    if size(text) <= most:
        return text
    *lines, last = text.split("\n")
    while lines and size("\n".join([*lines, "…", last])) > most:
        lines.pop()
    short = "\n".join([*lines, "…", last]) if lines else last
    while size(short) > most:
        short = short[:-1]
    return short


def document_in(response: httpx.Response, shown: str) -> dict[str, Any]:
    """The JSON object of an answer. Raises: ChannelError (a proxy's page in its place: tried again)."""
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ChannelError(f"{shown} answered something that is no JSON object", is_retryable=True)
    return document
