"""Published MQTT payloads say what their publishers say; devices' bytes that are broken say nothing."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.decode_payload import Decoded, DecodeError, decode_payload
from collector.mqtt.message import MessageError, reader
from device_profiles import MessageProfile, list_profiles, load_profile

VECTORS = json.loads((Path(__file__).parent / "payloads.json").read_text(encoding="utf-8"))["vectors"]
MESSAGES = [p for p in map(load_profile, [n for n in list_profiles() if n in {
    "axioma-qalcosonic-w1", "chirpstack-v4", "csv-plain", "dragino-sw3l", "kamstrup-flowiq-lorawan",
    "milesight-ct10x-ct30x", "milesight-em300-di", "milesight-em500-pp", "shelly-gen1", "sparkplug-b", "tts-v3",
}]) if isinstance(p, MessageProfile)]  # fmt: skip
TO_OURS = {"W": 1e-3, "VA": 1e-3, "var": 1e-3}
OURS = {"voltage": "voltage_l1", "current": "current_l1", "battery_level": "battery",
        "water_volume_hourly": "water_volume"}  # fmt: skip


def our_name(name: str) -> str:
    plain = name.removesuffix("_total") if not name.startswith("current_total") else name
    for phase in "123":
        plain = plain.replace(f"voltage_l{phase}_n", f"voltage_l{phase}")
    return OURS.get(plain, plain)


def decode(vector: dict, envelope: str = "") -> Decoded:
    profile = load_profile(vector["profile"])
    data = vector["hex"].encode() if vector["hex"] else json.dumps(vector["payload"]).encode()
    port = vector["port"]
    if envelope and vector["hex"]:
        text = base64.b64encode(bytes.fromhex(vector["hex"])).decode()
        uplinks = {
            "chirpstack": {"time": "2026-03-01T00:00:00.123456789Z", "deviceInfo": {"devEui": "01"}, "fPort": port,
                           "data": text},
            "tts": {"end_device_ids": {"dev_eui": "01"}, "received_at": "2026-03-01T00:00:00Z",
                    "uplink_message": {"f_port": port, "frm_payload": text}},
        }  # fmt: skip
        data, port = json.dumps(uplinks[envelope]).encode(), None
    return decode_payload(profile, data, port=port)


def has(found: list[tuple], quantity: str, value: object, unit: str) -> bool:
    hits = [v for q, v, _ in found if q in {our_name(quantity), quantity}]
    if value is None:
        return not hits
    if isinstance(value, list):
        return len(hits) == len(value) and all(
            math.isclose(h, v * TO_OURS.get(unit, 1)) for h, v in zip(hits, value, strict=True)
        )
    if isinstance(value, bool | str):
        return value in hits
    return any(
        isinstance(h, int | float) and math.isclose(h, value * f, abs_tol=1e-9)
        for h in hits
        for f in (TO_OURS.get(unit, 1), 1)
    )


@pytest.mark.parametrize("envelope", ["", "chirpstack", "tts"])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_a_published_payload(vector: dict, envelope: str) -> None:
    if vector["is_error"]:
        with pytest.raises(DecodeError):
            decode(vector, envelope)
        return
    found = [(v.quantity, v.value, v.unit) for v in decode(vector, envelope).values]
    for quantity, value, unit in vector["expected"]:
        if quantity == "active_energy_interval":
            continue  # a difference of two messages; the interval engine's matter
        assert has(found, quantity, value, unit), (quantity, value, found)


def test_logged_records_carry_their_own_times() -> None:
    record = "20 CE 9E 74 46 63 10 01 5D 02 00 01 00 00 00"
    said = decode_payload(load_profile("milesight-em300-di"), f"01 75 5C {record}".encode())
    values = {v.quantity: (v.value, v.time and v.time.isoformat()) for v in said.values}
    assert values["pulse_count"] == (1, "2022-10-12T08:02:38+00:00")
    assert values["temperature"] == (27.2, "2022-10-12T08:02:38+00:00")
    assert values["battery"] == (92, None)


def test_an_uplinks_value_is_of_the_moment_the_server_heard_it() -> None:
    vector = next(v for v in VECTORS if v["name"] == "milesight_em300_di_pulse")
    (battery, pulses) = decode(vector, "tts").values
    assert pulses.time is not None
    assert pulses.time.isoformat() == "2026-03-01T00:00:00+00:00"
    assert battery.address == "01"


def test_axiomas_hours_and_status() -> None:
    litres, deltas = 1000, [*range(1, 24)]
    packed = sum(delta << (14 * i) for i, delta in enumerate(deltas)).to_bytes(41, "little")
    payload = b"\x01" + (1_772_323_200).to_bytes(4, "little") + b"\x24" + litres.to_bytes(4, "little") + packed
    values = decode_payload(load_profile("axioma-qalcosonic-w1"), payload.hex().encode(), port=100).values
    volumes = [v for v in values if v.quantity == "water_volume"]
    assert [volumes[0].value, volumes[1].value, volumes[-1].value] == [1.276, 1.253, 1.0]
    assert volumes[0].time is not None
    assert volumes[-1].time is not None
    assert (volumes[0].time - volumes[-1].time).total_seconds() == 23 * 3600
    flags = {v.quantity for v in values if v.value is True}
    assert flags == {"low_battery", "leakage"}


def test_sw3ls_differences_make_no_register() -> None:
    def names(mode: str) -> set[str]:
        said = decode_payload(load_profile("dragino-sw3l"), f"0A 00 00 01 00 {mode} 00 63 46 74 9E".encode(), port=2)
        return {v.quantity for v in said.values}

    assert "pulse_count" in names("00")
    assert "pulse_count" not in names("01")
    assert decode_payload(load_profile("dragino-sw3l"), b"00 04 B0 00 05 00 0A", port=4).values == ()


def test_shelly_gen1_topics_and_the_sum_over_phases() -> None:
    profile = load_profile("shelly-gen1")
    assert isinstance(profile, MessageProfile)
    read = reader(profile)
    for phase, energy in enumerate(("1000.0", "2000.0")):
        (value,) = read(energy.encode(), f"shellies/em3/emeter/{phase}/total", None).values
        assert value.quantity == f"active_energy_import_l{phase + 1}"
    own, total = read(b"500", "shellies/em3/emeter/2/total", None).values
    assert (own.value, total.quantity, total.value) == (0.5, "active_energy_import", 3.5)
    (plug,) = read(b"60000", "shellies/plug/relay/0/energy", None).values
    assert (plug.quantity, plug.value) == ("active_energy_import", 1.0)
    assert read(b"on", "shellies/plug/relay/0", None).values == ()
    with pytest.raises(MessageError):
        read(b"much", "shellies/em3/emeter/0/power", None)


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def member(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def test_sparkplug_names_come_with_the_birth() -> None:
    def metric(name: str, alias: int, value: float) -> bytes:
        named = member(1, name.encode()) if name else b""
        return member(2, named + varint(2 << 3) + varint(alias) + varint(13 << 3 | 1) + struct.pack("<d", value))

    def payload(*metrics: bytes) -> bytes:
        return varint(1 << 3) + varint(1_772_323_200_000) + b"".join(metrics) + varint(3 << 3) + varint(1)

    profile = load_profile("sparkplug-b")
    assert isinstance(profile, MessageProfile)
    read = reader(profile)
    (before,) = read(payload(metric("", 7, 1.0)), "spBv1.0/g/DDATA/n/d", None).values
    assert before.quantity == "alias 7"
    read(payload(metric("Meter/water_volume", 7, 12.5), metric("Speed", 8, 3.0)), "spBv1.0/g/DBIRTH/n/d", None)
    volume, speed = read(payload(metric("", 7, 12.75), metric("", 8, 4.0)), "spBv1.0/g/DDATA/n/d", None).values
    assert (volume.quantity, volume.value, volume.unit) == ("water_volume", 12.75, "m3")
    assert (speed.quantity, speed.value) == ("Speed", 4.0)
    assert volume.time is not None
    assert volume.time.isoformat() == "2026-03-01T00:00:00+00:00"


def test_csv_lines() -> None:
    csv = load_profile("csv-plain")
    head = b"time,water_volume,flow_rate\n2026-03-01T08:00:00+08:00,12.5,\n1772323260,12.6,0.3\n"
    found = [(v.quantity, v.value, v.time and v.time.isoformat()) for v in decode_payload(csv, head).values]
    assert found == [
        ("water_volume", 12.5, "2026-03-01T08:00:00+08:00"),
        ("water_volume", 12.6, "2026-03-01T00:01:00+00:00"),
        ("flow_rate", 0.3, "2026-03-01T00:01:00+00:00"),
    ]
    assert decode_payload(csv, b"water_volume,12.5").values[0].value == 12.5
    for bad in (b"time,water_volume\nnow,1", b"water_volume\nmany", b"water_volume,flow_rate\n1", b"", b"\xff\xfe"):
        with pytest.raises(DecodeError):
            decode_payload(csv, bad)


FRAME = "68 10 92 01 00 10 00 00 00 81 16 90 1F 01 00 22 22 00 2C 00 00 00 00 2C 00 00 00 00 00 00 00 00 00 FE 16"


@pytest.mark.parametrize(
    "payload",
    [
        bytes.fromhex(FRAME),
        FRAME.encode(),
        FRAME.replace(" ", "").lower().encode(),
        base64.b64encode(bytes.fromhex(FRAME)),
        json.dumps({"imei": "8675309", "payload": {"data": FRAME.replace(" ", "")}}).encode(),
        json.dumps({"d": base64.b64encode(bytes.fromhex(FRAME)).decode(), "name": "deadbeefdeadbeef"}).encode(),
        json.dumps({"bytes": list(bytes.fromhex(FRAME))}).encode(),
    ],
    ids=["raw", "hex", "plain hex", "base64", "json hex", "json base64", "json list"],
)
def test_a_frame_in_a_gateways_payload(payload: bytes) -> None:
    (value, *_) = decode_payload(load_profile("cjt188-water"), payload).values
    assert (value.quantity, value.value, value.address) == ("water_volume", 2222.0, "00000010000192")
    broken = payload.replace(b"22 22", b"22 23").replace(b"2222", b"2223") if b"22 22" in payload else b""
    if broken:
        with pytest.raises(DecodeError):
            decode_payload(load_profile("cjt188-water"), broken)


@pytest.mark.parametrize("profile", MESSAGES, ids=lambda p: p.id)
@given(data=st.binary(max_size=80), port=st.sampled_from([None, 1, 2, 3, 5, 85, 100]))
def test_any_payload_gives_values_or_the_codecs_own_error(
    profile: MessageProfile, data: bytes, port: int | None
) -> None:
    for payload in (data, json.dumps({"fPort": port, "data": base64.b64encode(data).decode()}).encode()):
        with contextlib.suppress(MessageError):
            reader(profile)(payload, None, port)


@pytest.mark.parametrize("profile", MESSAGES, ids=lambda p: p.id)
def test_the_profiles_own_vectors(profile: MessageProfile) -> None:
    assert profile.tests
    for test in profile.tests:
        found = {}
        for value in decode_payload(profile, (test.payload or "").encode()).values:
            found.setdefault(value.quantity, value.value)
        assert test.expect.items() <= found.items()
