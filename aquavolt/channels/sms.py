"""SMS gateways that take one HTTP request a message, as most do: which fields, and which answer means taken."""

from __future__ import annotations

import json
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import Field, SecretStr, field_validator

from alerts.channel import ChannelError, Notification
from alerts.values import Clock, utc_now
from aquavolt.channels.posting import Poster, PostSettings, document_in, fit

_PLACES = ("{address}", "{text}", "{id}")


class SmsSettings(PostSettings):
    """A gateway. A contact's address is the telephone number.

    fields    what is sent; in their values `{address}`, `{text}` and `{id}` stand for number, message and its id
    form      how they are sent
    taken     member of the answer (dots lead inwards) and its values that mean: taken. None: any answer of success
    longest   characters of a message; what is longer loses lines, never the link
    """

    kind: Literal["sms"] = "sms"
    name: str = Field(default="sms", min_length=1, max_length=100)
    fields: dict[str, SecretStr] = Field(min_length=1)
    form: Literal["form", "json"] = "form"
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    taken: tuple[str, tuple[str, ...]] | None = None
    longest: int = Field(default=300, ge=70, le=2000)

    @field_validator("fields")
    @classmethod
    def _carries_the_message(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        whole = "\n".join(secret.get_secret_value() for secret in value.values())
        if missing := [place for place in _PLACES[:2] if place not in whole]:
            raise ValueError(f"no field carries {' or '.join(missing)}")
        return value


class SmsChannel:
    """One request a message."""

    def __init__(self, settings: SmsSettings, *, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._poster = Poster(settings, clock=clock)

    @property
    def name(self) -> str:
        """As in the settings."""
        return self._settings.name

    def send(self, notification: Notification) -> None:
        """Hand it to the gateway. Raises: ChannelError."""
        if not notification.address:
            raise ChannelError("a text message needs a telephone number; give the person one", is_retryable=False)
        message = notification.message(self._settings.language)
        text = fit(f"{message.title}\n{message.link}", self._settings.longest, len)
        filled = {
            name: _filled(secret.get_secret_value(), notification.address, text, notification.id)
            for name, secret in self._settings.fields.items()
        }
        is_form = self._settings.form == "form"
        body = urlencode(filled).encode() if is_form else json.dumps(filled, ensure_ascii=False).encode()
        kind = "application/x-www-form-urlencoded" if is_form else "application/json; charset=utf-8"
        headers = {name: value.get_secret_value() for name, value in self._settings.headers.items()}
        response = self._poster.post(body, {**headers, "Content-Type": kind, "Idempotency-Key": notification.id})
        if self._settings.taken is not None:
            self._check(document_in(response, self._settings.shown), *self._settings.taken)

    def _check(self, answer: dict[str, Any], member: str, values: tuple[str, ...]) -> None:
        found: Any = answer
        for part in member.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if str(found) not in values:
            raise ChannelError(f"{self._settings.shown} refused it: {member} is {found!r}", is_retryable=True)

    def close(self) -> None:
        """Give the connections back."""
        self._poster.close()


def _filled(template: str, address: str, text: str, notification_id: str) -> str:
    """Each place filled once: what a message says is never looked at for places."""
    parts = {"{address}": address, "{text}": text, "{id}": notification_id}
    out, rest = "", template
    while rest:
        place = min((p for p in _PLACES if p in rest), key=rest.find, default=None)
        if place is None:
            return out + rest
        before, _, rest = rest.partition(place)
        out += before + parts[place]
    return out
