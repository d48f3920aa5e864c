"""What the token of the settings opens: everything but accounts, or what is named."""

from __future__ import annotations

import pytest

from alerts.users.roles import TOKEN_SCOPES, Permission
from aquavolt.config.documents import ConfigError
from aquavolt.config.settings import load_settings
from aquavolt.http_server import access_of
from aquavolt.setup import Setup
from metering.site import Site
from rules.settings import RulesSettings

TOKEN = {"AQUAVOLT_TOKEN": "a-long-random-token"}


def opened(settings) -> set[str]:
    access = access_of(Setup(settings, Site("s", "S", "Asia/Shanghai", {}, {}), RulesSettings()))
    found = access.user_of_token("a-long-random-token")
    assert access.user_of_token("another-token") is None
    return {str(permission) for permission in found.permissions - {Permission.SIGNED_IN}}


def test_without_a_word_it_opens_all_that_a_token_may():
    assert opened(load_settings(None, TOKEN)) == set(TOKEN_SCOPES)
    assert not [scope for scope in TOKEN_SCOPES if scope.startswith("users.")]


@pytest.mark.parametrize("text", ["readings.write,metrics.read", " metrics.read,  readings.write "])
def test_a_variable_names_its_scopes(text):
    assert opened(load_settings(None, TOKEN | {"AQUAVOLT_TOKEN_SCOPES": text})) == {"readings.write", "metrics.read"}


def test_the_file_names_them_in_a_list(tmp_path):
    path = tmp_path / "aquavolt.yaml"
    path.write_text("token: a-long-random-token\ntoken_scopes: [alerts.read]\n", encoding="utf-8")
    assert opened(load_settings(path, {})) == {"alerts.read"}


def test_one_that_there_is_not_is_refused_with_its_line_and_those_that_there_are(tmp_path):
    path = tmp_path / "aquavolt.yaml"
    path.write_text("token: x\ntoken_scopes:\n  - alerts.read\n  - users.manage\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"yaml:4.*'users.manage' is no scope; allowed: alerts.read, ") as told:
        load_settings(path, {})
    assert "signed_in" not in str(told.value)
    with pytest.raises(ConfigError, match="AQUAVOLT_TOKEN_SCOPES"):
        load_settings(None, TOKEN | {"AQUAVOLT_TOKEN_SCOPES": "everything"})
    with pytest.raises(ConfigError, match="AQUAVOLT_TOKEN_SCOPES"):
        load_settings(None, TOKEN | {"AQUAVOLT_TOKEN_SCOPES": ""})
