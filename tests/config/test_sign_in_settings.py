"""Providers of sign-in in the settings: what is wrong is told by line, key and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from alerts.users.roles import Role
from aquavolt.config.documents import ConfigError
from aquavolt.config.settings import Settings, load_settings
from aquavolt.sign_in.mapping import claim_of, grant_of
from aquavolt.sign_in.places import unknown_places
from aquavolt.sign_in.settings import RoleGrant, RoleRule
from metering.site_document import parse_site

OIDC = """
public_url: https://water.example.edu
sign_in:
  - kind: oidc
    id: campus
    label: 统一身份认证
    issuer: https://id.example.edu/realms/campus
    client_id: aquavolt
    client_secret: in-the-file
    roles:
      - {claim: groups, value: water-admins, role: admin}
      - {claim: groups, value: dorm-3, role: dorm_manager, nodes: [dorm-3]}
"""
SITE = parse_site({"site": {"id": "s", "timezone": "Asia/Shanghai"}, "nodes": [{"id": "dorm-1", "kind": "building"}]})


def load(folder: Path, text: str, **environment: str) -> Settings:
    path = folder / "aquavolt.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environment)


def secret_of(settings: Settings) -> str:
    (way,) = settings.sign_in
    assert way.secret is not None
    return way.secret.get_secret_value()


def test_a_provider_in_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, OIDC)
    (way,) = settings.sign_in
    assert (way.kind, way.shown, way.roles[1].nodes) == ("oidc", "统一身份认证", ("dorm-3",))
    assert secret_of(settings) == "in-the-file"
    assert "in-the-file" not in repr(settings)


def test_its_secret_may_stand_in_a_variable(tmp_path: Path) -> None:
    text = OIDC.replace("    client_secret: in-the-file\n", "")
    assert secret_of(load(tmp_path, text, AQUAVOLT_SIGN_IN_SECRETS='{"campus": "from-outside"}')) == "from-outside"


@pytest.mark.parametrize(
    ("kind", "more"),
    [("wecom", "corp_id: ww1, agent_id: 1000002"), ("dingtalk", "corp_id: ding1, client_id: dingabc")],
)
def test_wecom_and_dingtalk_take_it_too(tmp_path: Path, kind: str, more: str) -> None:
    text = f"public_url: https://water.example.edu\nsign_in: [{{kind: {kind}, id: ours, {more}}}]\n"
    settings = load(tmp_path, text, AQUAVOLT_SIGN_IN_SECRETS='{"ours": "s"}')
    assert secret_of(settings) == "s"
    assert settings.sign_in[0].shown in {"企业微信", "钉钉"}


@pytest.mark.parametrize(
    ("line", "old", "new", "said"),
    [
        (7, "issuer: https://", "issuer: http://", "it must be like https://host"),
        (5, "id: campus", "id: Ü", "begin with a letter or digit"),
        (11, "role: admin}", "role: emperor}", "Input should be 'admin'"),
        (11, "role: admin}", "role: admin, nodes: [dorm-3]}", "an administrator is limited to no part of the site"),
        (4, "kind: oidc", "kind: saml", "does not match any of the expected tags"),
        (8, "client_id: aquavolt", "clientid: aquavolt", "unknown key"),
        (3, "    client_secret: in-the-file\n", "", "no secret for campus"),
        (3, "public_url: https://water.example.edu\n", "", "`public_url` is needed too"),
    ],
)
def test_what_is_wrong_is_told_by_line(tmp_path: Path, line: int, old: str, new: str, said: str) -> None:
    assert old in OIDC
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, OIDC.replace(old, new))
    told = str(raised.value)
    assert said in told
    lines = [int(found) for found in re.findall(r"aquavolt\.yaml:(\d+): sign_in", told)]
    assert any(abs(found - line) <= 1 for found in lines), told


def test_two_of_one_id_and_a_secret_of_none_are_refused(tmp_path: Path) -> None:
    twice = OIDC + "  - {kind: wecom, id: campus, corp_id: a, agent_id: 1, secret: s}\n"
    with pytest.raises(ConfigError, match="twice: campus"):
        load(tmp_path, twice)
    with pytest.raises(ConfigError, match="no provider's `id`: campas"):
        load(tmp_path, OIDC, AQUAVOLT_SIGN_IN_SECRETS='{"campas": "s"}')


def test_a_place_that_the_site_does_not_have_is_found(tmp_path: Path) -> None:
    (told,) = unknown_places(load(tmp_path, OIDC), SITE)
    assert told == "sign_in.0.roles.1.nodes (campus): the site has no place 'dorm-3'"


def test_without_providers_nothing_is_asked_for(tmp_path: Path) -> None:
    assert load(tmp_path, "port: 8000\n").sign_in == ()


def rule(value: Any, role: str = "maintainer", *nodes: str, claim: str = "groups") -> RoleRule:
    more = {"nodes": nodes} if nodes else {}
    return RoleRule.model_validate({"claim": claim, "value": value, "role": role, **more})


@pytest.mark.parametrize(
    ("value", "claim", "does_fit"),
    [
        ("a", "a", True), ("a", ["b", "a"], True), ("a", "A", False), ("a", "ab", False), ("a", {"a": 1}, False),
        ("a", None, False), (7, "7", True), ("7", 7, True), (7, [1, 7], True), (True, True, True), (True, 1, False),
        (1, True, False), (True, "true", False), ("None", None, False),
    ],
)  # fmt: skip
def test_a_value_fits_as_it_is_and_in_a_list(value: Any, claim: Any, does_fit: bool) -> None:
    found = grant_of((rule(value),), None, {"groups": claim})
    assert (found is not None) is does_fit


def test_the_first_rule_gives_the_role_and_others_add_places() -> None:
    rules = (rule("a", "dorm_manager", "x"), rule("b", "admin"), rule("c", "dorm_manager", "y", "x"))
    found = grant_of(rules, None, {"groups": ["c", "b", "a"]})
    assert found is not None
    assert (found.role, found.nodes) == (Role.DORM_MANAGER, ("x", "y"))
    default = RoleGrant(role=Role.AUDITOR)
    other = grant_of(rules, default, {"groups": "z"})
    assert other is not None
    assert other.role is Role.AUDITOR


def test_a_claim_within_a_claim() -> None:
    claims = {"a": {"b": {"c": 1}}, "https://x.edu/roles": ["r"], "a.b": 2}
    assert claim_of(claims, "https://x.edu/roles") == ["r"]
    assert claim_of(claims, "a.b") == 2
    assert claim_of({"a": {"b": {"c": 1}}}, "a.b.c") == 1
    assert claim_of({"a": "text"}, "a.b") is None


@pytest.mark.parametrize("name", ["users.md", "users.zh-CN.md"])
def test_the_example_of_the_documents_is_taken(tmp_path: Path, name: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / name).read_text(encoding="utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    secrets = text.partition("AQUAVOLT_SIGN_IN_SECRETS='")[2].partition("'")[0]
    settings = load(tmp_path, example, AQUAVOLT_SIGN_IN_SECRETS=secrets)
    assert [way.id for way in settings.sign_in] == ["campus", "wecom"]
