"""Profiles of meters that answer in frames: they load, and their vectors decode to their own points."""

from __future__ import annotations

import pytest

from collector.decode_payload import decode_payload
from collector.line.plan import identifiers_of
from device_profiles import FrameProfile, load_profile

PROFILES = [load_profile(n) for n in ("dlt645-2007", "dlt645-1997", "cjt188-water", "cjt188-heat", "mbus")]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.id)
def test_its_vectors_decode(profile: FrameProfile) -> None:
    assert profile.tests
    for test in profile.tests:
        found = {v.quantity: v.value for v in decode_payload(profile, (test.frame or "").encode()).values}
        assert test.expect.items() <= found.items()


def test_a_block_is_asked_for_once() -> None:
    profile = PROFILES[0]
    assert isinstance(profile, FrameProfile)
    asked = identifiers_of(list(profile.points))
    assert len(asked) == len(set(asked))
    assert asked[0] == 0x00010000
