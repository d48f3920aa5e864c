"""A meter is recorded, the recording is served, and reading that gives the same values: for every protocol."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aquavolt.cli import app
from aquavolt.recording import Replay, Session, record
from collector.connection import parse_connection
from collector.line_claim import LineClaim, LineInUseError
from collector.modbus.frame import Frame, encode_rtu, read_pdu
from collector.modbus.once import ReadError
from collector.modbus.openers import Approach
from collector.read_meter import read_meter
from collector.read_value import ReadValue
from collector.recording import Recording, RecordingError, read_recording
from device_profiles import ModbusProfile, load_profile
from simulators.cjt188.meter import Cjt188Meter
from simulators.dlt645.meter import Dlt645Meter
from simulators.line.server import LineFault, SimulatedLine
from simulators.mbus.meter import MbusMeter
from simulators.modbus.image import ProfileImage
from simulators.modbus.rtu import RtuLine
from simulators.modbus.server import ModbusServer, SimulatedUnit

KEPT = Path(__file__).with_name("eastron-sdm120.jsonl")
VALUES = {"active_energy_import": 1234.5, "active_power": 1.25, "voltage_l1": 229.5, "frequency": 50.0}


def sdm120() -> SimulatedUnit:
    profile = load_profile("eastron-sdm120")
    assert isinstance(profile, ModbusProfile)
    return SimulatedUnit(ProfileImage(profile, lambda: VALUES))


async def modbus_tcp():
    server = ModbusServer({1: sdm120()})
    return server, f"tcp://127.0.0.1:{await server.start()}", "eastron-sdm120", "1"


async def modbus_rtu_over_tcp():
    line = RtuLine({1: sdm120()})
    return line, f"rtu+tcp://127.0.0.1:{await line.start_tcp()}", "eastron-sdm120", "1"


async def modbus_rtu():
    line = RtuLine({1: sdm120()})
    return line, f"rtu://{line.start_pty()}?baud=9600", "eastron-sdm120", "1"


async def dlt645():
    line = SimulatedLine([Dlt645Meter("161", lambda: VALUES)])
    return line, f"serial://{line.start_pty()}?baud=9600", "dlt645-2007", "000000000161"


async def cjt188():
    line = SimulatedLine([Cjt188Meter("924040000018", lambda: {"water_volume": 123.45})])
    return line, f"tcp://127.0.0.1:{await line.start_tcp()}", "cjt188-water", "00924040000018"


async def mbus():
    line = SimulatedLine([MbusMeter(5, "12345678", lambda: {"heat_energy": 1234.0})])
    return line, f"tcp://127.0.0.1:{await line.start_tcp()}", "mbus", "5"


METERS = [modbus_tcp, modbus_rtu_over_tcp, modbus_rtu, dlt645, cjt188, mbus]


def written(tmp_path: Path, text: str) -> Recording:
    file = tmp_path / "meter.jsonl"
    file.write_text(text, encoding="utf-8")
    return read_recording(file)


async def replayed(recording: Recording, where: str | None = None) -> list[ReadValue]:
    replay = Replay(recording, where, is_at_once=True)
    try:
        return await read_meter(recording.profile, await replay.start(), recording.address, timeout_s=5)
    finally:
        await replay.stop()


@pytest.mark.parametrize("serve", METERS, ids=lambda serve: serve.__name__)
def test_what_was_recorded_reads_the_same(serve, tmp_path) -> None:
    async def scene() -> None:
        meter, where, profile, address = await serve()
        out = io.StringIO()
        try:
            first = await record(Session(profile, where, address, 1.0, is_second_master=True), out)
        finally:
            await meter.stop()
        assert first
        recording = written(tmp_path, out.getvalue())
        assert recording.readings == ([v.as_dict() for v in first],)
        assert await replayed(recording) == first

    asyncio.run(scene())


def test_a_recorded_line_dials_in_as_a_modem(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    where = f"listen://127.0.0.1:{free}?id=roof-7"

    async def scene() -> None:
        recording = read_recording(KEPT)
        line = RtuLine({1: sdm120()})
        reading = asyncio.create_task(record(Session(recording.profile, where, "1", 1.0), out := io.StringIO()))
        await dialled(line.dial_in, free)
        first = await reading
        await line.stop()
        again = asyncio.create_task(read_meter(recording.profile, where, "1", timeout_s=1.0))
        replay = Replay(written(tmp_path, out.getvalue()), where)
        await dialled(lambda *_: replay.start(), free)
        assert await again == first
        await replay.stop()

    async def dialled(dial, port: int) -> None:
        async with asyncio.timeout(20):
            while True:
                try:
                    await dial("127.0.0.1", port, b"roof-7")
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)
                else:
                    return

    asyncio.run(scene())


def test_a_message_of_a_broker(tmp_path) -> None:
    head = {
        "aquavolt_recording": 1, "profile": "json-plain", "protocol": "mqtt", "connection": "mqtt://h/water/dorm",
        "address": "1",
    }  # fmt: skip
    payload = {"water_volume": 12.5, "time": "2026-03-01T08:00:00+08:00"}

    async def scene() -> None:
        lines = (head, {"t": 1, "topic": "water/dorm", "payload": json.dumps(payload)})
        source = Replay(written(tmp_path, "\n".join(map(json.dumps, lines))))
        out = io.StringIO()
        try:
            first = await record(Session("json-plain", await source.start(), "1", 20.0), out)
        finally:
            await source.stop()
        assert [(v.quantity, v.value) for v in first] == [("water_volume", 12.5)]
        assert await replayed(written(tmp_path, out.getvalue())) == first

    asyncio.run(scene())


def test_a_kept_recording() -> None:
    """What an engineer recorded once goes on to read as it did, whatever becomes of the code."""
    recording = read_recording(KEPT)
    values = asyncio.run(replayed(recording))
    assert [v.as_dict() for v in values] == recording.readings[0]
    assert {v.quantity: v.value for v in values}["active_energy_import"] == 1234.5


def test_silence_is_recorded_too(tmp_path) -> None:
    async def scene() -> None:
        line = SimulatedLine([Dlt645Meter("1", lambda: VALUES)])
        line.meters[0].fault = LineFault(is_silent=True)
        where, out = f"tcp://127.0.0.1:{await line.start_tcp()}", io.StringIO()
        with pytest.raises(ReadError):
            await record(Session("dlt645-2007", where, "1", 0.05, is_second_master=True), out)
        await line.stop()
        recording = written(tmp_path, out.getvalue())
        assert "no answer" in out.getvalue()
        assert recording.exchanges[0].answer == b""
        replay = Replay(recording)
        with pytest.raises(ReadError, match="no answer"):
            await read_meter("dlt645-2007", await replay.start(), "1", timeout_s=0.05)
        await replay.stop()

    asyncio.run(scene())


def test_a_longer_session_goes_on_after_a_failure(tmp_path) -> None:
    async def scene() -> None:
        meter = Dlt645Meter("1", lambda: VALUES)
        line, out = SimulatedLine([meter]), io.StringIO()
        meter.fault = LineFault(is_silent=True)
        where = f"tcp://127.0.0.1:{await line.start_tcp()}"

        def mend(_: str) -> None:
            meter.fault = LineFault()

        session = Session("dlt645-2007", where, "1", 0.3, length_s=0.2, every_s=0.1, is_second_master=True)
        values = await record(session, out, on_note=mend)
        await line.stop()
        recording = written(tmp_path, out.getvalue())
        assert '"failed"' in out.getvalue()
        assert recording.readings == ([v.as_dict() for v in values],)

    asyncio.run(scene())


def test_a_line_has_one_master_unless_told() -> None:
    async def scene() -> None:
        line = RtuLine({1: sdm120()})
        where = f"rtu+tcp://127.0.0.1:{await line.start_tcp()}"
        running = LineClaim(parse_connection(where))
        assert running.take()
        try:
            with pytest.raises(ReadError, match=r"process \d+ on this machine asks on this line .* --second-master"):
                await read_meter("eastron-sdm120", where, "1", approach=Approach(is_second_master=False))
            assert await read_meter("eastron-sdm120", where, "1", approach=Approach(is_second_master=True))
        finally:
            running.release()
        assert await read_meter("eastron-sdm120", where, "1", approach=Approach(is_second_master=False))
        await line.stop()

    asyncio.run(scene())


@pytest.mark.parametrize("profile", ["dlt645-2007", "eastron-sdm120"])
def test_a_line_on_which_a_stranger_asks_is_not_recorded(profile: str) -> None:
    """The stranger is on another machine: no claim shows it, its questions do."""
    stranger = encode_rtu(Frame(4, read_pdu(3, 0, 2)))

    async def scene() -> None:
        gone = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(stranger)
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
            gone.set()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        where = f"rtu+tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ReadError, match="another master asks on this line"):
            await record(Session(profile, where, "1", 1.0), io.StringIO())
        async with asyncio.timeout(10):
            await gone.wait()
        server.close()

    asyncio.run(scene())


def test_a_claim_is_given_back() -> None:
    one, other = (LineClaim(parse_connection("rtu+tcp://192.0.2.1:4001")) for _ in range(2))
    one.demand()
    with pytest.raises(LineInUseError):
        other.demand()
    one.release()
    other.demand()
    other.release()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ":1: no recording"),
        ('{"aquavolt_recording": 2}', ":1: no recording"),
        ("{", ":1: no JSON"),
        ('{"aquavolt_recording": 1, "profile": "x"}', ":1: protocol: must be a text"),
        ("HEAD\n[]", ":2: must be a JSON object"),
        ('HEAD\n{"t": "1"}', ":2: t: must be seconds"),
        ('HEAD\n{"t": 1}', ":2: has none of"),
        ('HEAD\n{"t": 1, "sent": "0g"}', ":2: sent: must be bytes in hex"),
    ],
)
def test_a_file_that_is_none_is_told(text: str, told: str, tmp_path) -> None:
    file = tmp_path / "x.jsonl"
    head = '{"aquavolt_recording": 1, "profile": "a", "protocol": "b", "connection": "c", "address": "d"}'
    file.write_text(text.replace("HEAD", head))
    with pytest.raises(RecordingError) as error:
        read_recording(file)
    assert told in str(error.value)
    result = CliRunner().invoke(app, ["replay", str(file)])
    assert result.exit_code == 1
