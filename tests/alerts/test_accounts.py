"""Accounts, their tokens and how they go: nothing they held is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.users.errors import AccountConflictError, AccountRefusedError, UnknownAccountError, WrongPasswordError
from alerts.users.passwords import CHEAP
from alerts.users.roles import ROLE_PERMISSIONS, TOKEN_SCOPES, WHOLE_SITE, Permission, Role
from alerts.users.users import Users, users_of
from alerts.users.values import AccountState, Origin
from alerts.values import Action, Actor, AlertFilter, Outcome

BOSS = Actor("boss", "10.0.0.1")
HERE = Origin("10.0.0.7", "phone")


@pytest.fixture
def users(records, clock) -> Users:
    found = users_of(records.database, clock, CHEAP)
    found.accounts.add("boss", Role.ADMIN, [WHOLE_SITE], BOSS)
    return found


def add(users: Users, name: str, role: Role = Role.MAINTAINER, *nodes: str) -> str:
    return users.accounts.add(name, role, nodes or [WHOLE_SITE], BOSS)


@pytest.mark.parametrize("name", ["", "a b", "rules", "DEMO", "token", "x" * 41, "-x", "a:b", "\ud800", "a\0b"])
def test_a_name_that_is_none_is_refused(users, name):
    with pytest.raises(AccountRefusedError):
        add(users, name)


@pytest.mark.parametrize("name", ["王工", "a.b@campus", "20190042", "Ｄｕｔｙ"])
def test_names_as_people_have_them(users, name):
    given = add(users, name)
    assert users.sessions.sign_in(name, given, HERE)
    with pytest.raises(AccountRefusedError, match="not given twice"):
        add(users, name.upper())


def test_an_account_is_for_some_part_and_an_administrator_for_all(users):
    with pytest.raises(AccountRefusedError):
        users.accounts.add("x", Role.MAINTAINER, [], BOSS)
    with pytest.raises(AccountRefusedError, match="limited to no part"):
        add(users, "x", Role.ADMIN, "dorm-1")
    assert Permission.METRICS_READ in ROLE_PERMISSIONS[Role.AUDITOR]
    add(users, "x", Role.AUDITOR, "dorm-1")
    assert Permission.METRICS_READ not in users.accounts.change("x", Role.AUDITOR, ["dorm-1"], BOSS, 0).permissions


def test_two_who_change_an_account_at_once_do_not_overwrite_each_other(users):
    add(users, "anna")
    users.accounts.change("anna", Role.DUTY_GUARD, ["dorm-1"], BOSS, 0)
    with pytest.raises(AccountConflictError):
        users.accounts.change("anna", Role.AUDITOR, [WHOLE_SITE], BOSS, 0)
    assert users.accounts.get("anna").role is Role.DUTY_GUARD
    (change, _) = users.accounts.history("anna")
    assert change.detail["before"] == {"role": "maintainer", "nodes": [WHOLE_SITE]}
    assert change.detail["after"] == {"role": "duty_guard", "nodes": ["dorm-1"]}


def test_the_last_administrator_stays(users):
    with pytest.raises(AccountRefusedError, match="last administrator"):
        users.accounts.change("boss", Role.AUDITOR, [WHOLE_SITE], BOSS, 0)
    for state in (AccountState.DISABLED, AccountState.DELETED):
        with pytest.raises(AccountRefusedError, match="last administrator"):
            users.leaving.leave("boss", state, BOSS)
    add(users, "second", Role.ADMIN)
    users.leaving.leave("boss", AccountState.DISABLED, BOSS)
    with pytest.raises(AccountRefusedError, match="last administrator"):
        users.leaving.leave("second", AccountState.DISABLED, BOSS)


def test_who_is_disabled_is_out_at_once_and_may_come_back(users):
    given = add(users, "anna")
    secret = users.sessions.sign_in("anna", given, HERE).secret
    token, _ = users.tokens.make("anna", "probe", ["alerts.read"], 1, BOSS)
    users.leaving.leave("anna", AccountState.DISABLED, BOSS)
    assert users.sessions.identify(secret) is None
    assert users.tokens.identify(token) is None
    with pytest.raises(WrongPasswordError):
        users.sessions.sign_in("anna", given, HERE)
    again = users.leaving.enable("anna", BOSS)
    assert users.sessions.sign_in("anna", again, HERE)
    assert users.tokens.identify(token) is None  # what it had before is not back


def test_a_deleted_name_is_gone_but_never_given_again(users):
    add(users, "anna")
    users.leaving.leave("anna", AccountState.DELETED, BOSS)
    assert "anna" not in {a.name for a in users.accounts.list()}
    for act in (users.accounts.get, lambda n: users.leaving.enable(n, BOSS)):
        with pytest.raises(UnknownAccountError):
            act("anna")
    with pytest.raises(AccountRefusedError, match="not given twice"):
        add(users, "anna")


# -- the alerts of one who goes -----------------------------------------------------------------------------


@pytest.fixture
def held(users, records, rules) -> Users:
    """anna has two open alerts; a third she resolved, a fourth is over, a fifth is somebody else's."""
    for name in ("anna", "bob"):
        add(users, name)
    names = ("one", "two", "resolved", "over", "bobs")
    records.apply([rules.raised(n) for n in names], 1)
    for name in names:
        records.acknowledge(name, Actor("bob" if name == "bobs" else "anna"))
    records.resolve("resolved", Actor("anna"), Outcome.REPAIRED)
    records.apply([rules.cleared("over")], 2)
    return users


def test_what_somebody_has_is_shown(held):
    assert {a.id for a in held.leaving.held_by("Anna")} == {"one", "two"}


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.DELETED])
def test_alerts_of_one_who_goes_are_the_heirs(held, records, state):
    held.leaving.leave("anna", state, BOSS, heir="bob")
    assert {a.id for a in held.leaving.held_by("bob")} == {"one", "two", "bobs"}
    assert held.leaving.held_by("anna") == ()
    last = records.audit_of("one")[-1]
    assert (last.action, last.actor, last.origin) == (Action.HANDED_ON, "boss", "10.0.0.1")
    assert (last.detail["from"], last.detail["to"]) == ("anna", "bob")
    assert records.get_alert("resolved").resolved_by == "anna"


def test_with_no_heir_they_wait_for_somebody_again(held, records):
    before = records.get_alert("one").version
    held.leaving.leave("anna", AccountState.DELETED, BOSS)
    waiting = records.find_alerts(AlertFilter(acknowledged=False)).items
    assert {a.id for a in waiting} == {"one", "two"}
    assert records.get_alert("one").version == before + 1
    assert records.acknowledge("one", Actor("bob")).acknowledged_by == "bob"


@pytest.mark.parametrize("heir", ["auditor", "anna", "disabled", "nobody"])
def test_an_heir_that_cannot_is_refused_and_nothing_happens(held, records, heir):
    given = add(held, "auditor", Role.AUDITOR)
    held.sessions.change_password("auditor", given, "quiet-river-4711", HERE)
    add(held, "disabled")
    held.leaving.leave("disabled", AccountState.DISABLED, BOSS)
    with pytest.raises((AccountRefusedError, UnknownAccountError)):
        held.leaving.leave("anna", AccountState.DELETED, BOSS, heir=heir)
    assert held.accounts.get("anna").state is AccountState.ACTIVE
    assert records.get_alert("one").acknowledged_by == "anna"


# -- tokens ---------------------------------------------------------------------------------------------------


def test_a_token_lets_in_until_it_is_over_or_revoked(users, clock):
    add(users, "anna")
    secret, info = users.tokens.make("anna", "gateway", ["alerts.read"], 2, BOSS)
    found = users.tokens.identify(secret)
    assert found
    assert found[1].scopes == {Permission.ALERTS_READ}
    assert secret not in repr(users.tokens.list("anna"))
    assert users.tokens.list("anna")[0].used_at == clock.now
    clock.forward(timedelta(days=2).total_seconds() - 1)
    assert users.tokens.identify(secret)
    clock.forward(1)
    assert users.tokens.identify(secret) is None
    other, info = users.tokens.make("anna", "gateway", ["alerts.read"], 2, BOSS)
    users.tokens.revoke("anna", info.id, BOSS)
    assert users.tokens.identify(other) is None


@pytest.mark.parametrize("wrong", ["", "av_", "av_x", "nonsense", "\ud800"])
def test_no_other_text_is_a_token(users, wrong):
    assert users.tokens.identify(wrong) is None


@pytest.mark.parametrize(
    "scopes", [[], ["users.manage"], ["own_account"], ["nonsense"], ["alerts.read", "metrics.read"]]
)
def test_a_token_has_no_scope_that_its_account_has_not(users, scopes):
    add(users, "anna")
    with pytest.raises(AccountRefusedError, match="scopes"):
        users.tokens.make("anna", "x", scopes, 1, BOSS)


@pytest.mark.parametrize(("label", "days"), [("", 1), ("x" * 61, 1), ("a\0b", 1), ("x", 0), ("x", 731), ("x", -1)])
def test_a_token_has_a_name_and_an_end(users, label, days):
    with pytest.raises(AccountRefusedError):
        users.tokens.make("boss", label, ["alerts.read"], days, BOSS)


def test_nobody_revokes_anothers_token(users):
    add(users, "anna")
    _, info = users.tokens.make("boss", "x", ["alerts.read"], 1, BOSS)
    with pytest.raises(UnknownAccountError):
        users.tokens.revoke("anna", info.id, BOSS)


def test_an_account_has_a_bounded_number_of_tokens(users):
    for _ in range(50):
        users.tokens.make("boss", "x", ["alerts.read"], 1, BOSS)
    with pytest.raises(AccountRefusedError, match="at most"):
        users.tokens.make("boss", "x", ["alerts.read"], 1, BOSS)


def test_no_scope_opens_an_account():
    assert not {s for s in TOKEN_SCOPES if s.value.startswith("users") or "." not in s.value}
