"""Group chat robots and an SMS gateway as they answer: WeCom, DingTalk, Feishu. Pure: a request in, an answer out.

They speak as the services do, faults included: 200 with a result in the body, signatures, limits of size and rate.
`/cgi-bin/webhook/send?key=` WeCom · `/robot/send?access_token=` DingTalk · `/open-apis/bot/v2/hook/TOKEN` Feishu ·
`/sms/send` a gateway (form: `mobile`, `content`, `apikey`)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

WECOM, DINGTALK, FEISHU, SMS = "/cgi-bin/webhook/send", "/robot/send", "/open-apis/bot/v2/hook/", "/sms/send"
_MINUTE_S = 60.0
_WECOM_BYTES = 2048
_OLDEST_S = 3600.0  # both services refuse a signature that is an hour old


@dataclass(frozen=True, slots=True)
class Said:
    """A message as a person in the chat reads it: which service, its text, who is mentioned."""

    service: str
    text: str
    mentions: tuple[str, ...] = ()


@dataclass(slots=True)
class Services:
    """The services behind one address.

    key         of WeCom, DingTalk, Feishu and the gateway alike
    secret      DingTalk and Feishu ask for a signature with it
    per_minute  of WeCom and DingTalk
    clock       seconds since 1970
    """

    clock: Callable[[], float]
    key: str = "test-key"
    secret: str = ""
    per_minute: int = 20
    _taken: dict[str, deque[float]] = field(default_factory=dict)

    def answer(self, target: str, body: bytes) -> tuple[dict[str, Any], Said | None] | None:
        """The answer's document and what was said, None where the path is no service's."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == SMS:
            return self._sms(body)
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        if parts.path == WECOM:
            return self._wecom(query, document)
        if parts.path == DINGTALK:
            return self._dingtalk(query, document)
        if parts.path.startswith(FEISHU):
            return self._feishu(parts.path.removeprefix(FEISHU), document)
        return None

    def _wecom(self, query: Mapping[str, str], document: Any) -> tuple[dict[str, Any], Said | None]:
        if query.get("key") != self.key:
            return {"errcode": 93000, "errmsg": "invalid webhook url"}, None
        if not isinstance(document, dict) or document.get("msgtype") != "text":
            return {"errcode": 40008, "errmsg": "invalid message type"}, None
        text = str(document.get("text", {}).get("content", ""))
        if len(text.encode()) > _WECOM_BYTES:
            return {"errcode": 45002, "errmsg": "content size out of limit"}, None
        if self._is_too_fast("wecom"):
            return {"errcode": 45009, "errmsg": "api freq out of limit"}, None
        mentions = document["text"].get("mentioned_mobile_list", [])
        return {"errcode": 0, "errmsg": "ok"}, Said("wecom", text, tuple(mentions))

    def _dingtalk(self, query: Mapping[str, str], document: Any) -> tuple[dict[str, Any], Said | None]:
        if query.get("access_token") != self.key:
            return {"errcode": 300001, "errmsg": "token is not exist"}, None
        if self.secret and not self._is_signed_dingtalk(query):
            return {"errcode": 310000, "errmsg": "sign not match"}, None
        if not isinstance(document, dict) or document.get("msgtype") != "text":
            return {"errcode": 40035, "errmsg": "缺少参数 json"}, None
        if self._is_too_fast("dingtalk"):
            return {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}, None
        mentions = document.get("at", {}).get("atMobiles", [])
        return {"errcode": 0, "errmsg": "ok"}, Said("dingtalk", str(document["text"]["content"]), tuple(mentions))

    def _is_signed_dingtalk(self, query: Mapping[str, str]) -> bool:
        stamp = query.get("timestamp", "")
        if not stamp.isdigit() or abs(int(stamp) / 1000 - self.clock()) > _OLDEST_S:
            return False
        digest = hmac.new(self.secret.encode(), f"{stamp}\n{self.secret}".encode(), hashlib.sha256).digest()
        return query.get("sign") == base64.b64encode(digest).decode()

    def _feishu(self, token: str, document: Any) -> tuple[dict[str, Any], Said | None]:
        if token != self.key:
            return {"code": 19001, "msg": "param invalid: incoming webhook access token invalid"}, None
        if not isinstance(document, dict) or document.get("msg_type") != "text":
            return {"code": 9499, "msg": "Bad Request", "data": {}}, None
        if self.secret and not self._is_signed_feishu(document):
            return {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}, None
        text = str(document["content"]["text"])
        return {"code": 0, "msg": "success", "data": {}}, Said("feishu", text)

    def _is_signed_feishu(self, document: Mapping[str, Any]) -> bool:
        stamp = str(document.get("timestamp", ""))
        if not stamp.isdigit() or abs(int(stamp) - self.clock()) > _OLDEST_S:
            return False
        digest = hmac.new(f"{stamp}\n{self.secret}".encode(), b"", hashlib.sha256).digest()
        return document.get("sign") == base64.b64encode(digest).decode()

    def _sms(self, body: bytes) -> tuple[dict[str, Any], Said | None]:
        form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
        if form.get("apikey") != self.key:
            return {"code": 101, "msg": "apikey"}, None
        if not form.get("mobile", "").isdigit() or not form.get("content"):
            return {"code": 102, "msg": "mobile, content"}, None
        return {"code": 0, "msg": "ok"}, Said("sms", form["content"], (form["mobile"],))

    def _is_too_fast(self, service: str) -> bool:
        now, taken = self.clock(), self._taken.setdefault(service, deque())
        while taken and taken[0] <= now - _MINUTE_S:
            taken.popleft()
        if len(taken) >= self.per_minute:
            return True
        taken.append(now)
        return False
