"""The simulated provider behind a socket on the loopback address.

    GET  /.well-known/openid-configuration, /keys, /authorize, /userinfo, /sign-out; POST /token: OpenID Connect
    GET  /wwlogin/sso/login, /connect/oauth2/authorize, /cgi-bin/...: WeCom
    GET  /oauth2/auth, /v1.0/...; POST /topapi/...: DingTalk
    POST /control  {"persons": {subject: claims}, "signed_in": subject, "faults": [...], "rotate": true}

Where nobody is signed in there, a page asks who it is. `python -m simulators.sign_in.provider --redirect ADDRESS`
prints one JSON line when it listens, `{"url"}`, and serves until SIGTERM, SIGINT or the end of its stdin.
"""

from __future__ import annotations

import argparse
import html
import json
import signal
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from authlib.oauth2 import OAuth2Error

from simulators.sign_in.china import ChinaServices
from simulators.sign_in.openid import Client, OpenIdProvider
from simulators.sign_in.people import People

Answer = tuple[int, Any, list[tuple[str, str]]]
CLIENT, SECRET = "aquavolt", "a-client-secret-of-32-characters"
NOBODY = "-"
_ASKING = {
    "/authorize": "",
    "/wwlogin/sso/login": "code",
    "/connect/oauth2/authorize": "code",
    "/oauth2/auth": "authCode",
}
_DOWN = {"/token": "token_down", "/keys": "keys_down"}


class Site:
    """All endpoints."""

    def __init__(self, url: str, redirect: str) -> None:
        self.url, self.people = url, People()
        self.openid = OpenIdProvider(url, Client(CLIENT, SECRET, redirect), self.people)
        self.china = ChinaServices(self.people)

    def answer(self, method: str, target: str, headers: dict[str, str], body: str) -> Answer:
        """What is answered."""
        path, query = urlsplit(target).path, dict(parse_qsl(urlsplit(target).query))
        if path == "/control":
            return self._control(json.loads(body or "{}"))
        self.people.asked.append(path)
        if self.people.has("down") or self.people.has(_DOWN.get(path, "-")):
            return 503, {"error": "down"}, []
        if self.people.has("redirects") and path not in _ASKING:
            return 302, "", [("Location", f"{self.url}/elsewhere")]
        if self.people.has("no_json") and path not in _ASKING:
            return 200, "<html>a page of maintenance</html>", []
        if path in _ASKING:
            return self._sign_in(path, target, query)
        return self._openid(method, path, target, headers, body) or self._china(path, query, headers, body)

    def _openid(self, method: str, path: str, target: str, headers: dict[str, str], body: str) -> Answer | None:
        ends: dict[tuple[str, str], Callable[[], Answer]] = {
            ("GET", "/.well-known/openid-configuration"): self.openid.discovery,
            ("GET", "/keys"): self.openid.keys,
            ("POST", "/token"): lambda: self.openid.token(self.url + target, headers, body),
            ("GET", "/userinfo"): lambda: self.openid.userinfo(headers.get("authorization", "")),
            ("GET", "/sign-out"): lambda: self._sign_out(target),
        }
        end = ends.get((method, path))
        return None if end is None else end()

    def _china(self, path: str, query: dict[str, str], headers: dict[str, str], body: str) -> Answer:
        return self.china.answer(path, query, headers, body) or (404, {"error": "nothing is here"}, [])

    def _sign_in(self, path: str, target: str, query: dict[str, str]) -> Answer:
        """Who is signed in goes back at once; else a page asks. `-` says no."""
        subject = query.get("person") or self.people.signed_in
        if subject is None:
            return 200, self._page(target), []
        found = None if subject == NOBODY else subject
        if path != "/authorize":
            return self.china.send_back(query, found, _ASKING[path])
        try:
            return self.openid.authorize(self.url + target, found)
        except OAuth2Error as error:
            return 400, {"error": error.error, "error_description": error.description}, []

    def _page(self, target: str) -> str:
        links = "".join(
            f'<li><a href="{html.escape(f"{target}&person={quote(name)}")}">{html.escape(name)}</a></li>'
            for name in self.people.persons
        )
        return f"<!doctype html><title>Provider</title><h1>Who are you?</h1><ul>{links}</ul>"

    def _sign_out(self, target: str) -> Answer:
        self.people.signed_in = None
        query = dict(parse_qsl(urlsplit(target).query))
        return 302, "", [("Location", query.get("post_logout_redirect_uri", "/"))]

    def _control(self, told: dict[str, Any]) -> Answer:
        try:
            self.people.told(told)
        except ValueError as error:
            return 400, {"error": str(error)}, []
        if told.get("rotate"):
            self.openid.rotate()
        asked, self.people.asked = self.people.asked, []
        return 200, {"asked": asked, "fetched": self.china.fetched}, []


def _handler_of(server: ThreadingHTTPServer, redirect: str) -> type[BaseHTTPRequestHandler]:
    site = Site(f"http://127.0.0.1:{server.server_address[1]}", redirect)

    class Handler(BaseHTTPRequestHandler):
        """Answers for one provider."""

        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            """Answer."""
            self._answer(*site.answer("GET", self.path, self._headers(), ""))

        def do_POST(self) -> None:
            """Answer."""
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            self._answer(*site.answer("POST", self.path, self._headers(), body))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Nothing."""

        def _headers(self) -> dict[str, str]:
            """By small names; authlib asks for one by its capital."""
            given = {name.lower(): value for name, value in self.headers.items()}
            return given | {"Authorization": given.get("authorization", "")}

        def _answer(self, status: int, document: Any, headers: list[tuple[str, str]]) -> None:
            is_page = isinstance(document, str)
            body = (document if is_page else json.dumps(document, ensure_ascii=False)).encode()
            self.send_response(status)
            for name, value in headers:
                if name.lower() != "content-type":
                    self.send_header(name, value)
            self.send_header("Content-Type", "text/html; charset=utf-8" if is_page else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _wait_for_end(told_to_stop: threading.Event) -> None:
    sys.stdin.read()
    told_to_stop.set()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="A provider at which people sign in.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--redirect", required=True, help="the one address that people are sent back to")
    arguments = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), BaseHTTPRequestHandler)
    server.RequestHandlerClass = _handler_of(server, arguments.redirect)
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    threading.Thread(target=server.serve_forever, args=(0.1,), name="provider", daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    print(json.dumps({"url": url}), flush=True)  # noqa: T201 - what starts it waits for this line
    threading.Thread(target=_wait_for_end, args=(told_to_stop,), daemon=True).start()
    told_to_stop.wait()
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
