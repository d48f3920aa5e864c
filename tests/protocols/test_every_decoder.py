"""Every decoder holds what `bench/fuzz_targets` asks of it: of right frames, of those turned wrong, of any bytes."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fuzz_targets import TARGETS, seeds

SEEDS = seeds()
# What fuzzing found once; each raised something else than the decoder's own error, or stated something unsound.
FOUND = {
    "csv": [b",flow_rate\n2,15\x0c", b"flow_rate,flow_rate\n1,2"],
    "lorawan": [
        bytes.fromhex(
            "0078266d010000564946203342ae00ff25100042ff78266d010000564946203342ae00ff25100042ff00000a0088"
            "d992ff13dfec000000ff25100042ff000000105b80105d5b80"
        )
    ],
    "json": [
        b'{"time": 17570605555555555555555555, "water_volume": 1}',
        b'{"time": -1e300, "water_volume": 1}',
        b'{"water_volume": 1, "": 2}',
    ],
}


def turned_wrong(data: bytes, draw: random.Random) -> bytes:
    """Bytes changed, left out, doubled or joined with another frame's, as a bad line or a bad sender does it."""
    raw = bytearray(data or b"\0")
    for _ in range(draw.randrange(1, 5)):
        at = draw.randrange(len(raw))
        kind = draw.randrange(5)
        if kind == 0:
            raw[at] = draw.randrange(256)
        elif kind == 1:
            raw[at] ^= 1 << draw.randrange(8)
        elif kind == 2 and len(raw) > 1:
            del raw[at : at + draw.randrange(1, 4)]
        elif kind == 3:
            raw[at:at] = draw.randbytes(draw.randrange(1, 6))
        else:
            raw[at:] = draw.choice(SEEDS)[:64]
        raw = raw or bytearray(b"\0")
    return bytes(raw)


@pytest.mark.parametrize("name", TARGETS)
def test_right_frames_and_right_frames_turned_wrong(name):
    draw = random.Random(20260301)  # noqa: S311
    for data in [*SEEDS, *FOUND.get(name, ())]:
        TARGETS[name](data)
        for _ in range(3):
            TARGETS[name](turned_wrong(data, draw))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=80) | st.text(max_size=60).map(str.encode))
def test_any_bytes(name, data):
    TARGETS[name](data)
