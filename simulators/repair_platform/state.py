"""The platform without sockets: its orders, what it was told, and the events that it sends."""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

WINDOW_S = 300
ACTS = ("assigned", "started", "done", "closed", "rejected", "reopened")


@dataclass(slots=True)
class Faults:
    """What goes wrong, `times` times (None: until told otherwise)."""

    down: bool = False
    slow_s: float = 0.0
    error: int = 0
    lose_answer: bool = False
    times: int | None = None


@dataclass(slots=True)
class Repair:
    """One order as the platform has it."""

    number: str
    order: str
    title: str
    status: str = "received"
    said_by_them: str = ""
    person: str = ""
    revision: int = -1
    taken: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Platform:
    """State and behaviour, apart from sockets. Thread-safe.

    secret  signs both ways
    to      where its events go; empty: nowhere
    now     its clock, Unix seconds
    """

    secret: str
    to: str = ""
    now: Callable[[], float] = time.time
    repairs: dict[str, Repair] = field(default_factory=dict)
    deliveries: dict[str, str] = field(default_factory=dict)  # id: number
    repeats: int = 0
    refused: list[str] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    lock: threading.RLock = field(default_factory=threading.RLock)
    last_request: tuple[dict[str, str], bytes] | None = None

    # -- orders that come -----------------------------------------------------------------------------------------

    def take(self, headers: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        """Keep an order's message; the answer."""
        reason = self._why_not(headers, body)
        if reason:
            with self.lock:
                self.refused.append(reason)
            return HTTPStatus.UNAUTHORIZED, {"message": reason}
        try:
            message = json.loads(body)
            order = message["order"]
            delivery = str(message["id"])
        except (ValueError, KeyError, TypeError):
            return HTTPStatus.BAD_REQUEST, {"message": "id and order are needed"}
        with self.lock:
            return HTTPStatus.OK, {"number": self._keep(delivery, message, order), "message": "ok"}

    def _why_not(self, headers: Any, body: bytes) -> str:
        stamp = headers.get("X-AquaVolt-Timestamp", "")
        if not stamp.isdigit() or abs(int(stamp) - self.now()) > WINDOW_S:
            return "timestamp"
        expected = self._signature(stamp, body, self.secret)
        return "" if hmac.compare_digest(expected, headers.get("X-AquaVolt-Signature", "")) else "signature"

    @staticmethod
    def _signature(stamp: str, body: bytes, key: str) -> str:
        return "sha256=" + hmac.new(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()

    def _keep(self, delivery: str, message: dict[str, Any], order: dict[str, Any]) -> str:
        if delivery in self.deliveries:
            self.repeats += 1
            return self.deliveries[delivery]
        key = str(order["id"])
        repair = self.repairs.get(key)
        if repair is None:
            number = f"BX-{len(self.repairs) + 1:05d}"
            repair = self.repairs[key] = Repair(number, key, str(order.get("title", {}).get("zh", "")))
        repair.taken.append(message)
        if message["revision"] > repair.revision:  # what comes late says nothing new
            repair.revision, repair.said_by_them = message["revision"], str(order.get("status", ""))
        self.deliveries[delivery] = repair.number
        return repair.number

    # -- what its people do ---------------------------------------------------------------------------------------

    def by_number(self, number: str) -> Repair:
        """Raises: KeyError."""
        return {repair.number: repair for repair in self.repairs.values()}[number]

    def act(self, number: str, event: str, said: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Somebody of the platform does something; how AquaVolt answered."""
        with self.lock:
            repair = self.by_number(number)
            repair.status = event if event in ACTS else repair.status
            repair.person = said.get("person", repair.person)
        return self.tell(repair, self.event_of(repair, event, said))

    def event_of(self, repair: Repair, event: str, said: dict[str, Any], ago_s: float = 0.0) -> dict[str, Any]:
        """An event as it is sent; `extra` is a member that nobody else knows."""
        at = datetime.fromtimestamp(self.now(), UTC) - timedelta(seconds=ago_s)
        known = {"id": uuid.uuid4().hex, "event": event, "at": at.isoformat(timespec="milliseconds"), "extra": {"v": 1}}
        return known | {"number": repair.number} | said

    def tell(
        self, repair: Repair | None, event: dict[str, Any], *, key: str | None = None, age_s: int = 0
    ) -> tuple[int, dict[str, Any]]:
        """Send an event, signed; the answer."""
        body = json.dumps(event, ensure_ascii=False).encode()
        stamp = str(int(self.now()) - age_s)
        signature = self._signature(stamp, body, key or self.secret)
        headers = {
            "Content-Type": "application/json", "X-AquaVolt-Timestamp": stamp, "X-AquaVolt-Signature": signature,
        }  # fmt: skip
        answer = self.post(headers, body)
        with self.lock:
            self.last_request = headers, body
            if repair is not None:
                repair.told.append({"event": event, "answered": answer[0], "answer": answer[1]})
        return answer

    def post(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        """Send these very bytes; status and document of the answer, status 0 where there was none."""
        if not self.to:
            return 0, {}
        parts = urlsplit(self.to)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.netloc, timeout=20)
        try:
            connection.request("POST", parts.path or "/", body, headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, HTTPException) as error:
            return 0, {"error": str(error)}
        finally:
            connection.close()
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {}
        return response.status, answer if isinstance(answer, dict) else {}

    # -- faults ---------------------------------------------------------------------------------------------------

    def set_faults(self, faults: Faults) -> None:
        """From now on this goes wrong."""
        with self.lock:
            self.faults = faults

    def next_fault(self) -> Faults:
        """What goes wrong with the request at hand."""
        with self.lock:
            now = Faults(**asdict(self.faults))
            if self.faults.times is not None:
                self.faults.times -= 1
                if self.faults.times <= 0:
                    self.faults = Faults()
            return now

    def document(self) -> dict[str, Any]:
        """What GET /orders gives."""
        with self.lock:
            orders = [asdict(repair) for repair in self.repairs.values()]
            return {"orders": orders, "repeats": self.repeats, "refused": list(self.refused)}

    def page(self) -> str:
        """The orders with buttons, for people and browsers."""
        with self.lock:
            rows = "".join(_row(repair) for repair in self.repairs.values())
        return (
            "<!doctype html><html lang='zh-CN'><meta charset='utf-8'><title>报修平台</title><h1>报修平台</h1>"
            f"<table><tr><th>单号<th>内容<th>状态<th>对方状态<th></tr>{rows}</table></html>"
        )


def _row(repair: Repair) -> str:
    buttons = "".join(f"<button formaction='/orders/{repair.number}/{event}'>{event}</button>" for event in ACTS)
    return (
        f"<tr id='{repair.number}'><td>{repair.number}<td>{html.escape(repair.title)}<td class='s'>{repair.status}"
        f"<td class='t'>{html.escape(repair.said_by_them)}"
        f"<td><form method='post'><input name='person' aria-label='person'><input name='note' aria-label='note'>"
        f"<input name='rating' aria-label='rating' type='number' min='1' max='5'>{buttons}</form></tr>"
    )
