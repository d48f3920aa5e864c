"""A provider of sign-in as a process of its own, and people who go there with a browser's cookies."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from aquavolt.child import Child
from aquavolt.sign_in.dingtalk import DingtalkWay
from aquavolt.sign_in.oidc import OidcWay
from aquavolt.sign_in.settings import DingtalkSignInSettings, OidcSettings, WecomSignInSettings
from aquavolt.sign_in.wecom import WecomWay

PAGE = "http://127.0.0.1:8000"
BACK = f"{PAGE}/sign-in/with/campus/back"
SECRET = "a-client-secret-of-32-characters"  # noqa: S105 - of the simulator
RULES: list[dict[str, Any]] = [
    {"claim": "groups", "value": "water-admins", "role": "admin"},
    {"claim": "groups", "value": "dorm-1", "role": "dorm_manager", "nodes": ["dorm-1"]},
    {"claim": "groups", "value": "library", "role": "dorm_manager", "nodes": ["library"]},
    {"claim": "realm_access.roles", "value": "plumber", "role": "maintainer"},
]


@dataclass
class Provider:
    """The process, told what it is to do."""

    url: str
    child: Child
    asked: list[str] = field(default_factory=list)

    def told(self, **what: Any) -> dict[str, Any]:
        """Persons, who is signed in, faults, `rotate`; what was asked since the last time."""
        answer = httpx.post(f"{self.url}/control", json=what, trust_env=False)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def is_me(self, subject: str, *faults: str, **claims: Any) -> None:
        """One person, signed in there."""
        self.told(persons={subject: claims}, signed_in=subject, faults=list(faults))

    def oidc(self, monotonic: Callable[[], float] = time.monotonic, **more: Any) -> OidcWay:
        given = {"kind": "oidc", "id": "campus", "label": "统一身份认证", "issuer": self.url, "client_id": "aquavolt"}
        given |= {"client_secret": SECRET, "roles": RULES, "timeout_s": 5}
        return OidcWay(OidcSettings.model_validate(given | more), monotonic=monotonic)

    def wecom(self, **more: Any) -> WecomWay:
        given = {"kind": "wecom", "id": "wecom", "corp_id": "ww-corp", "agent_id": 1000002, "secret": "app-secret"}
        given |= dict.fromkeys(("login_url", "in_app_url", "api_url"), self.url)
        return WecomWay(WecomSignInSettings.model_validate(given | more))

    def dingtalk(self, **more: Any) -> DingtalkWay:
        given = {"kind": "dingtalk", "id": "dingtalk", "corp_id": "ww-corp", "client_id": "ding-app"}
        given |= {"client_secret": "app-secret", **dict.fromkeys(("login_url", "api_url", "old_api_url"), self.url)}
        return DingtalkWay(DingtalkSignInSettings.model_validate(given | more))


def start(folder: Path, redirect: str = BACK, port: int = 0) -> Provider:
    """A process that answers already."""
    arguments = ["--redirect", redirect, "--port", str(port)]
    child = Child("simulators.sign_in.provider", arguments, folder / "provider.log")
    return Provider(str(child.ready()["url"]), child)


@dataclass
class Traveller:
    """Somebody's browser: our pages in process, the provider's over its socket."""

    client: Any

    def leave(self, way: str = "campus", back: str = "/alerts", **request: Any) -> httpx.Response:
        """Press the button: the answer of our page."""
        answer: httpx.Response = self.client.get(f"/sign-in/with/{way}?back={back}", **request)
        return answer

    def at_provider(self, address: str, **more: str) -> str:
        """Where the provider sends the browser back to, as a path of our page."""
        answer = httpx.get(address.partition("#")[0], params=more or None, trust_env=False)
        assert answer.status_code == 302, answer.text
        location = answer.headers["Location"]
        assert location.startswith(PAGE), location
        return location.removeprefix(PAGE)

    def there(self, way: str = "campus", back: str = "/alerts") -> str:
        """To the provider; where it sends the browser back to."""
        left = self.leave(way, back)
        assert left.status_code == 303, left.text
        address = left.headers["Location"]
        parts = urlsplit(address)
        query = httpx.QueryParams(parts.query)
        return self.at_provider(f"{parts.scheme}://{parts.netloc}{parts.path}?{query}")

    def sign_in(self, way: str = "campus", back: str = "/alerts", **request: Any) -> httpx.Response:
        """There and back: the answer of our page."""
        answer: httpx.Response = self.client.get(self.there(way, back), **request)
        return answer

    def who(self) -> str | None:
        """The account that this browser is signed in to."""
        answer = self.client.get("/account", headers={"Accept": "text/html"})
        return None if answer.status_code != 200 else answer.text.partition("<h1>")[2].partition("</h1>")[0]
