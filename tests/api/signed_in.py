"""People of every role on the small site, signed in with passwords of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx

from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.users import Users
from alerts.values import Actor

PASSWORD = "quiet-river-4711"  # noqa: S105 - of the test application alone
ADMIN = Actor("system", "test")
CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


@dataclass
class Person:
    """Somebody at a browser."""

    name: str
    client: Any

    def csrf(self) -> str:
        found = CSRF.search(self.client.get("/account").text)
        assert found
        return found[1]

    def post(self, path: str, **fields: Any) -> httpx.Response:
        """A form as the pages send it."""
        return self.client.post(path, data={"csrf": self.csrf(), **fields})

    def page(self, path: str) -> httpx.Response:
        return self.client.get(path, headers={"Accept": "text/html"})


def users_of(served: Any) -> Users:
    found: Users = served.app.state.users
    return found


def sign_in(served: Any, name: str, password: str = PASSWORD) -> tuple[Person, httpx.Response]:
    client = type(served.client)(served.app)
    answer = client.post("/sign-in", data={"name": name, "password": password})
    return Person(name, client), answer


def person(served: Any, name: str, role: Role, *nodes: str) -> Person:
    """A new account that has set a password of its own, signed in."""
    given = users_of(served).accounts.add(name, role, nodes or (WHOLE_SITE,), ADMIN)
    found, answer = sign_in(served, name, given)
    assert answer.headers["Location"] == "/account", answer.text
    changed = found.post("/account/password", old=given, new=PASSWORD, again=PASSWORD)
    assert changed.status_code == 303, changed.text
    return found
