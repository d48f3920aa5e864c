"""The platform on a socket of the loopback address.

POST /hooks/orders     takes a signed order, answers with its own number; a known delivery id changes nothing
GET  /                 its orders as a page with buttons: assigned, started, done, closed, rejected, reopened
GET  /orders           its orders as JSON, with all that came of each
POST /orders/NUMBER/EVENT   what its people do (form or JSON: person, note, rating), told to AquaVolt, signed
POST /faults           `{"down": true, "slow_s": 2, "error": 503, "lose_answer": true, "times": 3}`; `{}` ends all
POST /misdeeds/NUMBER  `{"kind": "duplicate"}`, or another of `misdeeds.py`
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from simulators.repair_platform.misdeeds import do_misdeed
from simulators.repair_platform.state import Faults, Platform

LARGEST_BODY = 4_000_000
ORDERS = "/hooks/orders"


class RepairPlatform:
    """The platform behind a socket. Port 0 takes a free one."""

    def __init__(self, platform: Platform, port: int = 0) -> None:
        """Raises: OSError if the port is in use."""
        self.platform = platform
        self._server = _Server(("127.0.0.1", port), platform)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def base(self) -> str:
        """Where its page is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """Where orders are posted to."""
        return self.base + ORDERS

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the socket."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], platform: Platform) -> None:
        self.platform = platform
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answers for the server's platform."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    server: _Server

    def do_GET(self) -> None:
        """The orders."""
        if self.path == "/":
            self._answer(HTTPStatus.OK, self.server.platform.page().encode(), "text/html; charset=utf-8")
        elif self.path == "/orders":
            self._json(HTTPStatus.OK, self.server.platform.document())
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
        try:
            self._route(urlsplit(self.path).path, body)
        except (KeyError, TypeError, ValueError) as error:
            self._json(HTTPStatus.NOT_FOUND, {"message": f"{type(error).__name__}: {error}"})

    def _route(self, path: str, body: bytes) -> None:
        platform = self.server.platform
        if path == ORDERS:
            self._take(body)
        elif path == "/faults":
            platform.set_faults(Faults(**json.loads(body)))
            self._json(HTTPStatus.OK, asdict(platform.faults))
        elif path.startswith("/misdeeds/"):
            answered = do_misdeed(platform, path.removeprefix("/misdeeds/"), json.loads(body)["kind"])
            self._json(HTTPStatus.OK, {"answered": answered})
        else:
            _, number, event = path.strip("/").split("/")
            self._act(number, event, body)

    def _act(self, number: str, event: str, body: bytes) -> None:
        is_json = "json" in self.headers.get("Content-Type", "")
        said: dict[str, Any] = json.loads(body or b"{}") if is_json else dict(parse_qsl(body.decode()))
        status, answer = self.server.platform.act(number, event, said)
        if "text/html" in self.headers.get("Accept", ""):
            self.send_response(HTTPStatus.SEE_OTHER)
            self.send_header("Location", "/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._json(HTTPStatus.OK, {"answered": status, "answer": answer})

    def _take(self, body: bytes) -> None:
        fault = self.server.platform.next_fault()
        if fault.slow_s:
            time.sleep(fault.slow_s)
        if fault.down:
            self._drop()
        elif fault.error:
            self._json(fault.error, {"message": "an error on request"})
        else:
            status, answer = self.server.platform.take(self.headers, body)
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
