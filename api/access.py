"""The door: Host and same-origin checks, who asks, security headers. One ASGI layer before every route."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.identity import Identity
from api.parts import Access
from api.problems import Answer, Problem, answer_error

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Nobody need be signed in for these, and nobody is asked for: health, and the product's own files.
_UNASKED_PATHS = frozenset({"/healthz", "/readyz", "/favicon.ico"})
_UNASKED_FOLDERS = ("/static/", "/vendor/")
# Nobody need be signed in for these either; the page says who is.
# The repair platform has no account: its signature says that it is the one.
PLATFORM_EVENTS = "/api/v1/platform/events"
_OPEN_PATHS = frozenset({"/sign-in", "/report", "/manifest.webmanifest", "/sw.js", PLATFORM_EVENTS})
# What `/go/` and `/report/` lead to stands in their signed links: `/go/` says who comes, `/report/` shows one report.
_OPEN_FOLDERS = ("/language/", "/sign-in/with/", "/go/", "/report/", "/offline/")

# No inline script or style anywhere: charts and htmx set styles through the DOM, which the policy allows.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def is_unasked(path: str) -> bool:
    """Whether it does not matter who asks for this."""
    return path in _UNASKED_PATHS or path.startswith(_UNASKED_FOLDERS)


def is_open(path: str) -> bool:
    """Whether nobody need be signed in for this."""
    return is_unasked(path) or path in _OPEN_PATHS or path.startswith(_OPEN_FOLDERS)


def host_name(host: str) -> str:
    """The name in a Host header, without its port: `[::1]:8000` gives `[::1]`."""
    return host[: host.find("]") + 1] if host.startswith("[") else host.split(":", 1)[0].lower()


def check_host(headers: Headers, access: Access) -> None:
    """A demo answers to its own names only, or a foreign page could reach it by rebinding a name.

    Raises:
        Problem: 421.
    """
    if access.demo and host_name(headers.get("host", "")) not in access.hosts:
        raise Problem(421, f"The demo answers only under these names: {', '.join(access.hosts)}.")


def check_same_origin(method: str, headers: Headers) -> None:
    """What changes something must not come from a foreign page.

    Raises:
        Problem: 403.
    """
    if method in SAFE_METHODS:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    is_foreign = site not in (None, "same-origin", "none")
    if not is_foreign and origin is not None:
        is_foreign = urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    if is_foreign:
        raise Problem(403, "A change must come from AquaVolt's own page or from a program, not from another site.")


class AccessLayer:
    """ASGI middleware. Who asks stands in `request.state.user`, None where that is open to nobody signed in.

    Whatever nobody else answers is a problem here.
    """

    def __init__(self, app: ASGIApp, access: Access, identity: Identity, answer: Answer) -> None:
        self._app = app
        self._access = access
        self._identity = identity
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request through, or answers it with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        is_started = False

        async def send_secured(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                _secure(MutableHeaders(scope=message), scope["scheme"])
            await send(message)

        try:
            await self._admit(scope)
            await self._app(scope, receive, send_secured)
        except Exception as error:
            if is_started:  # half an answer is out: only breaking off tells the caller
                raise
            response = answer_error(Request(scope, receive), error, self._answer)
            await response(scope, receive, send_secured)

    async def _admit(self, scope: Scope) -> None:
        connection = HTTPConnection(scope)
        check_host(connection.headers, self._access)
        check_same_origin(scope["method"], connection.headers)
        path, state = scope["path"], scope.setdefault("state", {})
        state["user"] = None if is_unasked(path) else await run_in_threadpool(self._identity.user_of, connection)
        if state["user"] is None and not is_open(path):
            raise not_signed_in()


def not_signed_in() -> Problem:
    """401. Not `Basic`, which is taken too: a browser would open a window of its own over the page."""
    text = "Sign in on the page, or with `Authorization: Bearer <token>`."
    return Problem(401, text, headers={"WWW-Authenticate": 'Bearer realm="AquaVolt"'})


def _secure(headers: MutableHeaders, scheme: str) -> None:
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    if scheme == "https":
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    # What a meter counts is nobody's cache's business; files with a version in their address say otherwise.
    headers.setdefault("Cache-Control", "no-store")
