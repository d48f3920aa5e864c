"""Meters that a developer starts: every kind of profile on every kind of connection is read back by the collector."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from collector.connection import parse_connection
from collector.modbus.once import ReadError
from collector.mqtt.decode import read_values
from collector.mqtt.message import reader
from collector.read_meter import read_meter
from collector.read_value import ReadValue
from device_profiles import (
    FrameProfile,
    JsonProfile,
    MessageProfile,
    ModbusProfile,
    Profile,
    list_profiles,
    load_profile,
)
from metering.quantities import MAIN_REGISTER
from simulators.faults import FaultTextError, faults_of, parse_fault
from simulators.lifelike import is_counter, lifelike_at, lifelike_values, points_of
from simulators.modem import Modem
from simulators.mqtt.messages import Envelope, Publication, messages
from simulators.mqtt.publisher import PublishingMeter
from simulators.serving import serve
from simulators.wanted import Wanted

ALL = {name: load_profile(name, allow_low_confidence=True) for name in list_profiles()}
LINE_PROFILES = ("hiking-dds238", "dlt645-2007", "dlt645-1997", "cjt188-water", "cjt188-heat", "mbus")
PUBLISHED = [p.id for p in ALL.values() if not isinstance(p, ModbusProfile)]
START = 1_772_000_000.0
Values = dict[str, float | str | bool]
T = TypeVar("T")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def names(values: list[ReadValue]) -> Values:
    return {v.quantity: v.value for v in values}


def wanted(profile: str, where: str, *faults: str, addresses: tuple[str, ...] = (), **more) -> Wanted:
    chosen = tuple(parse_fault(f) for f in faults)
    return Wanted(ALL[profile], parse_connection(where), addresses, chosen, **more)


def scene(served: Wanted, story: Callable[[str], Awaitable[T]]) -> T:
    """What a story about the served meters, told their connection, comes to."""

    async def play() -> T:
        stop, where = await serve(served)
        try:
            return await story(where)
        finally:
            await stop()

    return asyncio.run(play())


def read(served: Wanted, address: str = "", timeout_s: float = 5.0) -> Values:
    async def story(where: str) -> list[ReadValue]:
        meter = address or served.meters[0]
        return await read_meter(served.profile.id, where, meter, timeout_s=timeout_s, allow_low_confidence=True)

    return names(scene(served, story))


def main_registers(profile: Profile) -> set[str]:
    return {q.name for q in MAIN_REGISTER.values()} & {p.quantity for p in points_of(profile)}


# -- every connection ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["tcp", "rtu+tcp", "rtu", "serial", "listen"])
@pytest.mark.parametrize("profile", LINE_PROFILES)
def test_it_is_served_on_every_kind_of_line(profile: str, scheme: str) -> None:
    if scheme == "serial" and profile == "hiking-dds238":
        with pytest.raises(ValueError, match=r"hiking-dds238 over serial:// is not simulated; allowed: tcp://, tls://"):
            read(wanted(profile, "serial:///pty"))
        return
    where = {
        "rtu": "rtu:///pty?baud=115200",
        "serial": "serial:///pty?baud=115200",
        "listen": f"listen://127.0.0.1:{free_port()}?id=REG-1&baud=115200",
        "rtu+tcp": f"rtu+tcp://127.0.0.1:{free_port()}?baud=115200",
    }.get(scheme, f"tcp://127.0.0.1:{free_port()}")
    found = read(wanted(profile, where, modem=Modem(redial_s=0.05)))
    assert all(found[name] > 0 for name in main_registers(ALL[profile]))  # type: ignore[operator]
    assert main_registers(ALL[profile])


@pytest.mark.parametrize("profile", [p for p in PUBLISHED if p not in LINE_PROFILES] + ["cjt188-water", "mbus"])
def test_it_publishes_to_a_broker(profile: str, broker_port: int) -> None:
    topic = "" if getattr(ALL[profile], "topic", "") else "/plain/{address}"
    where = f"mqtt://127.0.0.1:{broker_port}{topic}"
    served = wanted(profile, where, addresses=("00000007",), period_s=0.1)

    async def story(told: str) -> list[ReadValue]:
        return await read_meter(profile, told, "00000007", timeout_s=20)

    assert scene(served, story)


@pytest.mark.parametrize("envelope", ["chirpstack", "tts", "raw"])
@pytest.mark.parametrize("profile", [p for p in PUBLISHED if not isinstance(ALL[p], FrameProfile)])
def test_what_it_publishes_says_what_it_shows(profile: str, envelope: Envelope) -> None:
    loaded, at = ALL[profile], lifelike_at(ALL[profile], 5)
    assert isinstance(loaded, JsonProfile | MessageProfile)
    take = reader(loaded) if isinstance(loaded, MessageProfile) else None
    moment = datetime.fromtimestamp(START, UTC)
    publication = Publication(loaded, "0a0b", "" if loaded.topic else "t", envelope)
    found: Values = {}
    for topic, payload in messages(publication, lambda m: at(m.timestamp()), moment):
        told = take(payload, topic, None).values if take else read_values(loaded, payload)
        for value in told:
            found.setdefault(value.quantity, value.value)
    shown = at(START)
    stated = {name: value for name, value in found.items() if name in shown}
    # The sensor states one pressure twice, in its unit and in ours.
    stated.pop("pressure", None)
    # A payload carries whole litres, degrees and per cents: its own steps.
    assert stated == pytest.approx({name: shown[name] for name in stated}, rel=0.02, abs=0.002)
    assert {*main_registers(loaded), "pulse_count", "current_ch1", "water_pressure"} & set(stated)


def test_a_topic_of_its_own_and_the_things_stack(broker_port: int) -> None:
    for envelope in ("tts", "raw"):
        topic = f"mqtt://127.0.0.1:{broker_port}/own/{{address}}/{envelope}"
        served = wanted("milesight-em300-di", topic, period_s=0.1, envelope=envelope)
        assert read(served, timeout_s=20)["pulse_count"] > 0  # type: ignore[operator]


def test_tls_and_a_name_for_the_terminal(tmp_path: Path) -> None:
    keys = Path(__file__).parents[1] / "alerts" / "tls"
    port = free_port()
    own = f"tls://127.0.0.1:{port}?cert={keys / 'certificate.pem'}&key={keys / 'key.pem'}"

    async def over_tls(_: str) -> list[ReadValue]:
        return await read_meter("hiking-dds238", f"tls://127.0.0.1:{port}?ca={keys / 'certificate.pem'}", "1")

    assert scene(wanted("hiking-dds238", own), over_tls)
    name = tmp_path / "meter"
    assert read(wanted("hiking-dds238", f"rtu://{name}?baud=115200"))
    assert not name.is_symlink()
    name.touch()
    with pytest.raises(FileExistsError):
        read(wanted("hiking-dds238", f"rtu://{name}"))


def test_a_modem_registers_with_bytes_and_beats() -> None:
    where = f"listen://127.0.0.1:{free_port()}?id=0x0102FF"
    served = wanted("hiking-dds238", where, modem=Modem(heartbeat=b"\xfe\xfe", every_s=0.02, redial_s=0.05))
    assert read(served)["voltage_l1"] == pytest.approx(230, rel=0.03)


def test_several_meters_on_a_line_each_with_its_own_fault() -> None:
    served = wanted("hiking-dds238", f"rtu+tcp://127.0.0.1:{free_port()}?baud=115200", "silent@2",
                    addresses=("1", "2", "3"))  # fmt: skip

    async def story(where: str) -> list[Values | str]:
        found: list[Values | str] = []
        for address in served.meters:
            try:
                found.append(names(await read_meter("hiking-dds238", where, address, timeout_s=0.5)))
            except ReadError as error:
                found.append(str(error))
        return found

    first, second, third = scene(served, story)
    assert "unit 2: no answer" in second
    assert first["active_energy_import"] != third["active_energy_import"]  # type: ignore[index]


# -- values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ALL.values(), ids=ALL)
def test_counters_only_grow_and_run_over_or_fall_when_told(profile: Profile) -> None:
    counters = [p.quantity for p in points_of(profile) if is_counter(p)]
    shown = [lifelike_at(profile, 3)(START + hours * 3600) for hours in range(3)]
    for name in counters:
        assert 0 < shown[0][name] < shown[1][name] < shown[2][name]
    assert counters or profile.id in {"acrel-acr10r", "milesight-em500-pp"}
    assert lifelike_values(profile, 1, lambda: START)() == lifelike_values(profile, 1, lambda: START)()
    if counters:
        assert lifelike_at(profile, 1)(START) != lifelike_at(profile, 2)(START)


@pytest.mark.parametrize("profile", ["hiking-dds238", "peacefair-pzem016", "dlt645-1997", "cjt188-water", "mbus"])
@pytest.mark.parametrize("fault", ["reset=600", "rollover=600"])
def test_a_reset_and_a_rollover_on_the_wire(profile: str, fault: str) -> None:
    now = START
    served = wanted(profile, f"tcp://127.0.0.1:{free_port()}", fault, clock=lambda: now)

    async def story(where: str) -> list[Values]:
        nonlocal now
        found = []
        for seconds in (0, 3600):
            now = START + seconds
            found.append(names(await read_meter(profile, where, served.meters[0])))
        return found

    before, after = scene(served, story)
    for name in main_registers(ALL[profile]):
        assert after[name] < before[name], name  # type: ignore[operator]
        assert after[name] < 3  # type: ignore[operator]
        if fault.startswith("rollover"):
            assert before[name] > 9_000  # type: ignore[operator]


# -- faults ----------------------------------------------------------------------------------------------

TCP, RTU = "hiking-dds238 tcp", "hiking-dds238 rtu+tcp"
LINES = ("dlt645-2007 rtu+tcp", "cjt188-water rtu+tcp", "mbus rtu+tcp")


def somewhere(scheme: str) -> str:
    """A free port; behind a converter a fast line, so that silence costs little."""
    return f"{scheme}://127.0.0.1:{free_port()}" + ("?baud=115200" if scheme == "rtu+tcp" else "")


@pytest.mark.parametrize(
    ("meter", "fault"),
    [(m, f) for m in (TCP, RTU, *LINES) for f in ("silent", "half", "slow=30", "late")]
    + [(TCP, "stale"), (RTU, "crc")]
    + [(m, "crc") for m in LINES],
)
def test_with_this_fault_no_value_comes(meter: str, fault: str) -> None:
    profile, scheme = meter.split()
    with pytest.raises(ReadError):
        read(wanted(profile, somewhere(scheme), fault), timeout_s=0.15)


@pytest.mark.parametrize("meter", [RTU, *LINES])
@pytest.mark.parametrize("fault", ["noise", "slow=0.05"])
def test_noise_between_frames_and_a_slow_answer_do_no_harm(meter: str, fault: str) -> None:
    profile, scheme = meter.split()
    clean = read(wanted(profile, somewhere(scheme), clock=lambda: START))
    disturbed = wanted(profile, somewhere(scheme), fault, clock=lambda: START)
    assert read(disturbed) == clean


@pytest.mark.parametrize(
    ("meter", "why"),
    [(TCP, "exception 6"), (RTU, "exception 6"), (LINES[0], "06"), (LINES[1], "refus"), (LINES[2], "error")],
)
def test_a_meter_that_refuses_is_told_as_one(meter: str, why: str) -> None:
    profile, scheme = meter.split()
    with pytest.raises(ReadError, match=why):
        read(wanted(profile, somewhere(scheme), "exception=6"))


def test_words_the_wrong_way_round_are_other_values() -> None:
    right = read(wanted("eastron-sdm120", f"tcp://127.0.0.1:{free_port()}", clock=lambda: START))
    turned = read(wanted("eastron-sdm120", f"tcp://127.0.0.1:{free_port()}", "word-order", clock=lambda: START))
    assert right["voltage_l1"] == pytest.approx(230, rel=0.03)
    assert turned["voltage_l1"] != pytest.approx(230, rel=0.5)


@pytest.mark.parametrize(("profile", "name"), [("cjt188-water", "meter_time"), ("dlt645-2007", "date")])
def test_a_clock_that_is_wrong(profile: str, name: str) -> None:
    times = [
        read(wanted(profile, f"tcp://127.0.0.1:{free_port()}", *faults, clock=lambda: START))[name]
        for faults in ((), ("clock=-86400",))
    ]
    assert str(times[0])[10:] == str(times[1])[10:]  # a day apart
    assert times[0] != times[1]


def published(*faults: str, due_s: float = START) -> list[tuple[str, bytes]]:
    chosen = faults_of((parse_fault(f) for f in faults), "", "mqtt")
    publication = Publication(ALL["json-plain"], "m", "t/{address}")
    return PublishingMeter(publication, lambda _: {"water_volume": 12.5}, 60, 0, chosen).messages(due_s)


def test_what_goes_wrong_with_a_meter_that_publishes() -> None:
    ((topic, clean),) = published()
    assert topic == "t/m"
    said = json.loads(clean)
    assert published("silent") == []
    assert published("half") == [(topic, clean[: len(clean) // 2])]
    noise, after = published("noise=5")
    assert (len(noise[1]), after) == (5, (topic, clean))
    # Sent late, it states the time at which it was taken.
    assert json.loads(published("slow=30", due_s=START + 30)[0][1]) == said
    wrong = datetime.fromisoformat(json.loads(published("clock=-3600")[0][1])["time"])
    assert datetime.fromisoformat(said["time"]) - wrong == timedelta(hours=1)


def test_a_broker_that_is_not_there_is_told() -> None:
    with pytest.raises(OSError, match=r"no broker on 127\.0\.0\.1:\d+: "):
        read(wanted("json-plain", f"mqtt://127.0.0.1:{free_port()}/x"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("deaf", "unknown kind 'deaf'; allowed: silent, slow, late"),
        ("silent=3", "silent takes no number"),
        ("slow=soon", r"slow takes a number \(s\), 0 to 86400; 0.5 if not given"),
        ("exception=4.5", r"a whole number \(code\), 0 to 255"),
        ("noise=nan", "noise takes"),
        ("slow=-1", "slow takes"),
    ],
)
def test_a_fault_that_there_is_not(text: str, why: str) -> None:
    with pytest.raises(FaultTextError, match=why):
        parse_fault(text)


@pytest.mark.parametrize(
    ("profile", "where", "faults", "addresses", "why"),
    [
        ("eastron-sdm120", "tcp://127.0.0.1:1", ("crc",), (), "fault crc is none of a meter on modbus-tcp; allowed"),
        ("eastron-sdm120", "tcp://127.0.0.1:1", ("silent@9",), ("1",), "no meter 9; 1"),
        ("eastron-sdm120", "tcp://127.0.0.1:1", (), ("300",), "address '300' is none of a Modbus meter; allowed: 1 to"),
        (
            "eastron-sdm120",
            "mqtt://127.0.0.1:1/x",
            (),
            (),
            "eastron-sdm120 over mqtt:// is not simulated; allowed: tcp",
        ),
        ("json-plain", "tcp://127.0.0.1:1", (), (), "json-plain over tcp:// is not simulated; allowed: mqtt://"),
        ("json-plain", "mqtt://127.0.0.1:1", (), (), "json-plain has no topic of its own; give one"),
        ("json-plain", "mqtt://127.0.0.1:1/x", (), ("a", "b"), "2 meters on topic x; {address} in it stands for"),
        ("mbus", "tcp://127.0.0.1:1", (), ("251",), "address '251' is none; allowed: 1 to 250, or the 8 digits"),
        ("dlt645-2007", "tcp://127.0.0.1:1", (), ("12A",), "address"),
        ("eastron-sdm120", "tls://127.0.0.1:1", (), (), "needs a certificate: tls://host:port"),
    ],
)
def test_what_does_not_go_together_is_told(profile, where, faults, addresses, why) -> None:
    with pytest.raises(ValueError, match=why):
        read(wanted(profile, where, *faults, addresses=addresses))


# -- the command -----------------------------------------------------------------------------------------


def test_the_command_says_how_to_read_what_it_serves() -> None:
    program = str(Path(sys.executable).parent / "aquavolt")
    where = f"rtu+tcp://127.0.0.1:{free_port()}"
    command = [program, "simulate", "meter", "--profile", "dlt645-2007", "--listen", where, "--address", "202601010007"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        assert served.stdout.readline() == "dlt645-2007, 1 simulated; Ctrl+C ends it. To read it:\n"
        told = served.stdout.readline().split()
        served_at = told[told.index("--connect") + 1].strip("'")
        assert told[-2:] == ["--address", "202601010007"]
        said = subprocess.run(
            [program, "read", "--profile", "dlt645-2007", "--connect", served_at, "--address", "202601010007"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        served.terminate()
        assert served.wait(30) == 0
    assert said.returncode == 0, said.stderr
    assert "active_energy_import" in said.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--fault", "deaf"), "unknown kind 'deaf'"),
        (("--listen", "carrier-pigeon://x"), "is none of: tcp://"),
        (("--heartbeat", "0xF"), "pairs of hex digits"),
    ],
)
def test_the_command_refuses_with_a_reason(arguments: tuple[str, ...], why: str) -> None:
    program = str(Path(sys.executable).parent / "aquavolt")
    command = [program, "simulate", "meter", "--profile", "eastron-sdm120", *arguments]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 1
    assert why in said.stderr
    assert "Traceback" not in said.stderr
