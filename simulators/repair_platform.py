"""A small repair platform (报修平台) on a real socket: takes signed orders, gives numbers, says what its people do.

    POST /hooks/orders     takes a signed order, answers with its own number; a known delivery id changes nothing
    GET  /                 its orders as a page with buttons: assign, start, done, close, reject, rate
    GET  /orders           its orders as JSON, with all that came of each
    POST /orders/NUMBER/EVENT   what its people do (form or query: person, note, rating), told to AquaVolt, signed
    POST /faults           `{"down": true, "slow_s": 2, "error": 503, "lose_answer": true, "times": 3}`; `{}` ends all
    POST /misdeeds/NUMBER  `{"kind": "duplicate|out_of_order|forged|replayed|stale|unknown_order|unknown_event"}`

It has no code of AquaVolt's: signatures and names are written from the documentation. `python -m
simulators.repair_platform` prints one JSON line when it listens and serves until SIGTERM, SIGINT or the end of its stdin.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import html
import json
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LARGEST_BODY = 4_000_000
_WINDOW_S = 300
_STATUS_OF = {
    "assigned": "assigned", "started": "started", "done": "done", "closed": "closed", "rejected": "rejected",
    "reopened": "reopened",
}  # fmt: skip
_BUTTONS = ("assigned", "started", "done", "closed", "rejected", "reopened")


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
    """

    secret: str
    to: str = ""
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
        if not stamp.isdigit() or abs(int(stamp) - time.time()) > _WINDOW_S:
            return "timestamp"
        expected = "sha256=" + hmac.new(self.secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return "" if hmac.compare_digest(expected, headers.get("X-AquaVolt-Signature", "")) else "signature"

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
        return next(r for r in self.repairs.values() if r.number == number) if self._has(number) else self.repairs[""]

    def _has(self, number: str) -> bool:
        return any(r.number == number for r in self.repairs.values())

    def act(self, number: str, event: str, said: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Somebody of the platform does something; how AquaVolt answered."""
        with self.lock:
            repair = self.by_number(number)
            repair.status = _STATUS_OF.get(event, repair.status)
            repair.person = said.get("person", repair.person)
        return self.tell(repair, self.event_of(repair, event, said))

    def event_of(self, repair: Repair, event: str, said: dict[str, Any], ago_s: float = 0.0) -> dict[str, Any]:
        """An event as it is sent; `extra` is a member that nobody else knows."""
        at = datetime.now(UTC) - timedelta(seconds=ago_s)
        known = {"id": uuid.uuid4().hex, "event": event, "at": at.isoformat(timespec="milliseconds"), "extra": {"v": 1}}
        return known | {"number": repair.number} | said

    def tell(
        self, repair: Repair | None, event: dict[str, Any], *, secret: str | None = None, age_s: int = 0
    ) -> tuple[int, dict[str, Any]]:
        """Send an event, signed; the answer."""
        body = json.dumps(event, ensure_ascii=False).encode()
        stamp = str(int(time.time()) - age_s)
        key = (secret or self.secret).encode()
        signature = "sha256=" + hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json", "X-AquaVolt-Timestamp": stamp, "X-AquaVolt-Signature": signature,
        }  # fmt: skip
        answer = self._post(headers, body)
        with self.lock:
            self.last_request = headers, body
            if repair is not None:
                repair.told.append({"event": event, "answered": answer[0], "answer": answer[1]})
        return answer

    def _post(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
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

    # -- misdeeds -------------------------------------------------------------------------------------------------

    def misdeed(self, number: str, kind: str) -> list[int]:
        """Do something that a platform should not; the statuses of AquaVolt's answers. Raises: KeyError."""
        repair = self.by_number(number)
        deeds: dict[str, Callable[[Repair], list[int]]] = {
            "duplicate": self._duplicate,
            "out_of_order": self._out_of_order,
            "forged": lambda r: [self.tell(r, self.event_of(r, "closed", {}), secret="not the secret at all")[0]],
            "replayed": self._replayed,
            "stale": lambda r: [self.tell(r, self.event_of(r, "noted", {"note": "old"}), age_s=2 * _WINDOW_S)[0]],
            "unknown_order": lambda r: [self.tell(r, self.event_of(r, "closed", {"number": "BX-NOBODY"}))[0]],
            "unknown_event": lambda r: [self.tell(r, self.event_of(r, "teleported", {}))[0]],
        }
        return deeds[kind](repair)

    def _duplicate(self, repair: Repair) -> list[int]:
        event = self.event_of(repair, "noted", {"note": "said twice"})
        return [self.tell(repair, event)[0] for _ in range(2)]

    def _out_of_order(self, repair: Repair) -> list[int]:
        started = self.event_of(repair, "started", {}, ago_s=20)
        done = self.event_of(repair, "done", {"note": "done before it began"}, ago_s=10)
        return [self.tell(repair, event)[0] for event in (done, started)]

    def _replayed(self, _repair: Repair) -> list[int]:
        """The very bytes of an earlier request, header and all."""
        if self.last_request is None:
            return []
        return [self._post(*self.last_request)[0]]

    # -- faults ---------------------------------------------------------------------------------------------------

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
    buttons = "".join(
        f"<button formaction='/orders/{repair.number}/{event}'>{event}</button>" for event in _BUTTONS
    )
    return (
        f"<tr id='{repair.number}'><td>{repair.number}<td>{html.escape(repair.title)}<td class='s'>{repair.status}"
        f"<td class='t'>{html.escape(repair.said_by_them)}"
        f"<td><form method='post'><input name='note' aria-label='note'>{buttons}</form></tr>"
    )


class RepairPlatform:
    """The platform behind a socket on the loopback address. Port 0 takes a free one."""

    def __init__(self, secret: str, to: str = "", port: int = 0) -> None:
        """Raises: OSError if the port is in use."""
        self.platform = Platform(secret, to)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler_of(self.platform))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where orders are posted to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hooks/orders"

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the socket."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler_of(platform: Platform) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers for one platform."""

        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            """The orders."""
            if self.path == "/":
                self._answer(HTTPStatus.OK, platform.page().encode(), "text/html; charset=utf-8")
            elif self.path == "/orders":
                self._json(HTTPStatus.OK, platform.document())
            else:
                self._json(HTTPStatus.NOT_FOUND, {"message": "look at / or /orders"})

        def do_POST(self) -> None:
            """An order, an act, a fault or a misdeed."""
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > LARGEST_BODY:
                self.close_connection = True
                self._json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"message": "too long"})
                return
            body = self.rfile.read(int(length))
            path = urlsplit(self.path).path
            try:
                self._route(path.strip("/").split("/"), path, body)
            except (KeyError, TypeError, ValueError) as error:
                self._json(HTTPStatus.NOT_FOUND, {"message": f"{type(error).__name__}: {error}"})

        def _route(self, steps: list[str], path: str, body: bytes) -> None:
            if path == "/hooks/orders":
                self._take(body)
            elif path == "/faults":
                with platform.lock:
                    platform.faults = Faults(**json.loads(body))
                self._json(HTTPStatus.OK, asdict(platform.faults))
            elif steps[0] == "misdeeds":
                self._json(HTTPStatus.OK, {"answered": platform.misdeed(steps[1], json.loads(body)["kind"])})
            else:
                _, number, event = steps
                self._act(number, event, body)

        def _act(self, number: str, event: str, body: bytes) -> None:
            said: dict[str, Any] = dict(parse_qsl(body.decode()))
            if "json" in self.headers.get("Content-Type", ""):
                said = json.loads(body or b"{}")
            status, answer = platform.act(number, event, said)
            if "text/html" in self.headers.get("Accept", ""):
                self.send_response(HTTPStatus.SEE_OTHER)
                self.send_header("Location", "/")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._json(HTTPStatus.OK, {"answered": status, "answer": answer})

        def _take(self, body: bytes) -> None:
            fault = platform.next_fault()
            if fault.slow_s:
                time.sleep(fault.slow_s)
            if fault.down:
                self._drop()
            elif fault.error:
                self._json(fault.error, {"message": "an error on request"})
            else:
                status, answer = platform.take(self.headers, body)
                if fault.lose_answer:
                    self._drop()
                else:
                    self._json(status, answer)

        def _drop(self) -> None:
            """No answer at all: the connection ends."""
            self.close_connection = True
            self.connection.close()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Nothing: the orders are there to be seen."""

        def _json(self, status: int, document: Any) -> None:
            self._answer(status, json.dumps(document, ensure_ascii=False).encode(), "application/json; charset=utf-8")

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def serve_until_told(platform: RepairPlatform, told_to_stop: threading.Event) -> None:
    """Serve until SIGTERM, SIGINT or the event."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    platform.start()
    told_to_stop.wait()
    platform.stop()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="A small repair platform.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--to", default="", help="where its events go")
    arguments = parser.parse_args()
    platform = RepairPlatform(arguments.secret, arguments.to, arguments.port)
    told_to_stop = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        told_to_stop.set()

    print(json.dumps({"url": platform.url}), flush=True)  # noqa: T201 - what starts it waits for this line
    threading.Thread(target=wait_for_end, daemon=True).start()
    serve_until_told(platform, told_to_stop)


if __name__ == "__main__":
    main()
