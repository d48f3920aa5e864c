"""Messages with several moments, wrong clocks and alarms, as they go into the journal."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from collector.alarms import Alarms
from collector.counts import Counts
from collector.mqtt.burst import Burst
from collector.mqtt.frame import Publish
from collector.mqtt.routes import Routes, route_of, routes_by_broker
from collector.read_value import ReadValue
from metering.batch import Quality
from metering.quantities import BY_CODE
from metering.site import Meter

NOW_MS = 1_772_323_200_000  # 2026-03-01T00:00Z
ZONE = ZoneInfo("Asia/Shanghai")
KAMSTRUP = "78 44 6D 00 20 F3 2A 44 13 EC 00 00 00 52 FF 25 10 00"  # 2023-10-19 00:00 of the meter's clock, tamper
DLT = "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16"


def meter(name: str, profile: str, medium: str = "water", address: str = "d1", **given) -> Meter:
    where = "mqtt://broker:1883/t" if profile.startswith("dlt645") else "mqtt://broker:1883"
    return Meter(name, medium, profile=profile, connection=where, device_address=address, **given)


def uplink(payload: str, port: int, **given) -> bytes:
    data = base64.b64encode(bytes.fromhex(payload)).decode()
    return json.dumps(
        {"time": "2026-03-01T00:00:00Z", "deviceInfo": {"devEui": "d1"}, "fPort": port, "data": data, **given}
    ).encode()


def heard(route, *payloads: bytes) -> tuple[list[tuple], list[tuple], Counts]:
    counts = Counts()
    burst = Burst(Routes([route]), counts, NOW_MS, {}, lambda _: None)
    topic = route.topic.replace("+", "x").encode()
    burst.add_all([Publish(topic, p, 1, False) for p in payloads])
    b = burst.batch()
    rows = [
        (BY_CODE[int(q)].name, float(v), int(t), int(f))
        for q, v, t, f in zip(b.quantity, b.value, b.time.astype("int64"), b.quality, strict=True)
    ]
    return rows, [(e.code, e.text, int(e.time.astype("int64"))) for e in burst.events], counts


def test_a_meters_local_time_is_the_sites_and_its_alarm_is_told_once() -> None:
    route = route_of(meter("w1", "kamstrup-flowiq-lorawan"), ZONE)
    local = 1_697_644_800_000  # 2023-10-18T16:00Z
    rows, events, _ = heard(route, uplink(KAMSTRUP, 1), uplink(KAMSTRUP, 1))
    assert rows == [("water_volume", 0.236, local, 0)] * 2
    bits = ["pipe_empty", "reverse_flow", "leak", "burst", "low_battery", "low_temperature", "high_temperature"]
    words = [("clock_wrong", "off", NOW_MS), ("tamper", "on", local), *((code, "off", local) for code in bits)]
    assert sorted(events) == sorted(words)
    cleared = KAMSTRUP[:-5] + "00 00"
    assert ("tamper", "off", local) in heard(route, uplink(cleared, 1))[1]


def test_pulses_become_the_register() -> None:
    route = route_of(meter("w2", "milesight-em300-di", multiplier=0.01))
    rows, _, _ = heard(route, uplink("01 75 5C 05 C8 00 01 00 00", 85))
    assert rows == [("battery", 92.0, NOW_MS, 0), ("pulse_count", 256.0, NOW_MS, 0), ("water_volume", 2.56, NOW_MS, 0)]


def test_a_clock_that_runs_ahead_moves_the_whole_row() -> None:
    seconds = NOW_MS // 1000 + 86_400
    payload = bytes([1]) + seconds.to_bytes(4, "little") + b"\0" + (500).to_bytes(4, "little") + bytes(41)
    rows, _, _ = heard(route_of(meter("w3", "axioma-qalcosonic-w1")), uplink(payload.hex(), 100))
    times = [t for q, _, t, _ in rows if q == "water_volume"]
    assert times == [NOW_MS - 3_600_000 * h for h in range(24)]
    assert {f for *_, f in rows} == {int(Quality.CLOCK_WRONG)}


def test_frames_of_many_meters_on_one_topic_go_by_their_address() -> None:
    meters = [meter("e1", "dlt645-2007", "electricity", "161"), meter("e2", "dlt645-2007", "electricity", "162")]
    brokers, faults = routes_by_broker(meters, ZONE)
    assert faults == {}
    counts = Counts()
    burst = Burst(Routes(brokers["mqtt://broker:1883"]), counts, NOW_MS, {}, lambda _: None)
    burst.add_all([Publish(b"t", bytes.fromhex(DLT), 1, False)])
    batch = burst.batch()
    assert batch.meters == ("e1",)
    assert batch.value.tolist() == [0.26]


def test_a_payload_that_cannot_be_read_is_counted_and_no_reading() -> None:
    rows, events, counts = heard(route_of(meter("w4", "dragino-sw3l")), uplink("00", 42), b"{}", b"")
    assert (rows, events) == ([], [])
    assert counts is not None


def test_a_clock_is_told_when_it_goes_wrong_and_when_it_is_right_again() -> None:
    route, alarms, events = route_of(meter("w3", "axioma-qalcosonic-w1")), Alarms(), []
    for ahead_s in (0, 86_400, 86_460, 60):
        seconds = NOW_MS // 1000 + ahead_s
        payload = bytes([1]) + seconds.to_bytes(4, "little") + b"\0" + (500).to_bytes(4, "little") + bytes(41)
        burst = Burst(Routes([route]), Counts(), NOW_MS, {}, lambda _: None, alarms)
        burst.add_all([Publish(route.topic.replace("+", "x").encode(), uplink(payload.hex(), 100), 1, False)])
        events += [(e.code, e.text) for e in burst.events if e.code == "clock_wrong"]
    assert events == [("clock_wrong", "off"), ("clock_wrong", "on"), ("clock_wrong", "off")]


def test_words_that_were_not_taken_are_told_again() -> None:
    alarms, said = Alarms(), [ReadValue("leak", True, ""), ReadValue("battery_low", False, "")]
    first = alarms.changes("w", said)
    assert first == [("low_battery", "off"), ("leak", "on")]
    assert alarms.changes("w", said) == []
    alarms.forget(["w"])
    assert alarms.changes("w", said) == first


def test_of_several_moments_the_newest_word_counts_and_on_wins_within_one() -> None:
    early, late = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    words = [ReadValue("leak", True, "", early), ReadValue("leakage", False, "", late), ReadValue("tamper", True, ""),
             ReadValue("tamper_alarm", False, "")]  # fmt: skip
    assert dict(Alarms().changes("w", words)) == {"leak": "off", "tamper": "on"}


def test_what_mbus_leaves_unsaid_is_off_but_only_in_an_answer() -> None:
    alarms = Alarms()
    assert alarms.changes("h", [], "mbus") == []
    said = dict(alarms.changes("h", [ReadValue("low_battery", True, "")], "mbus"))
    assert said == {"low_battery": "on", "permanent_error": "off", "temporary_error": "off"}
    assert alarms.changes("h", [ReadValue("water_volume", 1.0, "m3")], "mbus") == [("low_battery", "off")]
