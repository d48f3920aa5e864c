"""Accounts of brokers: in the file, or in a variable where secrets come from the environment."""

from __future__ import annotations

import pytest

from aquavolt.config.documents import ConfigError
from aquavolt.config.settings import load_settings


def test_a_variable_holds_them_as_json() -> None:
    text = '{"127.0.0.1:1883": {"username": "collector", "password": "p"}}'
    account = load_settings(None, {"AQUAVOLT_BROKERS": text}).brokers["127.0.0.1:1883"]
    assert account.username == "collector"
    assert account.password is not None
    assert account.password.get_secret_value() == "p"


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "Expecting property name"), ("[]", "dictionary"), ('{"h:1": {"passwort": "p"}}', "unknown key")],
)
def test_what_is_wrong_in_it_is_told_by_its_name(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"AQUAVOLT_BROKERS: .*{said}"):
        load_settings(None, {"AQUAVOLT_BROKERS": text})
