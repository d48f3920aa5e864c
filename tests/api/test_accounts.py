"""Signing in, CSRF, cookies, one's own account and the accounts' pages, as a browser sees them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from signed_in import ADMIN, PASSWORD, person, sign_in, users_of

from alerts.users.errors import Refusal
from alerts.users.roles import TOKEN_SCOPES, WHOLE_SITE, Role
from alerts.users.throttle import OF_ACCOUNT
from alerts.users.values import AccountAction, AccountState
from alerts.values import Actor
from api.parts import Access
from api.web.account_words import ACTIONS, REFUSALS, ROLE_HINTS, ROLES, SCOPES, STATES

TEMPLATES = Path(__file__).parents[2] / "api" / "web" / "templates"
ONE_TIME = re.compile(r'av-secret">([^<]+)<')
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
ENGLISH = {"Accept": "text/html", "Accept-Language": "en"}


@pytest.fixture
def guarded(make):
    return make(access=Access())


@pytest.fixture
def boss(guarded):
    return person(guarded, "boss", Role.ADMIN)


def test_every_word_of_accounts_has_a_text():
    assert set(ROLES) == set(ROLE_HINTS) == set(Role)
    assert set(ACTIONS) == set(AccountAction)
    assert set(STATES) == set(AccountState)
    assert set(SCOPES) == set(TOKEN_SCOPES)
    assert set(REFUSALS) == set(Refusal)


# -- signing in --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/alerts?state=all", "/site/dorm-1", "/nothing"])
def test_who_is_not_signed_in_gets_the_form_and_comes_back(guarded, path):
    answer = guarded.client.get(path, headers=ENGLISH)
    assert answer.status_code == 303
    form = guarded.client.get(answer.headers["Location"], headers=ENGLISH)
    assert form.status_code == 200
    assert f'name="back" value="{path}"' in form.text
    person(guarded, "anna", Role.DUTY_GUARD)
    client = type(guarded.client)(guarded.app)
    signed_in = client.post("/sign-in", data={"name": "anna", "password": PASSWORD, "back": path})
    assert (signed_in.status_code, signed_in.headers["Location"]) == (303, path)
    assert client.get("/alerts").status_code == 200


def test_a_part_of_a_page_sends_the_whole_page_to_the_form(guarded):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1:8000/alerts?state=all"}
    answer = guarded.client.get("/alerts?state=all", headers=headers)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in?back=%2Falerts%3Fstate%3Dall")


def test_a_change_without_a_session_is_not_repeated_after_signing_in(guarded):
    answer = guarded.client.post("/alerts/leak/acknowledge", headers=ENGLISH)
    assert answer.status_code == 401
    assert 'name="back" value="/"' in answer.text


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "/\n/x"]
)
def test_signing_in_leads_nowhere_else(guarded, back):
    person(guarded, "anna", Role.DUTY_GUARD)
    answer = guarded.client.post("/sign-in", data={"name": "anna", "password": PASSWORD, "back": back})
    assert answer.headers["Location"] == "/"


def test_the_cookie_is_kept_from_scripts_and_other_sites(guarded):
    _, answer = sign_in(guarded, "anna", users_of(guarded).accounts.add("anna", Role.ADMIN, [WHOLE_SITE], ADMIN))
    cookie = answer.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie


def test_over_tls_the_cookie_never_travels_in_the_clear(guarded):
    person(guarded, "anna", Role.DUTY_GUARD)
    address = "https://127.0.0.1:8000/sign-in"
    answer = guarded.client.post(address, data={"name": "anna", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-aquavolt_session=")
    assert "secure" in cookie.lower()
    assert "max-age=" in answer.headers["Strict-Transport-Security"]


def test_a_wrong_password_says_nothing_about_the_account(guarded):
    person(guarded, "anna", Role.DUTY_GUARD)
    texts = set()
    for name in ("anna", "nobody"):
        client = type(guarded.client)(guarded.app)
        answer = client.post("/sign-in", data={"name": name, "password": "wrong"}, headers=ENGLISH)
        assert answer.status_code == 401
        assert "Set-Cookie" not in answer.headers
        texts.add(answer.text.replace(name, ""))
    assert len(texts) == 1


def test_too_many_say_how_long_to_wait(make):
    now = [NOW]
    served = make(access=Access(), now=lambda: now[0])
    person(served, "anna", Role.DUTY_GUARD)
    for _ in range(OF_ACCOUNT.free + 1):
        assert sign_in(served, "anna", "wrong")[1].status_code == 401
    _, answer = sign_in(served, "anna")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    now[0] += timedelta(seconds=30)
    assert sign_in(served, "anna")[1].status_code == 303


def test_signing_out_ends_the_session_for_whoever_has_its_cookie(guarded):
    someone = person(guarded, "anna", Role.DUTY_GUARD)
    kept = {"Cookie": f"aquavolt_session={someone.client._cookies['aquavolt_session']}"}
    assert someone.post("/sign-out").headers["Location"] == "/sign-in"
    assert guarded.client.get("/api/v1/alerts", headers=kept).status_code == 401


def test_a_name_is_shown_as_text(guarded):
    answer = guarded.client.post("/sign-in", data={"name": '"><script>alert(1)</script>', "password": "x"})
    assert "<script>alert" not in answer.text


# -- changes come from our own pages ------------------------------------------------------------------------


@pytest.mark.parametrize("csrf", [None, "", "0" * 64, "é"])
def test_a_form_without_the_sessions_mark_changes_nothing(guarded, csrf):
    someone = person(guarded, "anna", Role.DUTY_GUARD)
    fields = {} if csrf is None else {"csrf": csrf}
    assert someone.client.post("/alerts/leak/acknowledge", data=fields).status_code == 403
    answer = someone.client.post("/api/v1/alerts/leak/acknowledge", json={})
    assert answer.status_code == 403
    assert guarded.parts.records.get_alert("leak").acknowledged is False
    assert someone.post("/alerts/leak/acknowledge").status_code == 303
    assert guarded.parts.records.get_alert("leak").acknowledged_by == "anna"


def test_the_mark_of_another_session_is_none(guarded):
    anna, bob = person(guarded, "anna", Role.DUTY_GUARD), person(guarded, "bob", Role.DUTY_GUARD)
    assert anna.client.post("/alerts/leak/acknowledge", data={"csrf": bob.csrf()}).status_code == 403


def test_every_form_that_changes_something_carries_the_mark():
    forms = [
        (path.name, form)
        for path in TEMPLATES.glob("*.html")
        for form in re.findall(r'<form\b[^>]*method="post".*?</form>', path.read_text(encoding="utf-8"), re.DOTALL)
    ]
    assert len(forms) > 12
    # A link of a message needs no session: the link itself is what no other site knows. A report needs none either.
    assert {name for name, form in forms if not re.search(r"csrf\((user|marks)\)", form)} == {
        "sign_in.html", "linked.html", "report.html",
    }  # fmt: skip


def test_no_page_has_inline_script_or_style(guarded, boss):
    pages = ("/account", "/users", "/users/boss", "/users/audit", "/sign-in", "/nothing")
    for path in pages:
        text = boss.page(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|javascript:", text), path


# -- one's own account ----------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_works(guarded):
    someone = person(guarded, "anna", Role.ENERGY_MANAGER)
    page = someone.post("/account/tokens", name="gateway", days="30", scope=["alerts.read", "site.read"])
    (secret,) = ONE_TIME.findall(page.text)
    assert secret not in someone.page("/account").text
    headers = {"Authorization": f"Bearer {secret}"}
    assert guarded.client.get("/api/v1/alerts", headers=headers).status_code == 200
    assert guarded.client.get("/metrics", headers=headers).status_code == 403
    (token,) = users_of(guarded).tokens.list("anna")
    someone.post(f"/account/tokens/{token.id}/revoke")
    assert guarded.client.get("/api/v1/alerts", headers=headers).status_code == 401


def test_before_the_first_password_is_changed_no_token_is_made(guarded):
    given = users_of(guarded).accounts.add("anna", Role.ADMIN, [WHOLE_SITE], ADMIN)
    someone, _ = sign_in(guarded, "anna", given)
    assert someone.post("/account/tokens", name="x", days="30", scope=["alerts.read"]).status_code == 422
    assert users_of(guarded).tokens.list("anna") == ()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"old": "wrong", "new": "another-river-12", "again": "another-river-12"}, "not right"),
        ({"old": PASSWORD, "new": "another-river-12", "again": "other"}, "not the same"),
        ({"old": PASSWORD, "new": "short", "again": "short"}, "10 to 200 characters"),
        ({"old": PASSWORD, "new": PASSWORD, "again": PASSWORD}, "is the old one"),
    ],
)
def test_a_password_that_cannot_be_is_told_why(guarded, fields, text):
    someone = person(guarded, "anna", Role.DUTY_GUARD)
    someone.client.get("/language/en")
    answer = someone.post("/account/password", **fields)
    assert answer.status_code == 422
    assert text in answer.text
    assert sign_in(guarded, "anna")[1].status_code == 303


def test_another_browser_is_signed_out_from_here(guarded):
    someone = person(guarded, "anna", Role.DUTY_GUARD)
    other, _ = sign_in(guarded, "anna")
    assert other.client.get("/alerts").status_code == 200
    newest = users_of(guarded).sessions.list("anna")[0]
    assert someone.post(f"/account/sessions/{newest.id}/end").status_code == 303
    assert other.client.get("/alerts").status_code == 401
    assert someone.client.get("/alerts").status_code == 200


# -- the accounts' pages --------------------------------------------------------------------------------------


def test_an_account_is_made_used_changed_and_taken_away(guarded, boss):
    page = boss.post("/users", name="Wang", role="dorm_manager", node=["dorm-1"])
    (given,) = ONE_TIME.findall(page.text)
    assert given not in boss.page("/users").text
    wang, _ = sign_in(guarded, "wang", given)
    wang.post("/account/password", old=given, new=PASSWORD, again=PASSWORD)
    assert wang.client.get("/api/v1/meters/e-library").status_code == 404
    boss.post("/users/wang", role="dorm_manager", node=["library"], version="0")
    assert wang.client.get("/api/v1/meters/e-library").status_code == 200
    stale = boss.post("/users/wang", role="auditor", node=["*"], version="0")
    assert stale.status_code == 409
    wang.post("/alerts/dead/acknowledge")
    assert '/alerts/dead"' in boss.page("/users/wang").text
    assert boss.post("/users/wang/leave", to="disabled", version="1").status_code == 303
    assert wang.client.get("/alerts").status_code == 401
    assert guarded.parts.records.get_alert("dead").acknowledged is False


def test_only_one_who_sees_the_alerts_takes_them_over(guarded, boss):
    for name, node in (("anna", WHOLE_SITE), ("near", "dorm-1"), ("far", "library")):
        users_of(guarded).accounts.add(name, Role.DORM_MANAGER, [node], ADMIN)
    guarded.parts.records.acknowledge("leak", Actor("anna"))
    page = boss.page("/users/anna").text
    assert 'value="near"' in page
    assert 'value="far"' not in page
    assert boss.post("/users/anna/hand-on", heir="far").status_code == 422
    assert boss.post("/users/anna/hand-on", heir="near").status_code == 303
    assert guarded.parts.records.get_alert("leak").acknowledged_by == "near"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/users", {"name": "boss", "role": "auditor", "node": ["*"]}),
        ("/users", {"name": "x y", "role": "auditor", "node": ["*"]}),
        ("/users", {"name": "x", "role": "king", "node": ["*"]}),
        ("/users", {"name": "x", "role": "auditor", "node": ["nowhere"]}),
        ("/users", {"name": "x", "role": "admin", "node": ["dorm-1"]}),
        ("/users/boss", {"role": "auditor", "node": ["*"], "version": "0"}),
        ("/users/boss/leave", {"to": "deleted"}),
        ("/users/boss/enable", {}),
    ],
)
def test_what_cannot_be_is_told_on_the_page(guarded, boss, path, fields):
    answer = boss.post(path, **fields)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert [a.name for a in users_of(guarded).accounts.list()] == ["boss"]


def test_the_audit_is_on_a_page(boss):
    boss.post("/users", name="wang", role="dorm_manager", node=["dorm-1"])
    text = boss.client.get("/users/audit", headers=ENGLISH).text
    assert "account made" in text
    assert "password changed" in text
    assert "127.0.0.1" in text


def test_the_api_says_who_asks_who_there_is_and_what_happened(guarded, boss):
    users_of(guarded).accounts.add("wang", Role.DORM_MANAGER, ["dorm-1"], ADMIN)
    guarded.parts.records.acknowledge("leak", Actor("wang"))
    me = boss.client.get("/api/v1/account").json()
    assert (me["name"], me["role"], me["nodes"]) == ("boss", "admin", ["*"])
    assert "users.manage" in me["permissions"]
    (_, wang) = boss.client.get("/api/v1/users").json()["items"]
    assert (wang["name"], wang["open_alerts"], wang["must_change_password"]) == ("wang", ["leak"], True)
    page = boss.client.get("/api/v1/users/audit", params={"account": "Wang"}).json()
    assert [(e["action"], e["actor"]) for e in page["items"]] == [("created", "system")]
    assert page["next_before"] is None


def test_the_audit_comes_page_by_page(guarded, boss):
    for _ in range(users_of(guarded).accounts.page):
        users_of(guarded).sessions.end_all("boss", ADMIN, but=1)
        users_of(guarded).leaving.give_password("boss", ADMIN)
    auditor = person(guarded, "audit", Role.AUDITOR)
    seen, before = [], ""
    while before is not None:
        page = auditor.client.get(f"/api/v1/users/audit{f'?before={before}' if before else ''}").json()
        seen += [e["id"] for e in page["items"]]
        before = page["next_before"]
    assert len(seen) > users_of(guarded).accounts.page
    assert seen == sorted(set(seen), reverse=True)
    assert "?before=" in auditor.page("/users/audit").text


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_pages_are_in_the_readers_language(guarded, boss, language):
    boss.client.get(f"/language/{language}")
    for path, english, chinese in (
        ("/account", "Tokens for programs", "程序用令牌"),
        ("/users", "A new account", "新建账号"),
        ("/users/boss", "Take it out of use", "停止使用"),
    ):
        text = boss.client.get(path).text
        assert ((english in text), (chinese in text)) == ((True, False) if language == "en" else (False, True)), path


def test_who_may_not_is_told_so_on_a_page(guarded):
    someone = person(guarded, "anna", Role.DUTY_GUARD)
    answer = someone.client.get("/users", headers=ENGLISH)
    assert answer.status_code == 403
    assert "This is not open to you" in answer.text
    assert "Signed in as anna." in answer.text


def test_the_demo_stays_open_and_shows_who_else_would_see_what(served):
    assert served.client.get("/users").status_code == 200
    given = users_of(served).accounts.add("anna", Role.DORM_MANAGER, ["dorm-1"], ADMIN)
    someone, _ = sign_in(served, "anna", given)
    someone.post("/account/password", old=given, new=PASSWORD, again=PASSWORD)
    assert someone.client.get("/api/v1/alerts/dead").status_code == 404
    assert served.client.get("/api/v1/alerts/dead").status_code == 200
