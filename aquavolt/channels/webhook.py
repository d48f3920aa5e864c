"""Webhook channel: one JSON document a notification, posted to an address."""

from __future__ import annotations

import re
from typing import Literal

import msgspec
from pydantic import Field, SecretStr, field_validator

from alerts.channel import Notification
from alerts.values import Clock, utc_now
from alerts.words import Language
from aquavolt.channels.posting import Poster, PostSettings


class WebhookSettings(PostSettings):
    """A webhook. The address and the headers' values may carry keys: neither is ever logged or shown."""

    kind: Literal["webhook"] = "webhook"
    name: str = Field(default="webhook", min_length=1, max_length=100)
    headers: dict[str, SecretStr] = Field(default_factory=dict)

    @field_validator("headers")
    @classmethod
    def _can_be_sent(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, secret in value.items():
            if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
                raise ValueError(f"{name!r} is no header's name")
            if not re.fullmatch(r"[\t\x20-\x7e]*", secret.get_secret_value()):
                raise ValueError(f"the value of the header {name!r} must be plain ASCII on one line")
        return value


class WebhookChannel:
    """Posts notifications. The body is `document_of`; its id stands in the header `Idempotency-Key` too."""

    def __init__(self, settings: WebhookSettings, *, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._poster = Poster(settings, clock=clock)

    @property
    def name(self) -> str:
        """As in the settings."""
        return self._settings.name

    def send(self, notification: Notification) -> None:
        """Post it. Raises: ChannelError."""
        headers = {name: value.get_secret_value() for name, value in self._settings.headers.items()}
        headers |= {"Content-Type": "application/json", "Idempotency-Key": notification.id}
        self._poster.post(document_of(notification, self._settings.language), headers)

    def close(self) -> None:
        """Give the connections back."""
        self._poster.close()


def document_of(notification: Notification, language: Language) -> bytes:
    """The JSON body: `id, reason, created_at, language, title, text, link, receiver, address, alert, alerts`.

    `alert` is the weightiest (members as in the API), null where the message tells of none; `alerts` the ids of all.
    """
    message = notification.message(language)
    return msgspec.json.encode(
        {
            "id": notification.id,
            "reason": notification.reason,
            "created_at": notification.created_at,
            "language": notification.language or language,
            "title": message.title,
            "text": message.text,
            "link": message.link,
            "receiver": notification.receiver,
            "address": notification.address,
            "alert": notification.alert,
            "alerts": [alert.id for alert in notification.alerts],
        }
    )
