"""Signing in at a provider of OpenID Connect that is a process of its own, over real sockets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from provider import PAGE, Provider, Traveller, start
from signed_in import ADMIN, PASSWORD, person, sign_in, users_of

from alerts.users.roles import WHOLE_SITE, Role
from alerts.users.values import AccountAction, AccountState
from alerts.values import Actor
from api.parts import Access, Rate, RateLimits
from api.rate_limits import Buckets
from api.sign_in import SignInWays

ZH, EN = {"Accept-Language": "zh-CN"}, {"Accept-Language": "en"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    provider = start(tmp_path_factory.mktemp("provider"))
    yield provider
    provider.child.stop()


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.told(persons={}, signed_in=None, faults=[])
    return running


@pytest.fixture
def app(make: Callable[..., Any], provider: Provider) -> Iterator[Callable[..., Any]]:
    """Our pages with the provider as one way in; `ways` may be others."""
    opened = []

    def build(*ways: Any, **parts: Any) -> Any:
        opened.append(SignInWays(ways or (provider.oidc(),), PAGE))
        return make(access=Access(), sign_in=opened[-1], **parts)

    yield build
    for each in opened:
        each.close()


def browser(served: Any) -> Traveller:
    return Traveller(type(served.client)(served.app))


def audited(served: Any, action: AccountAction) -> list[Any]:
    return [entry for entry in users_of(served).accounts.history() if entry.action is action]


@pytest.mark.parametrize(
    ("claims", "role", "nodes"),
    [
        ({"groups": ["staff", "water-admins"]}, Role.ADMIN, (WHOLE_SITE,)),
        ({"groups": "dorm-1"}, Role.DORM_MANAGER, ("dorm-1",)),
        ({"groups": ["library", "dorm-1"]}, Role.DORM_MANAGER, ("dorm-1", "library")),
        ({"realm_access": {"roles": ["plumber"]}}, Role.MAINTAINER, (WHOLE_SITE,)),
    ],
)
def test_the_claims_give_role_and_places(app: Any, provider: Provider, claims: Any, role: Role, nodes: Any) -> None:
    served = app()
    provider.is_me("0042", preferred_username="Zhang.San", **claims)
    me = browser(served)
    answer = me.sign_in(back="/alerts?state=all")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/alerts?state=all")
    assert me.who() == "zhang.san"
    account = users_of(served).accounts.get("zhang.san")
    assert (account.role, account.nodes, account.has_password) == (role, nodes, False)
    (linked,) = audited(served, AccountAction.IDENTITY_LINKED)
    assert linked.detail == {"provider": "campus", "issuer": provider.url, "subject": "0042"}
    assert linked.actor == "provider:campus"
    (identity,) = users_of(served).identities.list("zhang.san")
    assert (identity.issuer, identity.subject) == (provider.url, "0042")


def test_what_the_browser_is_sent_with(app: Any, provider: Provider) -> None:
    left = browser(app()).leave()
    address = left.headers["Location"]
    assert address.startswith(f"{provider.url}/authorize?response_type=code&client_id=aquavolt")
    for part in ("code_challenge_method=S256", "code_challenge=", "nonce=", "state=", "scope=openid"):
        assert part in address
    cookie = left.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_the_same_person_again_is_the_same_account_whatever_the_name(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", preferred_username="zhang", groups="dorm-1")
    browser(served).sign_in()
    provider.is_me("0042", preferred_username="zhang-wei", groups="dorm-1")
    me = browser(served)
    me.sign_in()
    assert me.who() == "zhang"
    assert [a.name for a in users_of(served).accounts.list()] == ["zhang"]


def test_another_person_with_the_name_of_an_account_here_never_gets_it(app: Any, provider: Provider) -> None:
    served = app()
    person(served, "boss", Role.ADMIN)
    for subject, name in (("0001", "boss@campus"), ("0002", "boss@campus-2")):
        provider.is_me(subject, preferred_username="boss", groups="dorm-1")
        me = browser(served)
        me.sign_in()
        assert me.who() == name
    assert users_of(served).accounts.get("boss").role is Role.ADMIN


@pytest.mark.parametrize(
    ("name", "made"), [("王 小二", "王-小二"), ("…", "campus"), ("system", "campus"), ("x" * 90, "x" * 40)]
)
def test_a_name_is_made_to_fit(app: Any, provider: Provider, name: str, made: str) -> None:
    provider.is_me("0042", preferred_username=name, groups="dorm-1")
    me = browser(app())
    me.sign_in()
    assert me.who() == made


def test_what_the_provider_takes_away_is_gone_at_the_next_sign_in_and_audited(app: Any, provider: Provider) -> None:
    served = app()
    person(served, "boss", Role.ADMIN)
    provider.is_me("0042", preferred_username="zhang", groups=["water-admins"])
    browser(served).sign_in()
    provider.is_me("0042", preferred_username="zhang", groups=["dorm-1"])
    browser(served).sign_in()
    assert users_of(served).accounts.get("zhang").role is Role.DORM_MANAGER
    (changed,) = audited(served, AccountAction.CHANGED)
    assert changed.actor == "provider:campus"
    assert changed.detail["before"]["role"] == "admin"
    assert changed.detail["after"] == {"role": "dorm_manager", "nodes": ["dorm-1"]}


def test_whom_the_provider_gives_no_role_any_more_is_out_everywhere(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", preferred_username="zhang", groups=["dorm-1"])
    first, second = browser(served), browser(served)
    first.sign_in()
    assert first.who() == "zhang"
    provider.is_me("0042", preferred_username="zhang")
    answer = second.sign_in(headers=ZH)
    assert answer.status_code == 403
    assert "没有角色" in answer.text
    assert first.who() is None


def test_whom_the_provider_gives_no_role_any_more_has_no_token_either(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", preferred_username="zhang", groups=["dorm-1"])
    me = browser(served)
    me.sign_in()
    secret, _ = users_of(served).tokens.make("zhang", "script", ["site.read"], 365, Actor("zhang", "test"))
    bearer = {"Authorization": f"Bearer {secret}"}
    assert me.client.get("/api/v1/nodes", headers=bearer).status_code == 200
    provider.is_me("0042", preferred_username="zhang")
    me.sign_in()
    assert browser(served).client.get("/api/v1/nodes", headers=bearer).status_code == 401


def test_one_address_that_only_ever_leaves_drives_out_nobody(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", preferred_username="zhang", groups=["dorm-1"])
    served.app.state.leaving = Buckets(RateLimits(writing=Rate(0.001, 2)))
    me = browser(served)
    assert me.sign_in().status_code == 303
    assert me.leave().status_code == 303
    refused = me.leave(headers=EN)
    assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)


@pytest.mark.parametrize("path", ["identities/{}/unlink", "sessions/{}/end", "tokens/{}/revoke"])
def test_a_number_that_no_database_counts_is_none(app: Any, provider: Provider, path: str) -> None:
    served = app()
    provider.is_me("0042", preferred_username="zhang", groups=["dorm-1"])
    me = browser(served)
    me.sign_in()
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', me.client.get("/account").text)
    assert csrf is not None
    for number in (2**53 + 1, 10**30):
        assert me.client.post(f"/account/{path.format(number)}", data={"csrf": csrf[1]}).status_code == 422


def test_an_unknown_claim_gives_nobody_anything(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", preferred_username="zhang", groups=["students"], realm_access="plumber")
    me = browser(served)
    answer = me.sign_in(headers=EN)
    assert answer.status_code == 403
    assert "have no role in AquaVolt" in answer.text
    assert me.who() is None
    assert users_of(served).accounts.list() == ()
    (entry,) = audited(served, AccountAction.PROVIDER_REFUSED)
    assert entry.detail == {"reason": "no_role"}


def test_a_default_role_is_for_those_whom_no_rule_fits(app: Any, provider: Provider) -> None:
    served = app(provider.oidc(default={"role": "duty_guard", "nodes": ["library"]}))
    provider.is_me("0042", preferred_username="zhang")
    browser(served).sign_in()
    account = users_of(served).accounts.get("zhang")
    assert (account.role, account.nodes) == (Role.DUTY_GUARD, ("library",))


def test_without_rules_roles_are_given_here(app: Any, provider: Provider) -> None:
    served = app(provider.oidc(roles=[], default={"role": "duty_guard"}))
    provider.is_me("0042", preferred_username="zhang")
    browser(served).sign_in()
    users_of(served).accounts.change("zhang", Role.MAINTAINER, [WHOLE_SITE], ADMIN, None)
    browser(served).sign_in()
    assert users_of(served).accounts.get("zhang").role is Role.MAINTAINER


def test_the_last_administrator_keeps_the_role_against_the_provider(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", preferred_username="zhang", groups=["water-admins"])
    browser(served).sign_in()
    for claims in ({"groups": ["dorm-1"]}, {}):
        provider.is_me("0042", preferred_username="zhang", **claims)
        me = browser(served)
        assert me.sign_in().status_code == 303
        assert users_of(served).accounts.get("zhang").role is Role.ADMIN
    assert len(audited(served, AccountAction.ROLE_KEPT)) == 2


def test_no_administrator_at_a_provider_replaces_the_last_one_with_a_password(app: Any, provider: Provider) -> None:
    served = app()
    person(served, "boss", Role.ADMIN)
    provider.is_me("0042", preferred_username="zhang", groups=["water-admins"])
    me = browser(served)
    me.sign_in()
    csrf = me.client.get("/account").text.partition('name="csrf" value="')[2].partition('"')[0]
    taken = me.client.post("/users/boss/leave", data={"csrf": csrf, "to": "disabled"})
    assert taken.status_code == 422
    assert users_of(served).accounts.get("boss").state is AccountState.ACTIVE


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.DELETED])
def test_an_account_that_is_out_of_use_stays_so(app: Any, provider: Provider, state: AccountState) -> None:
    served = app()
    provider.is_me("0042", preferred_username="zhang", groups=["dorm-1"])
    browser(served).sign_in()
    users_of(served).leaving.leave("zhang", state, ADMIN)
    me = browser(served)
    answer = me.sign_in(headers=ZH)
    assert answer.status_code == 403
    assert "已停用" in answer.text
    assert me.who() is None
    assert [a.state for a in users_of(served).accounts.list(with_deleted=True)] == [state]


def test_who_was_let_in_again_signs_in_there_without_the_one_time_password(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", preferred_username="zhang", groups=["dorm-1"])
    browser(served).sign_in()
    users_of(served).leaving.leave("zhang", AccountState.DISABLED, ADMIN)
    users_of(served).leaving.enable("zhang", ADMIN)
    me = browser(served)
    me.sign_in()
    assert me.client.get("/alerts", headers={"Accept": "text/html"}).status_code == 200


# -- what must not be believed ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        "audience", "issuer", "expired", "future", "nonce", "no_nonce", "foreign_key", "unsigned", "shared_secret",
        "other_userinfo", "access_token", "no_id_token",
    ],
)  # fmt: skip
def test_a_token_that_does_not_hold_lets_nobody_in(app: Any, provider: Provider, fault: str) -> None:
    served = app()
    provider.is_me("0042", fault, preferred_username="zhang", groups=["water-admins"])
    me = browser(served)
    answer = me.sign_in(headers=EN)
    assert answer.status_code == 502
    assert "cannot be trusted" in answer.text
    assert me.who() is None
    assert users_of(served).accounts.list() == ()
    (entry,) = audited(served, AccountAction.PROVIDER_REFUSED)
    assert entry.detail == {"reason": "untrusted"}
    provider.told(faults=[])
    assert browser(served).sign_in().status_code == 303


def test_a_forged_state_is_no_answer(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", groups=["dorm-1"])
    me = browser(served)
    path = me.there()
    forged = path.partition("state=")[0] + "state=" + "0" * 64
    assert me.client.get(forged).status_code == 400
    assert me.who() is None
    assert me.client.get(path).status_code == 303  # the true one still stands


def test_an_answer_in_another_browser_is_none(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", groups=["dorm-1"])
    thief, victim = browser(served), browser(served)
    path = thief.there()
    victim.leave()
    assert victim.client.get(path).status_code == 400
    assert victim.who() is None


def test_an_answer_is_taken_once(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", groups=["dorm-1"])
    me = browser(served)
    path = me.there()
    assert me.client.get(path).status_code == 303
    again = me.client.get(path, headers=ZH)
    assert again.status_code == 400
    assert "重新开始" in again.text
    assert len(users_of(served).sessions.list("0042")) == 1


def test_a_code_is_taken_once(app: Any, provider: Provider) -> None:
    """A code that was used already, in a sign-in of one's own."""
    served = app()
    provider.is_me("0042", groups=["dorm-1"])
    first, second = browser(served), browser(served)
    used = first.there()
    assert first.client.get(used).status_code == 303
    state = second.there().partition("state=")[2]
    replayed = used.partition("state=")[0] + f"state={state}"
    assert second.client.get(replayed).status_code == 502
    assert second.who() is None


def test_a_code_of_somebody_elses_sign_in_lacks_its_verifier(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", groups=["dorm-1"])
    victim, thief = browser(served), browser(served)
    stolen = victim.there()
    state = thief.there().partition("state=")[2]
    assert thief.client.get(stolen.partition("state=")[0] + f"state={state}").status_code == 502
    assert thief.who() is None


def test_an_answer_of_another_issuer_is_none(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", groups=["dorm-1"])
    me = browser(served)
    assert me.client.get(me.there() + "&iss=https%3A%2F%2Fevil.example").status_code == 502
    assert me.who() is None


def test_who_says_no_there_is_told_so(app: Any, provider: Provider) -> None:
    me = browser(app())
    left = me.leave().headers["Location"]
    answer = me.client.get(me.at_provider(f"{left}&person=-"), headers=ZH)
    assert answer.status_code == 403
    assert "统一身份认证" in answer.text


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_the_way_back_never_leads_elsewhere(app: Any, provider: Provider, back: str) -> None:
    provider.is_me("0042", groups=["dorm-1"])
    assert browser(app()).sign_in(back=back).headers["Location"] == "/"


def test_ten_minutes_later_it_is_too_late(app: Any, provider: Provider) -> None:
    now = [datetime(2026, 11, 23, 4, 0, tzinfo=UTC)]
    served = app(now=lambda: now[0])
    provider.is_me("0042", groups=["dorm-1"])
    me = browser(served)
    path = me.there()
    now[0] += timedelta(minutes=10, seconds=1)
    assert me.client.get(path).status_code == 400


# -- keys that change, and a provider that is down ----------------------------------------------------------------


def test_a_new_key_is_fetched_when_a_token_names_it(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", groups=["dorm-1"])
    assert browser(served).sign_in().status_code == 303
    provider.told(rotate=True)
    assert browser(served).sign_in().status_code == 303
    asked = provider.told()["asked"]
    assert asked.count("/keys") == 1
    assert asked.count("/.well-known/openid-configuration") == 0


def test_tokens_with_strange_keys_do_not_make_it_ask_again_and_again(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", "foreign_key", groups=["dorm-1"])
    for _ in range(4):
        assert browser(served).sign_in().status_code == 502
    assert provider.told()["asked"].count("/keys") <= 2


@pytest.mark.parametrize("headers", [ZH, EN])
@pytest.mark.parametrize("fault", ["down", "no_json", "redirects"])
def test_a_provider_that_is_down_leaves_the_other_ways_in(
    app: Any, provider: Provider, fault: str, headers: dict[str, str]
) -> None:
    served = app()
    person(served, "li", Role.MAINTAINER)
    provider.is_me("0042", fault, groups=["dorm-1"])
    answer = browser(served).leave(back="/alerts", headers=headers)
    assert answer.status_code == 503
    assert ("没有应答" if headers is ZH else "does not answer now") in answer.text
    assert 'name="password"' in answer.text
    assert 'value="/alerts"' in answer.text
    _, here = sign_in(served, "li", PASSWORD)
    assert here.status_code == 303


@pytest.mark.parametrize("fault", ["token_down", "keys_down", "down"])
def test_a_provider_that_goes_down_in_between_loses_nothing(app: Any, provider: Provider, fault: str) -> None:
    served = app()
    provider.is_me("0042", groups=["dorm-1"])
    me = browser(served)
    path = me.there(back="/site")
    provider.told(faults=[fault])
    answer = me.client.get(path)
    assert answer.status_code == 503
    assert "/sign-in/with/campus?back=/site" in answer.text
    assert users_of(served).accounts.list() == ()
    provider.told(faults=[])
    assert browser(app()).sign_in().status_code == 303


def test_a_process_that_ended_is_back_when_it_is_back(app: Any, tmp_path: Path) -> None:
    gone = start(tmp_path)
    ticks = [0.0]
    served = app(gone.oidc(lambda: ticks[0]))
    gone.child.stop()
    assert browser(served).leave().status_code == 503
    again = start(tmp_path, port=int(gone.url.rpartition(":")[2]))
    try:
        again.is_me("0042", groups=["dorm-1"])
        assert browser(served).leave().status_code == 503  # for some seconds nobody is made to wait
        ticks[0] += 6.0
        assert browser(served).sign_in().status_code == 303
    finally:
        again.child.stop()


def test_a_wrong_issuer_in_the_settings_is_found_before_anybody_leaves(app: Any, provider: Provider) -> None:
    served = app(provider.oidc(issuer=provider.url + "/"))
    assert browser(served).leave().status_code == 502


def test_a_wrong_secret_is_said(app: Any, provider: Provider) -> None:
    served = app(provider.oidc(client_secret="another"))
    provider.is_me("0042", groups=["dorm-1"])
    answer = browser(served).sign_in(headers=EN)
    assert answer.status_code == 502
    assert "look at the settings" in answer.text


# -- accounts that are here already -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_allowed", "is_verified", "name"),
    [(True, True, "li@example.edu"), (True, False, "li"), (True, "true", "li"), (False, True, "li")],
)
def test_an_address_links_only_where_it_is_verified_and_allowed(
    app: Any, provider: Provider, is_allowed: bool, is_verified: Any, name: str
) -> None:
    served = app(provider.oidc(link_verified_email=is_allowed, roles=[], default={"role": "duty_guard"}))
    person(served, "li@example.edu", Role.MAINTAINER)
    provider.is_me("0042", preferred_username="li", email="LI@example.edu", email_verified=is_verified)
    me = browser(served)
    me.sign_in()
    assert me.who() == name


def test_somebody_signed_in_here_links_the_own_account_and_ends_it_again(app: Any, provider: Provider) -> None:
    served = app(provider.oidc(roles=[]))
    li = person(served, "li", Role.MAINTAINER)
    provider.is_me("0042", preferred_username="whoever")
    assert li.client.post("/account/identities/campus", data={}).status_code == 403
    left = li.post("/account/identities/campus")
    address = left.text.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    answer = li.client.get(Traveller(li.client).at_provider(address))
    assert answer.headers["Location"] == "/account?notice=linked"
    other = browser(served)
    assert other.sign_in().status_code == 303
    assert other.who() == "li"
    (identity,) = users_of(served).identities.list("li")
    assert li.post(f"/account/identities/{identity.id}/unlink").status_code == 303
    assert other.who() is None
    assert browser(served).sign_in().status_code == 403


def test_an_identity_is_linked_with_one_account(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", preferred_username="zhang", groups=["dorm-1"])
    browser(served).sign_in()
    li = person(served, "li", Role.MAINTAINER)
    left = li.post("/account/identities/campus")
    address = left.text.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    assert li.client.get(Traveller(li.client).at_provider(address)).status_code == 403
    assert users_of(served).identities.list("li") == ()


def test_signing_out_here_signs_out_there(app: Any, provider: Provider) -> None:
    served = app()
    provider.is_me("0042", preferred_username="zhang", groups=["dorm-1"])
    me = browser(served)
    me.sign_in()
    csrf = me.client.get("/account").text.partition('name="csrf" value="')[2].partition('"')[0]
    answer = me.client.post("/sign-out", data={"csrf": csrf})
    address = answer.text.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    assert address.startswith(f"{provider.url}/sign-out?client_id=aquavolt")
    assert "id_token_hint=ey" in address
    assert me.at_provider(address) == "/sign-in"
    assert me.who() is None


def test_who_signed_in_with_a_password_only_leaves_this_page(app: Any, provider: Provider) -> None:
    li = person(app(), "li", Role.MAINTAINER)
    assert li.post("/sign-out").headers["Location"] == "/sign-in"


@pytest.mark.parametrize(("headers", "said"), [(ZH, "已关联外部登录"), (EN, "linked with a provider of sign-in")])
def test_an_administrator_sees_where_it_came_from(app: Any, provider: Provider, headers: Any, said: str) -> None:
    served = app()
    boss = person(served, "boss", Role.ADMIN)
    provider.is_me("0042", preferred_username="zhang", groups=["dorm-1"])
    browser(served).sign_in()
    provider.is_me("0042", preferred_username="zhang", groups=["library"])
    browser(served).sign_in()
    provider.is_me("0043", preferred_username="nobody")
    browser(served).sign_in()
    page = boss.client.get("/users/zhang", headers={**headers, "Accept": "text/html"}).text
    assert "统一身份认证: 0042" in page
    assert provider.url in page
    audit = boss.client.get("/users/audit", headers={**headers, "Accept": "text/html"})
    assert audit.status_code == 200
    for text in (said, "campus · 0042", "provider:campus", "图书馆"):
        assert text in audit.text
    assert ("没有角色" if headers is ZH else "no role") in audit.text


def test_the_form_offers_every_provider_in_the_readers_language(app: Any, provider: Provider) -> None:
    page = browser(app()).client.get("/sign-in?back=/site", headers=ZH).text
    assert "使用统一身份认证登录" in page
    assert 'href="/sign-in/with/campus?back=/site"' in page
    assert browser(app()).client.get("/sign-in/with/nobody").status_code == 404
