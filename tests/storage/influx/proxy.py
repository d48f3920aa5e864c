"""A proxy before a real server that answers in its place where a test says so."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Answer:
    """What the proxy says in the server's place."""

    status: int
    body: bytes = b'{"code":"x","message":"as the test says"}'
    headers: dict[str, str] = field(default_factory=dict)


# Looks at a request (path, body); None: the server shall answer.
Rule = Callable[[str, bytes], Answer | None]


class Proxy:
    """Forwards to the real server, except where `rule` answers. `asked` has what came, as (path, length)."""

    def __init__(self, target: str) -> None:
        self.rule: Rule = lambda _path, _body: None
        self.asked: list[tuple[str, int]] = []
        host = urlsplit(target).netloc
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                proxy.asked.append((self.path, len(body)))
                answer = proxy.rule(self.path, body) or self._forward(body)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = _pass  # noqa: N815 - the names are http.server's

            def _forward(self, body: bytes) -> Answer:
                link = http.client.HTTPConnection(host, timeout=30)
                link.request(self.command, self.path, body, dict(self.headers))
                reply = link.getresponse()
                kept = {k: v for k, v in reply.getheaders() if k in {"Content-Type", "Retry-After"}}
                answer = Answer(reply.status, reply.read(), kept)
                link.close()
                return answer

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def writes(self) -> list[int]:
        """Lengths of the bodies that were to be written."""
        return [length for path, length in self.asked if "/write?" in path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
