"""Passwords, sessions and the throttle: what lets in, for how long, and what slows a guesser down."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from alerts.users.errors import AccountRefusedError, ThrottledError, WrongPasswordError
from alerts.users.passwords import CHEAP
from alerts.users.roles import WHOLE_SITE, Permission, Role
from alerts.users.throttle import OF_ACCOUNT, OF_ADDRESS
from alerts.users.users import Users, users_of
from alerts.users.values import AccountAction, AccountState, Origin
from alerts.values import Actor

BOSS = Actor("boss", "10.0.0.1")
HERE, THERE = Origin("10.0.0.7", "phone"), Origin("10.0.0.8", "desk")
OWN = "quiet-river-4711"


@pytest.fixture
def users(records, clock) -> Users:
    return users_of(records.database, clock, CHEAP)


def settled(users: Users, name: str = "anna", role: Role = Role.MAINTAINER) -> str:
    """An account with a password of its own; the secret of its session."""
    given = users.accounts.add(name, role, [WHOLE_SITE], BOSS)
    return users.sessions.change_password(name, given, OWN, HERE).secret


def actions(users: Users, name: str | None = None) -> list[str]:
    return [e.action.value for e in reversed(users.accounts.history(name))]


def test_a_first_password_opens_nothing_but_its_own_change(users):
    given = users.accounts.add("Anna", Role.ADMIN, [WHOLE_SITE], BOSS)
    signed_in = users.sessions.sign_in("ANNA ", given, HERE)
    assert signed_in.account.permissions == {Permission.OWN_ACCOUNT}
    changed = users.sessions.change_password("anna", given, OWN, HERE)
    assert Permission.USERS_MANAGE in changed.account.permissions
    assert users.sessions.identify(signed_in.secret) is None
    with pytest.raises(WrongPasswordError):
        users.sessions.sign_in("anna", given, HERE)


def test_the_first_administrator_is_made_once(users):
    name, given = users.accounts.make_first_admin(BOSS) or ("", "")
    assert name == "admin"
    assert users.sessions.sign_in(name, given, HERE).account.role is Role.ADMIN
    assert users.accounts.make_first_admin(BOSS) is None
    other = users.accounts.add("other", Role.ADMIN, [WHOLE_SITE], BOSS)
    assert other != given
    users.leaving.leave("admin", AccountState.DELETED, BOSS)
    assert users.accounts.make_first_admin(BOSS) is None


def test_signing_in_gives_a_new_session_and_ends_the_browsers_old_one(users):
    first = settled(users)
    second = users.sessions.sign_in("anna", OWN, HERE, replaces=first)
    assert second.secret != first
    assert users.sessions.identify(first) is None
    assert users.sessions.identify(second.secret) is not None


def test_no_secret_is_stored(users, records):
    secret = settled(users)
    token, _ = users.tokens.make("anna", "probe", ["alerts.read"], 1, BOSS)
    with records.database.engine.connect() as connection:
        for table in ("accounts", "sessions", "tokens", "account_audit"):
            stored = str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())  # noqa: S608 - names from here
            assert not [s for s in (secret, token, OWN) if s in stored]


@pytest.mark.parametrize(
    ("role", "idle", "longest"), [(Role.MAINTAINER, timedelta(days=7), 30), (Role.ADMIN, timedelta(hours=12), 30)]
)
def test_a_session_ends_when_it_is_not_used_and_after_a_month(users, clock, role, idle, longest):
    secret = settled(users, role=role)
    clock.forward((idle - timedelta(seconds=1)).total_seconds())
    assert users.sessions.identify(secret) is not None
    clock.forward(idle.total_seconds())
    assert users.sessions.identify(secret) is None
    used = users.sessions.sign_in("anna", OWN, HERE).secret
    step = idle / 2
    end = clock.now + timedelta(days=longest)
    while clock.now + step < end:
        clock.forward(step.total_seconds())
        assert users.sessions.identify(used) is not None
    clock.forward((end - clock.now).total_seconds())  # in use, but over
    assert users.sessions.identify(used) is None


def test_sign_out_everywhere_but_here(users):
    here, there = settled(users), users.sessions.sign_in("anna", OWN, THERE).secret
    found = users.sessions.identify(here)
    assert found
    assert users.sessions.end_all("anna", BOSS, but=found[1].id) == 1
    assert users.sessions.identify(here) is not None
    assert users.sessions.identify(there) is None
    assert users.sessions.end_all("anna", BOSS) == 1
    assert users.sessions.identify(here) is None


def test_nobody_ends_anothers_session(users):
    settled(users)
    other = settled(users, "bob")
    session = users.sessions.list("bob")[0]
    with pytest.raises(Exception, match="ended already"):
        users.sessions.end("anna", session.id, BOSS)
    assert users.sessions.identify(other) is not None


# -- the throttle -----------------------------------------------------------------------------------------


def fail(users: Users, name: str = "anna", origin: Origin = HERE) -> None:
    with pytest.raises(WrongPasswordError):
        users.sessions.sign_in(name, "wrong-password", origin)


def test_after_some_wrong_passwords_not_even_the_right_one_is_looked_at(users, clock):
    settled(users)
    for _ in range(OF_ACCOUNT.free + 1):
        fail(users)
    for origin in (HERE, THERE):  # an account is guessed from many addresses
        with pytest.raises(ThrottledError) as caught:
            users.sessions.sign_in("anna", OWN, origin)
        assert caught.value.retry_after_s == OF_ACCOUNT.first_s
    clock.forward(OF_ACCOUNT.first_s - 1)
    with pytest.raises(ThrottledError):
        users.sessions.sign_in("anna", OWN, HERE)
    clock.forward(1)
    assert users.sessions.sign_in("anna", OWN, HERE)


def test_the_wait_doubles_up_to_its_most_and_a_success_begins_anew(users, clock):
    settled(users)
    for _ in range(OF_ACCOUNT.free):
        fail(users)
    waits = []
    for _ in range(8):
        fail(users)
        with pytest.raises(ThrottledError) as caught:
            users.sessions.sign_in("anna", "wrong-password", HERE)
        waits.append(caught.value.retry_after_s)
        clock.forward(caught.value.retry_after_s)
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    users.sessions.sign_in("anna", OWN, HERE)
    for _ in range(OF_ACCOUNT.free):
        fail(users)
    assert users.sessions.sign_in("anna", OWN, HERE)


def test_an_address_that_tries_many_accounts_is_slowed_down(users, clock):
    settled(users)
    for i in range(OF_ADDRESS.free + 1):
        fail(users, f"guess-{i}", THERE)
    with pytest.raises(ThrottledError):
        users.sessions.sign_in("anna", OWN, THERE)
    assert users.sessions.sign_in("anna", OWN, HERE)
    clock.forward(OF_ADDRESS.first_s)
    assert users.sessions.sign_in("anna", OWN, THERE)


def test_an_account_of_ones_own_buys_no_more_guesses_at_others(users):
    settled(users, "mallory")
    with pytest.raises(ThrottledError):  # noqa: PT012 - which of the tries it is does not matter
        for i in range(2 * OF_ADDRESS.free):
            fail(users, f"guess-{i}", THERE)
            users.sessions.sign_in("mallory", OWN, THERE)


def test_addresses_of_one_ipv6_network_count_as_one(users):
    settled(users)
    for i in range(OF_ADDRESS.free + 1):
        fail(users, f"guess-{i}", Origin(f"2001:db8:1:2::{i:x}"))
    with pytest.raises(ThrottledError):
        users.sessions.sign_in("anna", OWN, Origin("2001:db8:1:2:ffff::1"))
    assert users.sessions.sign_in("anna", OWN, Origin("2001:db8:1:3::1"))


def test_many_at_once_are_not_looked_at_for_the_price_of_one(users):
    settled(users)
    ends: list[str] = []

    def guess() -> None:
        try:
            users.sessions.sign_in("anna", "wrong-password", HERE)
        except (WrongPasswordError, ThrottledError) as error:
            ends.append(type(error).__name__)

    threads = [threading.Thread(target=guess) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends.count("WrongPasswordError") == OF_ACCOUNT.free + 1
    assert ends.count("ThrottledError") == 20 - OF_ACCOUNT.free - 1


def test_guesses_at_the_old_password_count_too(users):
    secret = settled(users)
    for _ in range(OF_ACCOUNT.free + 1):
        with pytest.raises(WrongPasswordError):
            users.sessions.change_password("anna", "wrong-password", "another-river-12", HERE)
    with pytest.raises(ThrottledError):
        users.sessions.change_password("anna", OWN, "another-river-12", HERE)
    assert users.sessions.identify(secret) is not None  # who is signed in stays so


def test_after_an_hour_it_is_forgotten(users, clock):
    settled(users)
    for _ in range(OF_ACCOUNT.free):
        fail(users)
    clock.forward(3601)
    for _ in range(OF_ACCOUNT.free):
        fail(users)
    assert users.sessions.sign_in("anna", OWN, HERE)


def test_an_administrators_new_password_opens_the_door_at_once(users):
    settled(users)
    for _ in range(OF_ACCOUNT.free + 1):
        fail(users)
    assert users.sessions.sign_in("anna", users.leaving.give_password("anna", BOSS), HERE)


# -- passwords and audit ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 201, "1234567890", "Password123", "aaaaaaaaaaaa", "abababababab", "maintenance1", "a\0" * 8, ""],
)
def test_a_password_that_is_among_the_first_tried_is_refused(users, password):
    given = users.accounts.add("maintenance", Role.MAINTAINER, [WHOLE_SITE], BOSS)
    with pytest.raises(AccountRefusedError):
        users.sessions.change_password("maintenance", given, password, HERE)


@pytest.mark.parametrize(
    "password", ["correct horse battery", "水电管理中心一二三四", "a b c d e f g", "ｗｉｄｅ-letters-1"]
)
def test_any_other_is_taken_in_whatever_form_it_is_typed(users, password):
    given = users.accounts.add("anna", Role.MAINTAINER, [WHOLE_SITE], BOSS)
    users.sessions.change_password("anna", given, password, HERE)
    assert users.sessions.sign_in("anna", password.replace("ｗｉｄｅ", "wide"), HERE)


@pytest.mark.parametrize("name", ["nobody", "", "\0", "\ud800", "x" * 10_000, "' OR 1=1 --"])
def test_no_name_breaks_the_door(users, name):
    fail(users, name)


def test_the_audit_says_who_what_when_and_from_where(users, clock):
    settled(users)
    fail(users)
    fail(users, "a-password-in-the-wrong-field")
    users.sessions.end_all("anna", BOSS)
    assert actions(users, "anna") == [
        "created", "password_changed", "signed_in", "sign_in_refused", "sessions_ended",
    ]  # fmt: skip
    created, changed = reversed(users.accounts.history("anna")[-2:])
    assert (created.actor, created.origin, created.at) == ("boss", "10.0.0.1", clock.now)
    assert (changed.actor, changed.origin) == ("anna", "10.0.0.7")
    assert "wrong-field" not in str(users.accounts.history())


@pytest.mark.parametrize("statement", ["UPDATE account_audit SET actor = 'x'", "DELETE FROM account_audit"])
def test_the_audit_cannot_be_rewritten(users, records, statement):
    settled(users)
    with pytest.raises(Exception, match="only ever added to"), records.database.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert AccountAction.CREATED in {e.action for e in users.accounts.history()}
