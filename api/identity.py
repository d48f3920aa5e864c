"""Who asks: by a token in the Authorization header, else by the session in the cookie, else in the demo its admin."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace

from starlette.requests import HTTPConnection
from starlette.responses import Response

from alerts.users.roles import Permission
from alerts.users.users import Users
from alerts.users.values import Account, Origin, SignedIn
from api.parts import DEMO_USER, Access, User

# A name with `__Host-` is taken from TLS only, for this very host and all paths.
_COOKIES = {"https": "__Host-aquavolt_session", "http": "aquavolt_session"}
_COOKIE_S = 30 * 24 * 3600


def token_in(authorization: str) -> str | None:
    """The token in an Authorization header.

    A program sends it as Bearer, or as the password of Basic under any name, for tools that know nothing else.
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


def origin_of(connection: HTTPConnection) -> Origin:
    """Where a request comes from."""
    return Origin(connection.client.host if connection.client else "", connection.headers.get("user-agent", ""))


def csrf_of(secret: str) -> str:
    """What the pages of a session put into their forms. Another site's page cannot know it."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Identity:
    """Looks it up, anew at each request: what an administrator takes away is gone at once."""

    access: Access
    users: Users

    def user_of(self, connection: HTTPConnection) -> User | None:
        """Who asks; None: nobody that is known."""
        token = token_in(connection.headers.get("authorization", ""))
        found = self._of_token(token) if token else None
        found = found or self._of_session(session_secret(connection))
        return found or (DEMO_USER if self.access.demo else None)

    def _of_token(self, secret: str) -> User | None:
        if (found := self.users.tokens.identify(secret)) is None:
            return self.access.user_of_token(secret)
        account, token = found
        # A program has no password to change first.
        allowed = account.granted & (token.scopes | {Permission.SIGNED_IN})
        return replace(_user_of(account), permissions=allowed)

    def _of_session(self, secret: str) -> User | None:
        found = self.users.sessions.identify(secret) if secret else None
        if found is None:
            return None
        account, session = found
        return replace(_user_of(account), session=session, csrf=csrf_of(secret))


def _user_of(account: Account) -> User:
    assignee = account.name if account.sees_own_alerts_only else None
    return User(account.name, account.permissions, account.nodes, assignee, account=account)


def session_secret(connection: HTTPConnection) -> str:
    """What the session's cookie holds; empty without one."""
    return connection.cookies.get(_COOKIES[cookie_scheme(connection)], "")


def set_session(response: Response, connection: HTTPConnection, signed_in: SignedIn) -> None:
    """Give the browser its session. No script reads it, and other sites' requests go without it, links excepted."""
    scheme = cookie_scheme(connection)
    response.set_cookie(
        _COOKIES[scheme], signed_in.secret, max_age=_COOKIE_S, path="/", httponly=True, samesite="lax",
        secure=scheme == "https",
    )  # fmt: skip


def forget_session(response: Response, connection: HTTPConnection) -> None:
    """Take it away again."""
    scheme = cookie_scheme(connection)
    response.delete_cookie(_COOKIES[scheme], path="/", httponly=True, samesite="lax", secure=scheme == "https")


def cookie_scheme(connection: HTTPConnection) -> str:
    """Whether cookies are for TLS or not: `https` or `http`."""
    return "https" if connection.url.scheme == "https" else "http"
