"""Identities of providers: one person is one account whoever is quicker, and departures that come back once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from alerts.users import departures
from alerts.users.departures import Departure
from alerts.users.errors import ProviderRefusal, ProviderRefusedError, UnknownAccountError, WrongPasswordError
from alerts.users.identities import Arrival, Grant
from alerts.users.passwords import CHEAP
from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.users import Users, users_of
from alerts.users.values import AccountAction, AccountState, Origin
from alerts.values import Actor

BOSS, HERE = Actor("boss", "10.0.0.1"), Origin("10.0.0.7", "phone")
GUARD, ADMIN = Grant(Role.DUTY_GUARD), Grant(Role.ADMIN)


@pytest.fixture
def users(records: Any, clock: Any) -> Users:
    return users_of(records.database, clock, CHEAP)


def arrival(subject: str = "0042", name: str = "zhang", grant: Grant | None = GUARD, **more: Any) -> Arrival:
    return Arrival("campus", "https://id.example.edu", subject, name, grant, **more)


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """The results of as many threads that begin together; what one raises is its result."""
    found: list[Any] = [None] * count
    gate = threading.Barrier(count)

    def run(i: int) -> None:
        gate.wait()
        try:
            found[i] = act(i)
        except Exception as error:  # noqa: BLE001 - it is looked at
            found[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def test_one_person_at_eight_browsers_for_the_first_time_is_one_account(users: Users) -> None:
    found = at_once(8, lambda _: users.identities.arrive(arrival(), HERE).account.name)
    assert found == ["zhang"] * 8
    assert len(users.sessions.list("zhang")) == 8
    assert [e.action for e in users.accounts.history("zhang")].count(AccountAction.IDENTITY_LINKED) == 1


def test_people_of_one_name_at_the_same_moment_are_as_many_accounts(users: Users) -> None:
    found = at_once(4, lambda i: users.identities.arrive(arrival(f"s{i}"), HERE).account.name)
    assert sorted(found) == ["zhang", "zhang@campus", "zhang@campus-2", "zhang@campus-3"]


def test_the_same_subject_of_another_issuer_is_another_person(users: Users) -> None:
    users.identities.arrive(arrival(), HERE)
    other = Arrival("town", "https://id.town.example", "0042", "zhang", GUARD)
    assert users.identities.arrive(other, HERE).account.name == "zhang@town"


def test_an_account_without_a_password_has_none_that_could_be_guessed(users: Users) -> None:
    users.identities.arrive(arrival(), HERE)
    for tried in ("", "zhang", "0042"):
        with pytest.raises(WrongPasswordError):
            users.sessions.sign_in("zhang", tried, HERE)


def test_a_session_from_there_ends_with_the_link(users: Users) -> None:
    here = users.accounts.add("zhang", Role.MAINTAINER, [WHOLE_SITE], BOSS)
    signed_in = users.sessions.sign_in("zhang", here, HERE)
    users.identities.link("zhang", arrival(is_role_ours=True), BOSS)
    there = users.identities.arrive(arrival(is_role_ours=True), HERE)
    (identity,) = users.identities.list("zhang")
    with pytest.raises(UnknownAccountError):
        users.identities.unlink("zhang", identity.id + 1, BOSS)
    users.identities.unlink("zhang", identity.id, BOSS)
    assert users.sessions.identify(there.secret) is None
    assert users.sessions.identify(signed_in.secret) is not None


def test_two_administrators_from_there_and_none_with_a_password(users: Users) -> None:
    """Of two, one may lose the role; the last keeps it; with a password beside them both may."""
    for subject in ("a", "b"):
        users.identities.arrive(arrival(subject, subject, ADMIN), HERE)
    assert users.identities.arrive(arrival("a", "a", GUARD), HERE).account.role is Role.DUTY_GUARD
    assert users.identities.arrive(arrival("b", "b", GUARD), HERE).account.role is Role.ADMIN
    assert users.identities.arrive(arrival("b", "b", None), HERE).account.role is Role.ADMIN
    users.accounts.add("boss", Role.ADMIN, [WHOLE_SITE], BOSS)
    assert users.identities.arrive(arrival("b", "b", GUARD), HERE).account.role is Role.DUTY_GUARD


def test_a_local_administrator_who_signs_in_there_keeps_the_role_as_the_last(users: Users) -> None:
    users.accounts.make_first_admin(BOSS)
    users.identities.link("admin", arrival(), BOSS)
    assert users.identities.arrive(arrival(grant=GUARD), HERE).account.role is Role.ADMIN
    assert users.identities.arrive(arrival(grant=None), HERE).account.role is Role.ADMIN
    users.identities.arrive(arrival("other", "other", ADMIN), HERE)  # has no password, so `admin` is still the last
    assert users.identities.arrive(arrival(grant=None), HERE).account.role is Role.ADMIN


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.DELETED])
def test_a_verified_address_does_not_bring_back_what_is_out_of_use(users: Users, state: AccountState) -> None:
    users.accounts.add("li@example.edu", Role.MAINTAINER, [WHOLE_SITE], BOSS)
    users.leaving.leave("li@example.edu", state, BOSS)
    came = arrival(name="li@example.edu", email="li@example.edu")
    if state is AccountState.DISABLED:
        with pytest.raises(ProviderRefusedError) as refused:
            users.identities.arrive(came, HERE)
        assert refused.value.refusal is ProviderRefusal.OUT_OF_USE
    else:  # a deleted one is gone: this is a new person's account
        assert users.identities.arrive(came, HERE).account.name == "li@example.edu@campus"


def test_a_departure_comes_back_once_in_its_browser_from_its_provider(users: Users) -> None:
    left = Departure("campus", "/alerts")
    users.departures.keep(left)
    assert users.departures.take("wecom", left.state, left.browser) is None
    assert users.departures.take("campus", left.state, "another") is None
    assert users.departures.take("campus", left.nonce, left.browser) is None
    found = at_once(6, lambda _: users.departures.take("campus", left.state, left.browser))
    (back,) = [one for one in found if one is not None]
    assert (back.nonce, back.verifier, back.back) == (left.nonce, left.verifier, "/alerts")


def test_departures_are_forgotten_and_never_fill_the_database(
    users: Users, records: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "_MOST", 20)

    def kept() -> int:
        with records.database.reading() as session:
            return int(session.execute(text("SELECT count(*) FROM departures")).scalar_one())

    for _ in range(50):
        users.departures.keep(Departure("campus", "/" + "x" * 9_000))
        clock.forward(1)
    assert kept() <= 20
    late = Departure("campus", "/")
    users.departures.keep(late)
    clock.forward(601)
    assert users.departures.take("campus", late.state, late.browser) is None
    users.departures.keep(Departure("campus", "/"))
    assert kept() == 1


def test_neither_state_nor_browser_stands_in_the_database(users: Users, records: Any) -> None:
    left = Departure("campus", "/")
    users.departures.keep(left)
    with records.database.reading() as session:
        row = session.execute(text("SELECT * FROM departures")).one()
    assert left.state not in map(str, row)
    assert left.browser not in map(str, row)
    assert left.state not in repr(left)
