"""Reading a meter that says what its profile's vector says, over real sockets, terminals and a broker.

The other side is a bare socket that plays the vector's own bytes back, or another's broker: nothing of our simulators,
which would share our mistakes. Modbus registers are served in `test_every_profile.py` and `test_foreign_peers.py`.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from paho.mqtt.publish import single

from collector.read_meter import read_meter
from collector.read_value import ReadValue
from device_profiles import FrameProfile, JsonProfile, MessageProfile, list_profiles, load_profile
from device_profiles.schema import ProfileTest

ALL = [load_profile(name, allow_low_confidence=True) for name in list_profiles()]
PUBLISHED = [p for p in ALL if isinstance(p, JsonProfile | MessageProfile)]
PROTOCOLS = Path(__file__).parents[1] / "protocols"
DLT645 = yaml.safe_load((PROTOCOLS / "dlt645" / "vectors.yaml").read_text(encoding="utf-8"))
CJT188 = yaml.safe_load((PROTOCOLS / "cjt188" / "vectors.yaml").read_text(encoding="utf-8"))
MBUS = json.loads((PROTOCOLS / "mbus" / "vectors.json").read_text(encoding="utf-8"))["vectors"]
Answer = Callable[[bytes], bytes | None]
_READ, _READ_REPLY, _REFUSED = 0x11, 0x91, 0xD1


@asynccontextmanager
async def bare_socket(answer: Answer) -> AsyncIterator[str]:
    """A socket on which each question gets the bytes that `answer` finds for it."""

    class Session(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport
            sessions.append(transport)

        def data_received(self, data: bytes) -> None:
            if reply := answer(data):
                self.transport.write(reply)  # type: ignore[attr-defined]

    sessions: list[asyncio.BaseTransport] = []
    server = await asyncio.get_running_loop().create_server(Session, "127.0.0.1", 0)
    try:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for transport in sessions:
            transport.close()
        await server.wait_closed()


def read(profile: str, answer: Answer, address: str) -> list[ReadValue]:
    async def scene() -> list[ReadValue]:
        async with bare_socket(answer) as where:
            return await read_meter(profile, where, address, timeout_s=5)

    return asyncio.run(scene())


def stated(values: list[ReadValue]) -> dict[str, float | str]:
    found: dict[str, float | str] = {}
    for value in values:
        found.setdefault(value.quantity, value.value)
    return found


def agrees(found: dict[str, float | str], test: ProfileTest) -> bool:
    return all(
        math.isclose(found[name], value, rel_tol=1e-9) if isinstance(value, float) else found[name] == value
        for name, value in test.expect.items()
    )


# -- frames ----------------------------------------------------------------------------------------------


def dlt645_answers(frames: list[bytes]) -> Answer:
    """Replies by the identifier they carry; anything else is refused, by bytes put together here."""
    known = {}
    for frame in frames:
        body = frame[frame.index(0x68) :]
        if body[8] in {_READ_REPLY, 0x81}:
            known[bytes(body[10 : 10 + (4 if body[8] == _READ_REPLY else 2)])] = frame

    def answer(question: bytes) -> bytes:
        asked = question[question.index(0x68) :]
        width = 4 if asked[8] == _READ else 2
        if (reply := known.get(bytes(asked[10 : 10 + width]))) is not None:
            return reply
        refusal = asked[:8] + bytes([asked[8] | _REFUSED & 0xC0, 1, 0x02 + 0x33])
        return refusal + bytes([sum(refusal) & 0xFF, 0x16])

    return answer


def asked_of(profile: str) -> set[str | None]:
    loaded = load_profile(profile)
    assert isinstance(loaded, FrameProfile)
    return {p.read for p in loaded.points}


def meters_of_dlt645() -> dict[str, list[dict]]:
    """Vectors that answer a read, by edition and the meter that sent them."""
    meters: dict[str, list[dict]] = {}
    for vector in DLT645:
        frame = bytes.fromhex(vector["frame"])
        body = frame[frame.index(0x68) :] if 0x68 in frame else b""
        if vector.get("negative") or vector.get("value") is None or len(body) < 10 or "di" not in vector:
            continue
        edition = {_READ_REPLY: "2007", 0x81: "1997"}.get(body[8])
        # Other identifiers are read by `decode`; no poll asks for them.
        if edition and vector["di"] in asked_of(f"dlt645-{edition}"):
            meters.setdefault(f"dlt645-{edition} {body[1:7][::-1].hex()}", []).append(vector)
    return meters


@pytest.mark.parametrize("meter", meters_of_dlt645())
def test_a_dlt645_meter_of_the_vectors(meter: str) -> None:
    profile, address = meter.split()
    vectors = meters_of_dlt645()[meter]
    found = stated(read(profile, dlt645_answers([bytes.fromhex(v["frame"]) for v in vectors]), address))
    for vector in vectors:
        values = vector["value"] if isinstance(vector["value"], list) else [vector["value"]]
        assert set(values) <= set(found.values()), vector["name"]


def test_most_meters_of_the_vectors_are_read() -> None:
    assert len(meters_of_dlt645()) >= 10
    assert len(water_vectors()) >= 8
    assert len(mbus_vectors()) >= 45


def water_vectors() -> dict[str, tuple[bytes, float]]:
    """(bytes, cubic metres) of replies with a register."""
    found = {}
    for vector in CJT188:
        expected = vector.get("expected") or {}
        if "cumulative" in expected and not vector.get("negative"):
            litres = 1000 if expected.get("cumulative_unit") == "L" else 1
            found[vector["name"]] = (
                bytes.fromhex(vector.get("prefix", "") + vector["frame"]),
                expected["cumulative"] / litres,
            )
    return found


@pytest.mark.parametrize("name", water_vectors())
def test_a_cjt188_meter_of_the_vectors(name: str) -> None:
    frame, cubic_metres = water_vectors()[name]
    body = frame[frame.index(0x68) :]
    found = stated(read("cjt188-water", lambda _: frame, body[2:9][::-1].hex().upper()))
    register = "gas_volume" if body[1] & 0xF0 == 0x30 else "water_volume"
    assert found[register] == pytest.approx(cubic_metres)


def mbus_vectors() -> dict[str, tuple[bytes, int]]:
    """(telegram, how many numbers it states); application errors and alarms are no readings."""
    found = {}
    for vector in MBUS:
        frame = bytes.fromhex(vector["frame"])
        if frame[:1] == b"\x68" and frame[6] in {0x72, 0x73, 0x76, 0x77}:
            found[vector["name"]] = frame, sum(isinstance(r[2], int | float) for r in vector["records"])
    return found


@pytest.mark.parametrize("name", mbus_vectors())
def test_an_mbus_meter_of_the_vectors(name: str) -> None:
    frame, numbers = mbus_vectors()[name]
    unit = frame[5] if frame[5] <= 250 else 254
    assert len(read("mbus", mbus_answers(frame), str(unit))) >= numbers


def mbus_answers(frame: bytes) -> Answer:
    return lambda question: b"\xe5" if question[:2] == b"\x10\x40" else frame


@pytest.mark.parametrize("profile", [p for p in ALL if isinstance(p, FrameProfile)], ids=lambda p: p.id)
def test_each_vector_of_a_frame_profile(profile: FrameProfile) -> None:
    for test in profile.tests:
        frame = bytes.fromhex(test.frame or "")
        body = frame[frame.index(0x68) :]
        if profile.protocol == "dlt645":
            found = read(profile.id, dlt645_answers([frame]), body[1:7][::-1].hex())
        elif profile.protocol == "cjt188":
            found = read(profile.id, lambda _, f=frame: f, body[2:9][::-1].hex().upper())
        else:
            found = read(profile.id, mbus_answers(frame), str(body[5]))
        assert agrees(stated(found), test), test.name


# -- messages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "test"), [pytest.param(p, t, id=f"{p.id}: {t.name}") for p in PUBLISHED for t in p.tests]
)
def test_each_vector_of_a_published_profile(
    profile: JsonProfile | MessageProfile, test: ProfileTest, mosquitto_port: int
) -> None:
    payload = (test.payload or "").encode()
    if profile.id == "sparkplug-b":
        payload = bytes.fromhex(payload.decode())
    topic = f"vectors/{profile.id}/{abs(hash(test.name))}"
    single(topic, payload, qos=1, retain=True, hostname="127.0.0.1", port=mosquitto_port)
    found = asyncio.run(read_meter(profile.id, f"mqtt://127.0.0.1:{mosquitto_port}/{topic}", "1", timeout_s=20))
    assert agrees(stated(found), test)


# -- the command -----------------------------------------------------------------------------------------


async def command(profile: str, where: str, address: str) -> list[dict]:
    program = str(Path(sys.executable).parent / "aquavolt")
    process = await asyncio.create_subprocess_exec(
        program, "read", "--profile", profile, "--connect", where, "--address", address, "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, error.decode()
    return json.loads(out)


@pytest.mark.parametrize("profile", ["dlt645-2007", "dlt645-1997", "cjt188-water", "mbus"])
def test_the_command_over_a_socket(profile: str) -> None:
    loaded = load_profile(profile)
    test = loaded.tests[0]
    frame = bytes.fromhex(test.frame or "")
    body = frame[frame.index(0x68) :]
    addresses = {"cjt188-water": body[2:9][::-1].hex(), "mbus": str(body[5])}
    answer = dlt645_answers([frame]) if profile.startswith("dlt645") else mbus_answers(frame)

    async def scene() -> list[dict]:
        async with bare_socket(answer) as where:
            return await command(profile, where, addresses.get(profile, body[1:7][::-1].hex()))

    found = asyncio.run(scene())
    assert agrees({v["quantity"]: v["value"] for v in found}, test)
    assert all(set(v) <= {"quantity", "value", "unit", "time", "address"} for v in found)


def test_the_command_at_a_broker(mosquitto_port: int) -> None:
    profile = load_profile("milesight-em300-di")
    single("vectors/command", profile.tests[1].payload, qos=1, retain=True, hostname="127.0.0.1", port=mosquitto_port)
    found = asyncio.run(command(profile.id, f"mqtt://127.0.0.1:{mosquitto_port}/vectors/command", "1"))
    assert agrees({v["quantity"]: v["value"] for v in found}, profile.tests[1])
