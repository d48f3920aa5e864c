"""`scan` and `probe` on real lines, and Debian's mbpoll as a foreign master of our simulated meters."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aquavolt.cli import app
from aquavolt.cli.commissioning import parse_units
from aquavolt.cli.failure import Failure
from collector.connection import parse_connection
from collector.modbus.frame import Frame, ReadRequest, encode_rtu, read_pdu
from collector.modbus.guesses import all_guesses
from collector.modbus.link import open_link
from collector.modbus.scan import FoundUnit, SecondMasterError, scan_units
from device_profiles import ModbusProfile, list_profiles, load_profile
from device_profiles.schema import Serial
from simulators.modbus.image import ProfileImage
from simulators.modbus.rtu import RtuLine
from simulators.modbus.server import Fault, ModbusServer, SimulatedUnit

PROFILES = [
    p for name in list_profiles() if isinstance(p := load_profile(name, allow_low_confidence=True), ModbusProfile)
]
BY_ID = {p.id: p for p in PROFILES}


def unit_of(profile_id: str, **values: float) -> SimulatedUnit:
    return SimulatedUnit(ProfileImage(BY_ID[profile_id], lambda: {"frequency": 50.0, **values}))


async def scanned(where: str, units: Sequence[int], **more: object) -> list[FoundUnit]:
    found = scan_units(parse_connection(where), units, PROFILES, serial=Serial(), timeout_s=0.1, **more)  # type: ignore[arg-type]
    return [unit async for unit in found]


def test_units_are_found_and_named() -> None:
    async def scene() -> None:
        units = {
            2: unit_of("eastron-sdm120", meter_code=0x20),
            5: unit_of("carlogavazzi-em24-rs485"),
            7: SimulatedUnit(unit_of("eastron-sdm120").image, Fault(is_silent=True)),
            9: SimulatedUnit(unit_of("eastron-sdm120").image, Fault(exception=2)),
        }
        server, progress = ModbusServer(units), []
        port = await server.start()
        try:
            found = await scanned(
                f"tcp://127.0.0.1:{port}", range(1, 11), on_progress=lambda done, of: progress.append((done, of))
            )
        finally:
            await server.stop()
        assert [f.unit for f in found] == [2, 5, 9]
        assert found[0].profiles[0] == "eastron-sdm120"
        assert "carlogavazzi-em24-rs485" in found[1].profiles
        assert "eastron-sdm630" not in found[1].profiles
        assert found[2].profiles == ()
        assert progress == [(i, 10) for i in range(11)]

    asyncio.run(scene())


def test_a_line_where_another_master_asks_is_left_alone(virtual) -> None:
    async def scene() -> None:
        line = RtuLine({1: unit_of("eastron-sdm120")})
        where = f"rtu+tcp://127.0.0.1:{await line.start_tcp()}"
        foreign = encode_rtu(Frame(4, read_pdu(3, 0, 2)))

        async def another_master() -> None:
            while True:
                await asyncio.sleep(0.5)
                for session in line.sessions:
                    session._send(foreign)

        task = asyncio.create_task(another_master())
        with pytest.raises(SecondMasterError, match=r"[56] Modbus frames were heard .* --second-master"):
            await scanned(where, [1])
        assert [f.unit for f in await scanned(where, [1, 2], is_second_master=True)] == [1]
        task.cancel()
        assert [f.unit for f in await scanned(where, [1, 2])] == [1]
        await line.stop()

    virtual(scene())


def test_the_commands(tmp_path) -> None:
    """Scan and probe as a person types them, against a meter in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    server = subprocess.Popen(
        [Path(sys.executable).parent / "aquavolt", "simulate", "meter", "--profile", "eastron-sdm630",
         "--listen", f"tcp://127.0.0.1:{free}", "--address", "3"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        server.stdout.readline()
        where = server.stdout.readline().split("'")[1]
        assert where == f"tcp://127.0.0.1:{free}"
        run = CliRunner().invoke
        result = run(app, ["scan", "--connect", where, "--units", "2-4", "--timeout", "0.2", "--json"])
        assert result.exit_code == 0, result.output
        (unit,) = json.loads(result.stdout)
        assert unit["unit"] == 3
        assert "eastron-sdm630" in unit["profiles"]
        result = run(
            app,
            [
                "probe",
                "--connect",
                where,
                "--address",
                "3",
                "--at",
                "4:0x46",
                "--decode-all",
                "--quantity",
                "frequency",
            ],
        )
        assert result.exit_code == 0, result.output
        (marked,) = [text for text in result.output.splitlines() if text.startswith("float32") and " ABCD " in text]
        assert "<- x 1 = " in marked
        result = run(app, ["probe", "--connect", where, "--address", "3", "--at", "9:1"])
        assert result.exit_code == 1
        assert "allowed: FUNCTION:ADDRESS" in str(result.exception)
    finally:
        server.terminate()
        server.wait(10)
        assert server.stdout is not None
        server.stdout.close()


def test_units_are_numbers() -> None:
    assert parse_units("1-3,7,3") == [1, 2, 3, 7]
    for bad in ("", "0", "248", "3-1", "a", "1-", "1,,2"):
        with pytest.raises(Failure, match="allowed: numbers from 1 to 247"):
            parse_units(bad)


@pytest.mark.parametrize(
    ("data", "expected", "found"),
    [
        (struct.pack(">f", 1234.5), 1234.5, ("float32", "ABCD", 1.0)),
        (
            struct.pack(">HH", *reversed(struct.unpack(">HH", struct.pack(">f", 1234.5)))),
            1234.5,
            ("float32", "CDAB", 1.0),
        ),
        ((123456).to_bytes(4, "big"), 1234.56, ("uint32", "ABCD", 0.01)),
        (bytes.fromhex("00123456"), 1234.56, ("bcd32", "ABCD", 0.01)),
        ((123456).to_bytes(4, "little"), 123.456, ("uint32", "DCBA", 0.001)),
        (struct.pack("<d", 98765.4), 98765.4, ("float64", "HGFEDCBA", 1.0)),
    ],
)
def test_what_the_display_shows_is_found(data: bytes, expected: float, found: tuple[str, str, float]) -> None:
    fits = [(g.dtype, g.letters, g.scale) for g in all_guesses(data, expected=expected) if g.scale is not None]
    assert found in fits


def test_all_forms_are_shown() -> None:
    letters = {(g.dtype, g.letters) for g in all_guesses(bytes(range(0x11, 0x19)))}
    assert {("uint32", x) for x in ("ABCD", "CDAB", "BADC", "DCBA")} <= letters
    assert {("uint64", x) for x in ("ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA", "CDABGHEF", "EFGHABCD")} <= letters


# -- a foreign master ------------------------------------------------------------------------------------

MBPOLL = shutil.which("mbpoll")


def mbpoll(*arguments: str) -> str:
    assert MBPOLL is not None
    done = subprocess.run([MBPOLL, "-1", "-q", *arguments], capture_output=True, text=True, timeout=20, check=False)
    return done.stdout + done.stderr


async def in_thread(*arguments: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(None, mbpoll, *arguments)


@pytest.mark.skipif(MBPOLL is None, reason="mbpoll is not installed")
def test_mbpoll_reads_our_meters_over_tcp() -> None:
    async def scene() -> None:
        server = ModbusServer(
            {
                1: unit_of("eastron-sdm630", voltage_l1=230.2, active_energy_import=1234.5),
                2: unit_of("carlogavazzi-em24-rs485", active_energy_import=4321.5),
                3: SimulatedUnit(unit_of("eastron-sdm630").image, Fault(exception=2)),
            }
        )
        port = str(await server.start())
        tcp = ("-m", "tcp", "-p", port)
        try:
            said = await in_thread(*tcp, "-a", "1", "-t", "3:float", "-B", "-0", "-r", "0", "-c", "1", "127.0.0.1")
            assert "230.2" in said
            said = await in_thread(*tcp, "-a", "1", "-t", "3:float", "-B", "-r", "73", "-c", "1", "127.0.0.1")
            assert "1234.5" in said
            # Without -B mbpoll takes the low word first, as this meter sends it.
            said = await in_thread(*tcp, "-a", "2", "-t", "3:int", "-0", "-r", str(0x3E), "-c", "1", "127.0.0.1")
            assert "43215" in said
            said = await in_thread(*tcp, "-a", "3", "-t", "3:float", "-B", "-0", "-r", "0", "-c", "1", "127.0.0.1")
            assert "Illegal data address" in said
        finally:
            await server.stop()

    asyncio.run(scene())


@pytest.mark.skipif(MBPOLL is None, reason="mbpoll is not installed")
def test_mbpoll_reads_our_meters_on_a_serial_line() -> None:
    async def scene() -> None:
        line = RtuLine({17: unit_of("eastron-sdm120", voltage_l1=229.5)}, baud=19200)
        device = line.start_pty()
        try:
            rtu = ("-m", "rtu", "-b", "19200", "-P", "none", "-a", "17", "-o", "2")
            said = await in_thread(*rtu, "-t", "3:float", "-B", "-0", "-r", "0", "-c", "1", device)
            assert "229.5" in said
        finally:
            await line.stop()

    asyncio.run(scene())


def test_a_link_tells_what_it_overhears() -> None:
    async def scene() -> None:
        line = RtuLine({1: unit_of("eastron-sdm120")})
        port = await line.start_tcp()
        async with open_link(parse_connection(f"rtu+tcp://127.0.0.1:{port}"), Serial(), 1.0) as link:
            assert len(await link.ask(ReadRequest(1, 4, 0, 2), 1.0)) == 4
            assert link.overheard == 0
        await line.stop()

    asyncio.run(scene())
