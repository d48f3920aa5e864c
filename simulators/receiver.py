"""A receiver of webhooks for the demo: keeps the last messages and gives them out as JSON.

    POST /anything   takes a JSON body; a repeat (same Idempotency-Key) is counted, not kept twice
    POST paths of chat robots and of an SMS gateway (`simulators.robots`) answer as those services do
    GET  /messages   {"messages": [{received_at, id, repeats, body}], "taken": n}, newest first

`python -m simulators.receiver --port 8090` prints one JSON line when it listens, `{"url"}`, and serves until SIGTERM,
SIGINT or the end of its stdin: it never outlives the program that started it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections import OrderedDict
from dataclasses import asdict
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from simulators.robots import Services

LARGEST_BODY = 1_000_000


class Inbox:
    """The last `keep` messages. Thread-safe."""

    def __init__(self, keep: int = 200) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._messages: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._taken = 0

    def take(self, key: str | None, body: Any) -> None:
        """Keep a message; without a key every message is one of its own."""
        with self._lock:
            self._taken += 1
            key = key or f"without-key-{self._taken}"
            if key in self._messages:
                self._messages[key]["repeats"] += 1
                return
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            self._messages[key] = {"received_at": now, "id": key, "repeats": 0, "body": body}
            if len(self._messages) > self._keep:
                self._messages.popitem(last=False)

    def document(self) -> dict[str, Any]:
        """What GET /messages gives."""
        with self._lock:
            return {"messages": [dict(m) for m in reversed(self._messages.values())], "taken": self._taken}


class Receiver:
    """The inbox behind a socket on the loopback address. Port 0 takes a free one; `port` says which."""

    def __init__(self, port: int = 0, *, keep: int = 200, services: Services | None = None) -> None:
        """Raises: OSError if the port is in use."""
        self.inbox = Inbox(keep)
        self.services = services or Services(time.time)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler_of(self.inbox, self.services))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="receiver", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"http://127.0.0.1:{self.port}/alerts"

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the socket."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _taken(
    inbox: Inbox, services: Services, path: str, key: str | None, given: bytes
) -> tuple[HTTPStatus, dict[str, Any]]:
    """Keep what was posted, a robot's message as its chat shows it; the answer."""
    if (answer := services.answer(path, given)) is not None:
        document, said = answer
        if said is not None:
            inbox.take(key, asdict(said))
        return HTTPStatus.OK, document
    try:
        body = json.loads(given)
    except ValueError:
        return HTTPStatus.BAD_REQUEST, {"error": "the body must be JSON"}
    inbox.take(key, body)
    return HTTPStatus.OK, {"taken": True}


def _handler_of(inbox: Inbox, services: Services) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers for one inbox."""

        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            """Take a message."""
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > LARGEST_BODY:
                self.close_connection = True
                self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": f"a body of up to {LARGEST_BODY} bytes"})
                return
            given = self.rfile.read(int(length))
            self._answer(*_taken(inbox, services, self.path, self.headers.get("Idempotency-Key"), given))

        def do_GET(self) -> None:
            """Give the messages out."""
            if self.path.partition("?")[0] == "/messages":
                self._answer(HTTPStatus.OK, inbox.document())
            else:
                self._answer(HTTPStatus.NOT_FOUND, {"error": "look at /messages"})

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Nothing: the messages are there to be seen."""

        def _answer(self, status: HTTPStatus, document: Any) -> None:
            body = json.dumps(document, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _wait_for_end(told_to_stop: threading.Event) -> None:
    sys.stdin.read()
    told_to_stop.set()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="Takes webhooks and shows them at /messages.")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--keep", type=int, default=200, help="how many messages are kept")
    arguments = parser.parse_args()
    receiver = Receiver(arguments.port, keep=arguments.keep)
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    receiver.start()
    print(json.dumps({"url": receiver.url}), flush=True)  # noqa: T201 - what starts it waits for this line
    threading.Thread(target=_wait_for_end, args=(told_to_stop,), daemon=True).start()
    told_to_stop.wait()
    receiver.stop()


if __name__ == "__main__":
    main()
