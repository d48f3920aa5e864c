"""The mapping of settings: our words into the platform's and back, with presets that are overridden key by key."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from alerts.orders.states import OrderState
from alerts.orders.values import OrderAction
from alerts.platform.json_path import JsonPath
from alerts.platform.template import check_template
from alerts.platform.values import TOLD, OrderCategory, Says, Urgency
from alerts.values import Outcome

Scalar = str | int
Kind = TypeVar("Kind", bound=StrEnum)
DEFAULT_PRESET = "plain-json"
PRESETS = (DEFAULT_PRESET, "code-message")


class Strict(BaseModel):
    """Refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _texts(given: object) -> object:
    """Codes are compared as text: YAML reads `10: assigned` with a number."""
    if isinstance(given, dict):
        return {str(key) if isinstance(key, int) and not isinstance(key, bool) else key: v for key, v in given.items()}
    return given


class Codes(Strict):
    """The platform's codes for our words. Empty: our words as they are; else none may be left out.

    place  by node id; a node without one has its nearest ancestor's, else its own id
    """

    status: dict[OrderState, Scalar] = Field(default_factory=dict)
    urgency: dict[Urgency, Scalar] = Field(default_factory=dict)
    category: dict[OrderCategory, Scalar] = Field(default_factory=dict)
    event: dict[OrderAction, Scalar] = Field(default_factory=dict)
    place: Annotated[dict[str, Scalar], BeforeValidator(_texts)] = Field(default_factory=dict)

    @field_validator("status", "urgency", "category", "event")
    @classmethod
    def _is_whole(cls, value: dict[Kind, Scalar]) -> dict[Kind, Scalar]:
        lacking = [word.value for word in type(next(iter(value))) if word not in value] if value else []
        if lacking:
            raise ValueError(f"there is no code for: {', '.join(lacking)}")
        return value


class Send(Strict):
    """What goes to the platform."""

    template: dict[str, Any] = Field(description="the JSON that is sent, `{names}` in it")
    codes: Codes = Codes()
    times: Literal["iso", "unix_s", "unix_ms", "local"] = Field("iso", description="local: `2026-11-23 12:00:00`")
    events: tuple[OrderAction, ...] = Field(TOLD, min_length=1, description="which are sent")

    @field_validator("template")
    @classmethod
    def _can_be_filled(cls, value: dict[str, Any]) -> dict[str, Any]:
        check_template(value)
        return value


class Answer(Strict):
    """What the platform answers. Many answer 200 always, and say in the body how it went."""

    ok: JsonPath | None = Field(None, description="where it says how it went; none: the HTTP status says all")
    ok_values: tuple[Scalar, ...] = Field((0, 200, "0", "200"), min_length=1)
    message: JsonPath | None = Field(None, description="where it says why not")
    number: JsonPath | None = Field(None, description="where it gives its own number of the order")


class Receive(Strict):
    """Where an event of the platform says what. `events`: their code of what happened, and our word for it."""

    event: JsonPath
    events: Annotated[dict[str, Says], BeforeValidator(_texts)] = Field(min_length=1)
    id: JsonPath | None = Field(None, description="none: the body's digest")
    at: JsonPath | None = Field(None, description="ISO 8601, Unix seconds or milliseconds, or the site's local time")
    order: JsonPath | None = Field(None, description="our number")
    number: JsonPath | None = Field(None, description="theirs")
    person: JsonPath | None = None
    people: Annotated[dict[str, str], BeforeValidator(_texts)] = Field(
        default_factory=dict, description="their person: our account; who is not here is `repair-platform`"
    )
    outcome: Outcome = Field(Outcome.REPAIRED, description="what an order is found to be that the platform has done")
    note: JsonPath | None = None
    rating: JsonPath | None = Field(None, description="1 to 5")
    cost: JsonPath | None = Field(None, description="what the repair cost in all, in the site's currency")
    photos: JsonPath | None = Field(None, description="a list of addresses or pictures, or one of them")
    timestamp_header: str = Field("X-AquaVolt-Timestamp", pattern=r"^[A-Za-z0-9-]{1,60}$")
    signature_header: str = Field("X-AquaVolt-Signature", pattern=r"^[A-Za-z0-9-]{1,60}$")

    @model_validator(mode="after")
    def _names_the_order(self) -> Self:
        if self.order is None and self.number is None:
            raise ValueError("`order` or `number` must say where the event names its order")
        return self


class WireMapping(Strict):
    """Both ways."""

    send: Send
    answer: Answer = Answer()
    receive: Receive


@cache
def _preset(name: str) -> dict[str, Any]:
    text = (files("alerts.platform") / "presets" / f"{name}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def with_preset(given: Mapping[str, Any], name: str = DEFAULT_PRESET) -> dict[str, Any]:
    """What was given, on a preset: a key given stands for the preset's; of `codes` each table by itself."""
    made = dict(given)
    for part, usual in _preset(name).items():
        said = given.get(part, {})
        if isinstance(said, dict):
            made[part] = usual | said
            if isinstance(said.get("codes"), dict):
                made[part]["codes"] = usual.get("codes", {}) | said["codes"]
    return made
