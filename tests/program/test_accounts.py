"""The first administrator of `run` and `demo --login`, the address it may be served on, and `aquavolt user`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from cli import aquavolt_command, command_inside
from served import Served

from alerts.records import Records
from alerts.values import Actor
from metering.incident import Category, ChangeKind, Incident, IncidentChange, Severity

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


def raise_leak(folder: Path, holder: str | None = None) -> None:
    """A leak at the campus in the records, as the rules would write it."""
    records = Records(f"sqlite:///{folder / 'data' / 'records.db'}")
    try:
        at = np.datetime64("2026-11-20T00:00", "ms")
        leak = Incident(
            id="leak", rule="r", category=Category.LEAK, medium="water", subject="m", node="campus",
            severity=Severity.WARNING, detected_at=at, onset_at=at, closed_at=None, observed=1.0, expected=0.5,
            unit="m3/h", loss_rate=0.5, loss_total=1.0,
        )  # fmt: skip
        records.apply([IncidentChange(ChangeKind.RAISED, leak, at)], 1)
        if holder:
            records.acknowledge("leak", Actor(holder))
    finally:
        records.close()


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


def test_a_running_program_gives_alerts_only_to_accounts_that_see_them(folder, user):
    user("add", "boss", "--role", "admin")
    user("add", "guard", "--role", "duty_guard")
    user("add", "cai", "--role", "dorm_manager", "--node", "dorm")
    scopes = ("--scope", "alerts.handle", "--scope", "alerts.read")
    token = user("token", "boss", *scopes).out.strip()
    raise_leak(folder)
    running = Served(folder, "run", "--site", "site.yaml", "--data", "data", "--port", "0")
    try:
        running.ready()
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=running.url, trust_env=False, timeout=20, headers=headers) as client:
            given = {
                name: client.post("/api/v1/alerts/leak/assign", json={"assignee": name}).status_code
                for name in ("nobody", "cai", "guard")
            }
            assert given == {"nobody": 422, "cai": 422, "guard": 200}
            assert client.get("/api/v1/alerts/leak").json()["assigned_to"] == "guard"
    finally:
        assert running.stop() == 0


def test_alerts_are_handed_to_nobody_who_could_not_see_them(user, folder):
    """Held at the dormitory: an account of another part, an auditor and the leaving one itself take nothing over."""
    user("add", "boss", "--role", "admin")
    for name, role, node in (("anna", "maintainer", "dorm"), ("cai", "dorm_manager", "dorm"), ("lee", "auditor", None)):
        user("add", name, "--role", role, *(("--node", node) if node else ()))
    user("add", "bob", "--role", "maintainer", "--node", "dorm")
    raise_leak(folder, holder="anna")
    for heir in ("bob", "cai", "lee", "anna"):
        assert "cannot take these alerts over" in user("disable", "anna", "--hand-to", heir).message, heir
    assert "1 open alerts are now boss's" in user("disable", "anna", "--hand-to", "boss").out


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
