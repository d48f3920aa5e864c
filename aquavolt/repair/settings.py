"""`repair_platform:` of the settings file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, StringConstraints, model_validator

from alerts.platform.mapping import DEFAULT_PRESET, PRESETS, Answer, Receive, Send, with_preset
from alerts.platform.values import Direction
from aquavolt.channels.posting import PostSettings

LEAST_SECRET = 16
_HOST = r"^[a-z0-9.-]{1,253}$"


class RepairPlatformSettings(PostSettings):
    """A repair platform that is the master of orders. Secrets and the address are never logged or shown."""

    name: Literal["repair_platform"] = "repair_platform"
    preset: Literal["plain-json", "code-message"] = Field("plain-json", description="what is not said below")
    direction: Direction = Field(Direction.BOTH, description="both ways, `out` (it is told) or `in` (it tells)")
    secret: SecretStr = Field(min_length=LEAST_SECRET, description="signs both ways, HMAC-SHA256")
    previous_secret: SecretStr | None = Field(None, min_length=LEAST_SECRET, description="still taken from it")
    token: SecretStr | None = Field(None, description="sent as `Authorization: Bearer` too")
    photos_from: tuple[Annotated[str, StringConstraints(pattern=_HOST)], ...] = Field(
        (), description="hosts that photos may be fetched from; none: addresses are only noted"
    )
    send: Send
    answer: Answer
    receive: Receive

    @model_validator(mode="before")
    @classmethod
    def _stand_on_preset(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        name = given.get("preset", DEFAULT_PRESET)
        return with_preset(given, name if name in PRESETS else DEFAULT_PRESET)

    @model_validator(mode="after")
    def _can_be_sent(self) -> RepairPlatformSettings:
        if self.token is not None and not re.fullmatch(r"[\x21-\x7e]+", self.token.get_secret_value()):
            raise ValueError("token: must be plain ASCII without blanks")
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """What the platform may sign with: the one in use first."""
        given = (self.secret, self.previous_secret)
        return tuple(secret.get_secret_value() for secret in given if secret is not None)
