"""The first administrator of `run` and `demo --login`, the address it may be served on, and `aquavolt user`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from cli import aquavolt_command, command_inside
from served import Served

SITE = """
site: {id: s, name: S, timezone: Asia/Shanghai}
nodes:
  - {id: campus, kind: campus}
  - {id: dorm, kind: building, parent: campus}
meters:
  - {id: w-dorm, medium: water, node: dorm}
"""
FIRST = re.compile(r"administrator (\w+) with the one-time password (\S+)")
GIVEN = re.compile(r"one-time password (\S+)")
OWN = "quiet-river-4711"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def user(folder):
    return lambda *arguments: command_inside(folder, "user", *arguments, "--data", "data")


@contextmanager
def signed_in(url: str, name: str, password: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
        answer = client.post("/sign-in", data={"name": name, "password": password})
        assert answer.status_code == 303, answer.text
        yield client


def set_own_password(client: httpx.Client, given: str) -> None:
    found = re.search(r'name="csrf" value="(\w+)"', client.get("/account").text)
    assert found
    fields = {"csrf": found[1], "old": given, "new": OWN, "again": OWN}
    assert client.post("/account/password", data=fields).status_code == 303


def test_run_makes_one_administrator_and_never_again(folder):
    arguments = ("run", "--site", "site.yaml", "--data", "data", "--port", "0")
    running = Served(folder, *arguments)
    try:
        running.ready()
        ((name, given),) = FIRST.findall("".join(running.lines))
        assert httpx.get(f"{running.url}/alerts", trust_env=False).status_code == 401
        with signed_in(running.url, name, given) as client:
            assert client.get("/api/v1/alerts").status_code == 403
            set_own_password(client, given)
            assert client.get("/api/v1/alerts").status_code == 200
        # While it runs, from the machine itself.
        added = aquavolt_command(folder, "user", "add", "guard", "--role", "duty_guard", "--data", "data")
        with signed_in(running.url, "guard", GIVEN.findall(added.out)[0]) as guard:
            assert guard.get("/account").status_code == 200
    finally:
        assert running.stop() == 0
    again = Served(folder, *arguments)
    try:
        again.ready()
        assert not FIRST.findall("".join(again.lines))
        with signed_in(again.url, name, OWN) as client:
            assert client.get("/api/v1/alerts").status_code == 200
    finally:
        again.stop()


def test_another_address_than_loopback_waits_for_accounts(folder, user):
    # 127.0.0.2 reaches nobody else either, but is none of the addresses that are open without accounts.
    command = ("run", "--site", "site.yaml", "--data", "data", "--host", "127.0.0.2", "--port", "0")
    assert "there are no accounts yet" in aquavolt_command(folder, *command).message
    assert json.loads(user("list", "--json").out) == []
    user("add", "boss", "--role", "admin")
    running = Served(folder, *command)
    try:
        assert httpx.get(f"{running.url}/alerts", trust_env=False).status_code == 401
        assert not FIRST.findall("".join(running.lines))
    finally:
        assert running.stop() == 0


def test_users_from_the_command_line(user):
    assert GIVEN.findall(user("add", "Anna", "--role", "dorm_manager", "--node", "dorm").out)
    user("add", "bob", "--role", "maintainer")
    token = user("token", "anna", "--scope", "alerts.read", "--scope", "site.read", "--days", "30").out.strip()
    assert token.startswith("av_")
    (anna, bob) = json.loads(user("list", "--json").out)
    assert (anna["name"], anna["role"], anna["nodes"], anna["state"]) == ("anna", "dorm_manager", ["dorm"], "active")
    assert bob["nodes"] == ["*"]
    assert "anna: disabled" in user("disable", "anna", "--hand-to", "bob").out
    assert GIVEN.findall(user("enable", "anna").out)
    assert GIVEN.findall(user("password", "bob").out)
    assert "bob: deleted" in user("delete", "bob").out
    assert [a["state"] for a in json.loads(user("list", "--json").out)] == ["active", "deleted"]
    assert "whole site" in user("list").out


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("add", "anna", "--role", "maintainer", "--node", "attic"), ["site.yaml", "attic", "it has: campus, dorm"]),
        (("add", "a b", "--role", "maintainer"), ["1 to 40 letters"]),
        (("add", "anna", "--role", "admin", "--node", "dorm"), ["limited to no part"]),
        (("password", "nobody"), ["there is no account 'nobody'"]),
        (("disable", "boss"), ["last administrator"]),
        (("token", "boss", "--scope", "users.manage"), ["scopes", "alerts.read"]),
        (("token", "boss", "--scope", "alerts.read", "--days", "0"), ["1 to 730 days"]),
    ],
)
def test_what_cannot_be_is_one_clear_line(user, arguments, what):
    user("add", "boss", "--role", "admin")
    message = user(*arguments).message
    assert all(word in message for word in what), message


def test_the_demo_asks_for_accounts_when_told_to(tmp_path):
    demo = Served(tmp_path, "demo", "--login", "--data", "demo", "--port", "0")
    try:
        url = demo.url
        assert httpx.get(f"{url}/api/v1/alerts", trust_env=False).status_code == 401
        ((name, given),) = FIRST.findall("".join(demo.lines))
        with signed_in(url, name, given) as client:
            set_own_password(client, given)
            assert client.get("/users").status_code == 200
    finally:
        demo.stop()
