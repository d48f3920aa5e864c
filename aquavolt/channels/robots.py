"""Group chat robots of WeCom, DingTalk and Feishu: what they are sent, how it is signed, what their answers mean.

They answer 200 also where they refuse, and say so in the body; a message counts as taken only by that word.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, SecretStr

from alerts.channel import ChannelError, Notification
from alerts.values import Clock, utc_now
from aquavolt.channels.posting import Poster, PostSettings, document_in, fit


class WecomSettings(PostSettings):
    """A WeCom (企业微信) robot: `url` as the robot's page gives it. A contact's address is the telephone to mention."""

    kind: Literal["wecom"] = "wecom"
    name: str = Field(default="wecom", min_length=1, max_length=100)
    per_minute: int | None = Field(default=20, ge=1, le=20)


class DingtalkSettings(PostSettings):
    """A DingTalk (钉钉) robot; `secret` where it signs (加签). A contact's address is the telephone to mention."""

    kind: Literal["dingtalk"] = "dingtalk"
    name: str = Field(default="dingtalk", min_length=1, max_length=100)
    secret: SecretStr | None = None
    per_minute: int | None = Field(default=20, ge=1, le=20)


class FeishuSettings(PostSettings):
    """A Feishu (飞书) robot; `secret` where it signs. A contact's address is the open id (`ou_...`) to mention."""

    kind: Literal["feishu"] = "feishu"
    name: str = Field(default="feishu", min_length=1, max_length=100)
    secret: SecretStr | None = None
    per_minute: int | None = Field(default=100, ge=1, le=100)


RobotSettings = WecomSettings | DingtalkSettings | FeishuSettings


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes out: the body, and parameters that are added to the address."""

    body: dict[str, Any]
    params: dict[str, str]


Write = Callable[[str, str, str | None, datetime], Sent]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one service speaks.

    code        members of its answer that may hold the result, 0 for taken
    unfit       results by which this very message will never be taken; every other is tried again
    slow_down   results that say: too fast, and for how many seconds to wait then
    """

    write: Write
    code: tuple[str, ...]
    said: tuple[str, ...]
    unfit: frozenset[int]
    slow_down: dict[int, float]


def _wecom(text: str, mention: str, _secret: str | None, _now: datetime) -> Sent:
    content: dict[str, Any] = {"content": fit(text, 2048)}
    if mention:
        content["mentioned_mobile_list"] = [mention]
    return Sent({"msgtype": "text", "text": content}, {})


def _dingtalk(text: str, mention: str, secret: str | None, now: datetime) -> Sent:
    body: dict[str, Any] = {"msgtype": "text", "text": {"content": fit(text, 18_000)}}
    if mention:
        body["at"] = {"atMobiles": [mention], "isAtAll": False}
    if secret is None:
        return Sent(body, {})
    stamp = str(int(now.timestamp() * 1000))
    return Sent(body, {"timestamp": stamp, "sign": dingtalk_sign(secret, stamp)})


def _feishu(text: str, mention: str, secret: str | None, now: datetime) -> Sent:
    at = f'<at user_id="{mention}"></at>\n' if mention else ""
    body: dict[str, Any] = {"msg_type": "text", "content": {"text": at + fit(text, 18_000)}}
    if secret is not None:
        stamp = str(int(now.timestamp()))
        body |= {"timestamp": stamp, "sign": feishu_sign(secret, stamp)}
    return Sent(body, {})


def dingtalk_sign(secret: str, timestamp_ms: str) -> str:
    """HMAC-SHA256 over time and secret, with the secret as key."""
    digest = hmac.new(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def feishu_sign(secret: str, timestamp_s: str) -> str:
    """HMAC-SHA256 over nothing, with time and secret as key."""
    digest = hmac.new(f"{timestamp_s}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


DIALECTS: dict[str, Dialect] = {
    "wecom": Dialect(_wecom, ("errcode",), ("errmsg",), frozenset({40008, 40058, 44004, 45002}), {45009: 60.0}),
    "dingtalk": Dialect(
        _dingtalk, ("errcode",), ("errmsg",), frozenset({40035, 43004, 430101, 430102}), {130101: 600.0, 410100: 600.0}
    ),
    "feishu": Dialect(
        _feishu, ("code", "StatusCode"), ("msg", "StatusMessage"), frozenset({9499}), {11232: 60.0, 99991400: 60.0}
    ),
}


class RobotChannel:
    """A robot in a group chat."""

    def __init__(self, settings: RobotSettings, *, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._dialect = DIALECTS[settings.kind]
        self._poster = Poster(settings, clock=clock)

    @property
    def name(self) -> str:
        """As in the settings."""
        return self._settings.name

    def send(self, notification: Notification) -> None:
        """Say it in the chat. Raises: ChannelError."""
        message = notification.message(self._settings.language)
        secret = None if isinstance(self._settings, WecomSettings) else self._settings.secret
        shown = None if secret is None else secret.get_secret_value()
        text = f"{message.title}\n{message.text}"
        sent = self._dialect.write(text, notification.address, shown, self._clock())
        body = json.dumps(sent.body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"}
        self._check(document_in(self._poster.post(body, headers, sent.params), self._settings.shown))

    def close(self) -> None:
        """Give the connections back."""
        self._poster.close()

    def _check(self, answer: dict[str, Any]) -> None:
        dialect = self._dialect
        code = next((answer[key] for key in dialect.code if key in answer), None)
        if code == 0:
            return
        said = next((str(answer[key]) for key in dialect.said if key in answer), "")
        raise ChannelError(
            f"{self._settings.shown} refused it: {code} {said[:200]}".rstrip(),
            is_retryable=code not in dialect.unfit,
            retry_after_s=dialect.slow_down.get(code) if isinstance(code, int) else None,
        )
