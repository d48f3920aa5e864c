"""`aquavolt run` and `aquavolt check` with a provider of sign-in in the settings: two processes, real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cli import aquavolt_command, command_inside
from served import Served

from aquavolt.child import Child

SITE = """
site: {id: s, name: S, timezone: Asia/Shanghai}
nodes: [{id: dorm, kind: building}]
meters: [{id: w-dorm, medium: water, node: dorm}]
"""
SECRET = "a-client-secret-of-32-characters"  # noqa: S105 - of the simulator
SECRETS = f'{{"campus": "{SECRET}", "wecom": "app-secret"}}'


def settings(page: str, provider: str, node: str = "dorm") -> str:
    return f"""
public_url: {page}
sign_in:
  - kind: oidc
    id: campus
    issuer: {provider}
    client_id: aquavolt
    roles: [{{claim: groups, value: staff, role: dorm_manager, nodes: [{node}]}}]
  - {{kind: wecom, id: wecom, corp_id: ww-corp, agent_id: 1000002, api_url: "{provider}", timeout_s: 2}}
"""


@pytest.fixture
def page() -> str:
    """An address on which nobody listens yet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def provider(tmp_path: Path, page: str) -> Iterator[str]:
    redirect = f"{page}/sign-in/with/campus/back"
    child = Child("simulators.sign_in.provider", ["--redirect", redirect], tmp_path / "provider.log")
    yield str(child.ready()["url"])
    child.stop()


def write(folder: Path, text: str) -> Path:
    (folder / "site.yaml").write_text(SITE, encoding="utf-8")
    (folder / "aquavolt.yaml").write_text(text, encoding="utf-8")
    return folder


def told(provider: str, **what: Any) -> None:
    assert httpx.post(f"{provider}/control", json=what, trust_env=False).status_code == 200


def test_somebody_signs_in_at_the_provider_of_a_running_program(tmp_path: Path, page: str, provider: str) -> None:
    folder = write(tmp_path, settings(page, provider))
    told(provider, persons={"0042": {"preferred_username": "zhang", "groups": ["staff"]}}, signed_in="0042")
    port = page.rpartition(":")[2]
    running = Served(folder, "run", "--data", "data", "--port", port, AQUAVOLT_SIGN_IN_SECRETS=SECRETS)
    try:
        running.ready()
        with httpx.Client(base_url=page, trust_env=False, timeout=20, follow_redirects=True) as client:
            arrived = client.get("/sign-in/with/campus?back=/account")
            assert arrived.status_code == 200
            assert arrived.url.path == "/account"
            assert "<h1>zhang</h1>" in arrived.text
            assert client.get("/api/v1/alerts").status_code == 200
            assert client.get("/users", headers={"Accept": "text/html"}).status_code == 403
        with httpx.Client(base_url=page, trust_env=False, timeout=20, follow_redirects=True) as client:
            told(provider, faults=["token_down"])
            down = client.get("/sign-in/with/campus")
            assert down.status_code == 503
    finally:
        assert running.stop() == 0
    assert SECRET not in running.errors() + "".join(running.lines)


def test_check_says_whether_providers_answer_and_goes_on(tmp_path: Path, page: str, provider: str) -> None:
    folder = write(tmp_path, settings(page, provider))
    said = command_inside(folder, "check", AQUAVOLT_SIGN_IN_SECRETS=SECRETS)
    assert said.code == 0, said
    assert "sign-in with campus: answers" in said.out
    assert "sign-in with wecom: answers" in said.out
    told(provider, faults=["down"])
    said = command_inside(folder, "check", AQUAVOLT_SIGN_IN_SECRETS=SECRETS.replace("app-secret", "wrong"))
    assert said.code == 0, said
    assert f"sign-in with campus: {provider}/.well-known/openid-configuration: answers 503" in said.out
    assert "everything is in order" in said.out


def test_check_and_run_refuse_a_place_that_is_not_there(tmp_path: Path, page: str, provider: str) -> None:
    folder = write(tmp_path, settings(page, provider, node="dormm"))
    for command in (("check",), ("run", "--data", "data", "--port", "0")):
        said = aquavolt_command(folder, *command, AQUAVOLT_SIGN_IN_SECRETS=SECRETS)
        assert "sign_in.0.roles.0.nodes (campus): the site has no place 'dormm'" in said.message


def test_without_a_secret_nothing_starts(tmp_path: Path, page: str, provider: str) -> None:
    folder = write(tmp_path, settings(page, provider))
    said = command_inside(folder, "check")
    assert "aquavolt.yaml:" in said.message
    assert "no secret for campus, wecom" in said.message
