"""Signing in with WeCom and DingTalk, against a process that speaks their documented endpoints.

What the real services do beyond their documentation is not tested: they cannot be reached from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from provider import PAGE, Provider, Traveller, start
from signed_in import users_of

from alerts.users.roles import WHOLE_SITE, Role
from api.parts import Access
from api.sign_in import SignInWays

IN_WECOM = {"User-Agent": "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 wxwork/4.1.36 MicroMessenger/7.0.1"}
WECOM_RULES = [
    {"claim": "department", "value": 7, "role": "dorm_manager", "nodes": ["dorm-1"]},
    {"claim": "userid", "value": "LiSi", "role": "maintainer"},
]
DINGTALK_RULES = [
    {"claim": "roles", "value": "水电主管", "role": "energy_manager"},
    {"claim": "dept_id_list", "value": 7, "role": "dorm_manager", "nodes": ["dorm-1"]},
]


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
def app(make: Callable[..., Any], provider: Provider) -> Iterator[Any]:
    ways = SignInWays((provider.wecom(roles=WECOM_RULES), provider.dingtalk(roles=DINGTALK_RULES)), PAGE)
    yield make(access=Access(), sign_in=ways)
    ways.close()


def browser(served: Any) -> Traveller:
    return Traveller(type(served.client)(served.app))


def asked_of(answer: Any) -> tuple[str, dict[str, str]]:
    parts = urlsplit(answer.headers["Location"])
    return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}


def test_wecom_is_asked_as_its_documentation_says(app: Any) -> None:
    path, asked = asked_of(browser(app).leave("wecom"))
    assert path == "/wwlogin/sso/login"
    assert asked["redirect_uri"] == f"{PAGE}/sign-in/with/wecom/back"
    assert (asked["login_type"], asked["appid"], asked["agentid"]) == ("CorpApp", "ww-corp", "1000002")
    assert asked["state"].isalnum()
    assert len(asked["state"]) <= 128


def test_inside_of_wecom_nobody_scans_anything(app: Any, provider: Provider) -> None:
    left = browser(app).leave("wecom", headers=IN_WECOM)
    path, asked = asked_of(left)
    assert path == "/connect/oauth2/authorize"
    assert (asked["scope"], asked["response_type"], asked["appid"]) == ("snsapi_base", "code", "ww-corp")
    assert left.headers["Location"].endswith("#wechat_redirect")
    provider.is_me("LiSi")
    me = browser(app)
    address = me.leave("wecom", headers=IN_WECOM).headers["Location"]
    assert me.client.get(me.at_provider(address)).status_code == 303
    assert me.who() == "lisi"


@pytest.mark.parametrize(
    ("user", "claims", "role", "nodes"),
    [
        ("ZhangSan", {"name": "张三", "department": [1, 7]}, Role.DORM_MANAGER, ("dorm-1",)),
        ("LiSi", {"name": "李四", "department": [2]}, Role.MAINTAINER, (WHOLE_SITE,)),
        ("LiSi", {"hidden": True}, Role.MAINTAINER, (WHOLE_SITE,)),
    ],
)
def test_a_member_in_wecom(app: Any, provider: Provider, user: str, claims: Any, role: Role, nodes: Any) -> None:
    provider.is_me(user, **claims)
    me = browser(app)
    assert me.sign_in("wecom").status_code == 303
    account = users_of(app).accounts.get(user)
    assert (account.role, account.nodes) == (role, nodes)
    (identity,) = users_of(app).identities.list(account.name)
    assert (identity.issuer, identity.subject) == ("wecom:ww-corp", user)


@pytest.mark.parametrize(("subject", "role"), [("manager4220", Role.ENERGY_MANAGER), ("user-7", Role.DORM_MANAGER)])
def test_a_member_in_dingtalk(app: Any, provider: Provider, subject: str, role: Role) -> None:
    roles = [{"id": 1, "name": "水电主管", "group_name": "后勤"}] if role is Role.ENERGY_MANAGER else []
    provider.is_me(subject, name="王五", dept_id_list=[7], role_list=roles)
    left = browser(app).leave("dingtalk")
    path, asked = asked_of(left)
    assert path == "/oauth2/auth"
    assert (asked["client_id"], asked["scope"], asked["prompt"]) == ("ding-app", "openid", "consent")
    me = browser(app)
    assert me.sign_in("dingtalk").status_code == 303
    assert users_of(app).accounts.get(subject).role is role
    (identity,) = users_of(app).identities.list(subject)
    assert (identity.issuer, identity.subject) == ("dingtalk:ww-corp", f"union-{subject}")


@pytest.mark.parametrize("way", ["wecom", "dingtalk"])
def test_who_is_none_of_the_organisation_is_not_let_in(app: Any, provider: Provider, way: str) -> None:
    provider.is_me("LiSi", "outsider", dept_id_list=[7])
    me = browser(app)
    answer = me.sign_in(way, headers={"Accept-Language": "zh-CN"})
    assert answer.status_code == 403
    assert "不是本单位成员" in answer.text
    assert users_of(app).accounts.list() == ()


@pytest.mark.parametrize("way", ["wecom", "dingtalk"])
def test_who_says_no_is_not_let_in(app: Any, provider: Provider, way: str) -> None:
    me = browser(app)
    left = me.leave(way).headers["Location"]
    assert me.client.get(me.at_provider(f"{left}&person=-")).status_code == 403


@pytest.mark.parametrize(("way", "status"), [("wecom", 403), ("dingtalk", 502)])
def test_a_code_is_taken_once(app: Any, provider: Provider, way: str, status: int) -> None:
    provider.is_me("LiSi", dept_id_list=[7])
    first, second = browser(app), browser(app)
    used = first.there(way)
    assert first.client.get(used).status_code == 303
    state = parse_qs(urlsplit(second.there(way)).query)["state"][0]
    mine = parse_qs(urlsplit(used).query)["state"][0]
    assert second.client.get(used.replace(mine, state)).status_code == status
    assert second.who() is None


@pytest.mark.parametrize("way", ["wecom", "dingtalk"])
def test_a_forged_state_is_no_answer(app: Any, provider: Provider, way: str) -> None:
    provider.is_me("LiSi", dept_id_list=[7])
    me = browser(app)
    path = me.there(way)
    mine = parse_qs(urlsplit(path).query)["state"][0]
    assert me.client.get(path.replace(mine, "0" * 64)).status_code == 400


@pytest.mark.parametrize("way", ["wecom", "dingtalk"])
def test_an_answer_for_one_provider_is_none_for_another(app: Any, provider: Provider, way: str) -> None:
    provider.is_me("LiSi", dept_id_list=[7])
    me = browser(app)
    path = me.there(way)
    other = "dingtalk" if way == "wecom" else "wecom"
    assert me.client.get(path.replace(f"/with/{way}/", f"/with/{other}/")).status_code == 400


@pytest.mark.parametrize("way", ["wecom", "dingtalk"])
def test_the_applications_token_is_kept_and_fetched_anew_when_it_is_over(
    app: Any, provider: Provider, way: str
) -> None:
    provider.is_me("LiSi", dept_id_list=[7])
    before = provider.told()["fetched"]
    for _ in range(3):
        assert browser(app).sign_in(way).status_code == 303
    assert provider.told()["fetched"] == before + 1
    provider.told(faults=["stale_token"])
    assert browser(app).sign_in(way).status_code == 303
    assert provider.told()["fetched"] == before + 2


def test_one_that_is_asked_too_often_takes_nobody_anything_away(app: Any, provider: Provider) -> None:
    provider.is_me("LiSi2", department=[7])
    me = browser(app)
    assert me.sign_in("wecom").status_code == 303
    provider.told(faults=["busy"])
    assert browser(app).sign_in("wecom").status_code == 503
    assert me.who() == "lisi2"


@pytest.mark.parametrize("way", ["wecom", "dingtalk"])
def test_a_wrong_secret_is_said(make: Any, provider: Provider, way: str) -> None:
    wrong = provider.wecom(secret="x") if way == "wecom" else provider.dingtalk(client_secret="x")
    ways = SignInWays((wrong,), PAGE)
    served = make(access=Access(), sign_in=ways)
    provider.is_me("LiSi")
    answer = browser(served).sign_in(way, headers={"Accept-Language": "en"})
    ways.close()
    assert answer.status_code == 502
    assert "look at the settings" in answer.text


@pytest.mark.parametrize("fault", ["down", "no_json"])
@pytest.mark.parametrize("way", ["wecom", "dingtalk"])
def test_one_that_goes_down_in_between_is_said(app: Any, provider: Provider, way: str, fault: str) -> None:
    provider.is_me("LiSi", dept_id_list=[7])
    me = browser(app)
    path = me.there(way)
    provider.told(faults=[fault])
    assert me.client.get(path).status_code == 503
    provider.told(faults=[])
    assert browser(app).sign_in(way).status_code == 303


def test_the_same_id_in_two_organisations_is_two_people(make: Any, provider: Provider) -> None:
    ways = SignInWays((provider.wecom(roles=WECOM_RULES), provider.dingtalk(roles=DINGTALK_RULES)), PAGE)
    served = make(access=Access(), sign_in=ways)
    provider.is_me("LiSi", dept_id_list=[7], department=[7])
    first, second = browser(served), browser(served)
    first.sign_in("wecom")
    second.sign_in("dingtalk")
    ways.close()
    assert (first.who(), second.who()) == ("lisi", "lisi@dingtalk")
