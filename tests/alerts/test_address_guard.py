"""Addresses that lead into the own network are refused, by literal, by name, and after every resolving."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from aquavolt.channels.address_guard import ForbiddenAddressError, checked_addresses
from aquavolt.channels.webhook import WebhookSettings

OWN = [
    "127.0.0.1", "10.1.2.3", "192.168.1.9", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104
    "::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", OWN)
def test_a_name_that_leads_inside_is_refused_even_beside_a_public_address(address):
    with pytest.raises(ForbiddenAddressError, match="allow_networks"):
        checked_addresses("hook.example", 443, (), lambda *_: ["8.8.8.8", address])


def test_allowed_networks_and_public_addresses_pass():
    allowed = (ip_network("10.0.0.0/8"),)
    assert checked_addresses("h", 1, allowed, lambda *_: ["10.1.2.3", "8.8.8.8"]) == ["10.1.2.3", "8.8.8.8"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1:8080"])
def test_a_literal_address_inside_is_refused_at_start(host):
    with pytest.raises(ValidationError, match="own network"):
        WebhookSettings.model_validate({"url": f"http://{host}/x"})
