"""Who is let in: sign-in, Host and same-origin checks, security headers. One ASGI layer before every route."""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.parts import Access, User
from api.problems import Answer, Problem, answer_error

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
OPEN_PREFIX = "/go/"  # signed links of messages: the link itself says who comes
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
DEMO_USER = User("demo", is_demo=True)

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
    if method in _SAFE_METHODS:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    is_foreign = site not in (None, "same-origin", "none")
    if not is_foreign and origin is not None:
        is_foreign = urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    if is_foreign:
        raise Problem(403, "A change must come from AquaVolt's own page or from a program, not from another site.")


def token_in(authorization: str) -> str | None:
    """The token in an Authorization header.

    A program sends it as Bearer. A browser asks its user and sends Basic: the token is the password, under any name.
    """
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(given, validate=True).decode().partition(":")[2]
    except ValueError:  # neither Base64 nor UTF-8
        return None


def sign_in(headers: Headers, access: Access) -> User:
    """Who asks.

    Raises:
        Problem: 401.
    """
    token = token_in(headers.get("authorization", ""))
    if token is not None and (user := access.user_of_token(token)):
        return user
    if access.demo:
        return DEMO_USER
    challenge = 'Bearer realm="AquaVolt", Basic realm="AquaVolt", charset="UTF-8"'
    raise Problem(401, "Sign in with `Authorization: Bearer <token>`.", headers={"WWW-Authenticate": challenge})


class AccessLayer:
    """ASGI middleware. The user stands in `request.state.user`; whatever nobody else answers is a problem here."""

    def __init__(self, app: ASGIApp, access: Access, answer: Answer) -> None:
        self._app = app
        self._access = access
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
                _secure(MutableHeaders(scope=message))
            await send(message)

        try:
            self._admit(scope)
            await self._app(scope, receive, send_secured)
        except Exception as error:
            if is_started:  # half an answer is out: only breaking off tells the caller
                raise
            response = answer_error(Request(scope, receive), error, self._answer)
            await response(scope, receive, send_secured)

    def _admit(self, scope: Scope) -> None:
        headers = HTTPConnection(scope).headers
        check_host(headers, self._access)
        check_same_origin(scope["method"], headers)
        if scope["path"] not in OPEN_PATHS and not scope["path"].startswith(OPEN_PREFIX):
            scope.setdefault("state", {})["user"] = sign_in(headers, self._access)


def _secure(headers: MutableHeaders) -> None:
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    # What a meter counts is nobody's cache's business; files with a version in their address say otherwise.
    headers.setdefault("Cache-Control", "no-store")
