"""Webhook channel: one JSON document a notification, posted to an address."""

from __future__ import annotations

import logging
import re
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from alerts.channel import ChannelError, Notification
from alerts.values import Clock, utc_now
from alerts.words import Language

LONGEST_RETRY_AFTER_S = 3600.0
_RETRYABLE_4XX = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}

# It logs whole addresses, and those of chat robots carry their key.
logging.getLogger("httpx").setLevel(logging.WARNING)


class WebhookSettings(BaseModel):
    """A webhook. The address and the headers' values may carry keys: neither is ever logged or shown."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: Literal["webhook"] = "webhook"
    name: str = Field(default="webhook", min_length=1, max_length=100)
    url: SecretStr
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    language: Language = Language.ZH_CN
    timeout_s: float = Field(default=10.0, gt=0, le=120)
    proxy: SecretStr | None = None
    ca_file: Path | None = None

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

    @field_validator("headers")
    @classmethod
    def _can_be_sent(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, secret in value.items():
            if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
                raise ValueError(f"{name!r} is no header's name")
            if not re.fullmatch(r"[\t\x20-\x7e]*", secret.get_secret_value()):
                raise ValueError(f"the value of the header {name!r} must be plain ASCII on one line")
        return value

    @property
    def shown(self) -> str:
        """The address as far as it may be shown: scheme, host and port."""
        parts = urlsplit(self.url.get_secret_value())
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class WebhookChannel:
    """Posts notifications. The body is `document_of`; its id stands in the header `Idempotency-Key` too."""

    def __init__(self, settings: WebhookSettings, *, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        verify = ssl.create_default_context(cafile=str(settings.ca_file)) if settings.ca_file else True
        proxy = settings.proxy.get_secret_value() if settings.proxy else None
        self._client = httpx.Client(timeout=settings.timeout_s, trust_env=False, proxy=proxy, verify=verify)

    @property
    def name(self) -> str:
        """As in the settings."""
        return self._settings.name

    def send(self, notification: Notification) -> None:
        """Post it. Raises: ChannelError."""
        headers = {name: value.get_secret_value() for name, value in self._settings.headers.items()}
        headers |= {"Content-Type": "application/json", "Idempotency-Key": notification.id}
        body = document_of(notification, self._settings.language)
        try:
            response = self._client.post(self._settings.url.get_secret_value(), content=body, headers=headers)
        except httpx.TimeoutException as error:
            reason = f"{self._settings.shown} gave no answer within {self._settings.timeout_s:g} s"
            raise ChannelError(reason, is_retryable=True) from error
        except httpx.HTTPError as error:
            text = str(error).replace(self._settings.url.get_secret_value(), self._settings.shown)
            raise ChannelError(f"{self._settings.shown}: {text or type(error).__name__}", is_retryable=True) from error
        if not response.is_success:
            raise self._refusal(response)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _refusal(self, response: httpx.Response) -> ChannelError:
        status = response.status_code
        is_retryable = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _RETRYABLE_4XX
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


def document_of(notification: Notification, language: Language) -> bytes:
    """The JSON body: `id, reason, created_at, language, title, text, link, alert` (members as in the API)."""
    message = notification.messages[language]
    return msgspec.json.encode(
        {
            "id": notification.id,
            "reason": notification.reason,
            "created_at": notification.created_at,
            "language": language,
            "title": message.title,
            "text": message.text,
            "link": message.link,
            "alert": notification.alert,
        }
    )
