"""Modbus over every kind of line: pseudo-terminals, RTU through sockets, TLS, modems that dial in; with bad lines."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from collector.connection import ConnectionTextError, parse_connection
from collector.counts import Counts
from collector.dial_in import DialInPorts
from collector.modbus.frame import Frame, ReadRequest, encode_rtu
from collector.modbus.framing import RtuFraming
from collector.modbus.once import ReadError, read_once
from collector.modbus.poller import ModbusPoller
from collector.modbus.serial_settings import line_timing
from device_profiles import ModbusProfile, load_profile
from device_profiles.schema import Serial
from metering.site import Meter
from simulators.modbus.image import FixedImage, ProfileImage
from simulators.modbus.rtu import RtuLine
from simulators.modbus.server import HEALTHY, Fault, ModbusServer, SimulatedUnit

SDM = load_profile("eastron-sdm120")
assert isinstance(SDM, ModbusProfile)
STATED = {"voltage_l1": 230.0, "active_power": 1.5, "active_energy_import": 1234.5}


def unit_of(fault: Fault = HEALTHY, **more: float) -> SimulatedUnit:
    return SimulatedUnit(ProfileImage(SDM, lambda: STATED | more), fault)


@asynccontextmanager
async def line_of(units: dict[int, SimulatedUnit], baud: int = 0) -> AsyncIterator[RtuLine]:
    line = RtuLine(units, baud=baud)
    try:
        yield line
    finally:
        await line.stop()


async def read(connection: str, address: str = "1", timeout_s: float = 1.0) -> dict[str, float | str]:
    values = await read_once(SDM, parse_connection(connection), address, timeout_s=timeout_s)
    return {v.quantity: v.value for v in values}


def says(found: dict[str, float | str]) -> bool:
    return {k: found[k] for k in STATED} == STATED


async def until(is_so: Callable[[], bool], what: str, within_s: float = 15.0) -> None:
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.01)


# -- one reading -----------------------------------------------------------------------------------------


def test_a_serial_line() -> None:
    async def scene() -> None:
        async with line_of({1: unit_of()}, baud=9600) as line:
            device = line.start_pty()
            assert says(await read(f"rtu://{device}?baud=9600&parity=E"))

    asyncio.run(scene())


def test_the_programs_own_loop_serves_every_kind_of_line(sink) -> None:
    """The program runs on uvloop, whose transports are none of asyncio's."""

    async def scene() -> None:
        port = await free_port()
        async with line_of({1: unit_of()}) as line, line_of({1: unit_of()}) as modem:
            meters = [
                meter_of("serial", f"rtu://{line.start_pty()}?baud=115200"),
                meter_of("gateway", f"rtu+tcp://127.0.0.1:{await line.start_tcp()}"),
                meter_of("modem", f"listen://127.0.0.1:{port}?id=M1"),
            ]
            async with polling(meters, sink, Counts()):
                await dial(modem, port, b"M1")
                await until(lambda: all(len(sink.times(m.id)) > 1 for m in meters), "every line is read twice")

    uvloop.run(scene())


def test_a_serial_port_that_another_master_holds_is_refused() -> None:
    async def scene() -> None:
        async with line_of({1: unit_of(Fault(is_silent=True))}) as line:
            device = line.start_pty()
            first = asyncio.create_task(read(f"rtu://{device}?baud=9600", timeout_s=2.0))
            await until(lambda: line.units[1].requests > 0, "the first master asks")
            with pytest.raises(ReadError, match=r"no connection: another program has it open"):
                await read(f"rtu://{device}?baud=9600")
            with pytest.raises(ReadError, match="no answer"):
                await first

    asyncio.run(scene())


def test_rtu_through_a_gateway() -> None:
    async def scene() -> None:
        async with line_of({1: unit_of(), 247: unit_of(voltage_l1=7.0)}) as line:
            port = await line.start_tcp()
            assert says(await read(f"rtu+tcp://127.0.0.1:{port}"))
            assert (await read(f"rtu+tcp://127.0.0.1:{port}", "247"))["voltage_l1"] == 7.0

    asyncio.run(scene())


@pytest.mark.parametrize(
    "noise",
    [b"\x00", b"\xff\xfe", b"\x01\x04", encode_rtu(Frame(9, b"\x04\x04\x43\x66\x33\x34")), b"\x01\x04\xa0" + bytes(30)],
    ids=["zero", "break", "head of an answer", "another unit's answer", "long rubbish"],
)
def test_noise_before_the_answer_is_passed_over(noise: bytes) -> None:
    async def scene() -> None:
        async with line_of({1: unit_of(Fault(noise=noise))}) as line:
            assert says(await read(f"rtu+tcp://127.0.0.1:{await line.start_tcp()}"))

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault(is_half=True), "no answer within 0.2 s; .* bytes came that are no right answer: 01 03"),
        (Fault(is_crc_wrong=True), "no answer within 0.2 s; .* bytes came that are no right answer"),
        (Fault(is_silent=True), "unit 1: no answer within 0.2 s$"),
        (Fault(exception=2), "illegal data address"),
    ],
    ids=["half a frame", "wrong CRC", "silent", "exception"],
)
def test_a_broken_answer_gives_no_value(fault: Fault, told: str) -> None:
    async def scene() -> None:
        async with line_of({1: unit_of(fault)}) as line:
            with pytest.raises(ReadError, match=told):
                await read(f"rtu+tcp://127.0.0.1:{await line.start_tcp()}", timeout_s=0.2)

    asyncio.run(scene())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", key, "-out", cert, "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def test_tls_is_read_and_its_certificate_checked(certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    async def scene() -> None:
        server = ModbusServer({1: unit_of()})
        port = await server.start(tls=context)
        try:
            assert says(await read(f"tls://127.0.0.1:{port}?ca={certificate[0]}"))
            with pytest.raises(ReadError, match=r"no connection: .*certificate verify failed"):
                await read(f"tls://127.0.0.1:{port}")
        finally:
            await server.stop()

    asyncio.run(scene())


# -- modems that dial in ---------------------------------------------------------------------------------


async def free_port() -> int:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def dial(line: RtuLine, port: int, registration: bytes, **more: object) -> None:
    """Dial as often as it takes, as modems do."""
    end = time.monotonic() + 10
    while True:
        try:
            await line.dial_in("127.0.0.1", port, registration, **more)  # type: ignore[arg-type]
        except OSError:
            assert time.monotonic() < end, "nobody listens"
            await asyncio.sleep(0.01)
        else:
            return


@pytest.mark.parametrize(
    ("modem", "registration"),
    [("866123040012345", b"866123040012345"), ("DTU-7", b"\x00REG:DTU-7;v1\r\n"), ("0xA55A01", b"\x10\xa5\x5a\x01")],
)
def test_a_modem_is_known_by_its_registration(modem: str, registration: bytes) -> None:
    async def scene() -> None:
        port = await free_port()
        async with line_of({1: unit_of()}) as line, line_of({1: unit_of(voltage_l1=1.0)}) as other:
            reading = asyncio.create_task(read(f"listen://127.0.0.1:{port}?id={modem}"))
            await dial(other, port, b"866123040012345-2 DTU-77")
            await dial(line, port, registration, heartbeat=b"\xfe\xfe", every_s=0.01)
            assert says(await reading)

    asyncio.run(scene())


def meter_of(name: str, connection: str, address: str = "1") -> Meter:
    return Meter(name, "electricity", profile=SDM.id, connection=connection, device_address=address, poll_s=1.0)


@asynccontextmanager
async def polling(meters: list[Meter], sink: object, counts: Counts) -> AsyncIterator[ModbusPoller]:
    poller = ModbusPoller(meters, sink, counts)  # type: ignore[arg-type]
    task = asyncio.create_task(poller.run())
    try:
        yield poller
    finally:
        poller.stop()
        await task


def test_two_modems_share_a_socket_and_one_may_dial_in_anew(sink) -> None:
    async def scene() -> None:
        port = await free_port()
        where = f"listen://127.0.0.1:{port}?id="
        async with (
            line_of({1: unit_of()}) as a,
            line_of({1: unit_of()}) as b,
            polling([meter_of("a", where + "A1"), meter_of("b", where + "B2")], sink, Counts()),
        ):
            await dial(a, port, b"A1")
            await dial(b, port, b"B2")
            await until(lambda: bool(sink.readings("a") and sink.readings("b")), "both modems are read")
            before = len(sink.times("a"))
            # The old connection stays open, as the mobile network leaves it; a new one takes its place.
            await dial(a, port, b"A1")
            await until(lambda: len(sink.times("a")) > before + 1, "the modem is read on its new connection")
            a.drop_connections()
            before = len(sink.times("a"))
            await dial(a, port, b"A1")
            await until(lambda: len(sink.times("a")) > before, "the modem is read after it was cut off")

    asyncio.run(scene())


def test_the_last_user_closes_the_listening_socket() -> None:
    async def scene() -> None:
        ports, port = DialInPorts(), await free_port()
        first, second = await ports.take("127.0.0.1", port), await ports.take("127.0.0.1", port)
        assert first is second
        await ports.release("127.0.0.1", port)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await ports.release("127.0.0.1", port)
        with pytest.raises(OSError, match=r"(?i)refused|connect"):
            await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(scene())


# -- polling ---------------------------------------------------------------------------------------------


def test_a_line_with_one_bad_unit_is_polled(virtual, sink) -> None:
    async def scene() -> None:
        units = {n: unit_of(active_power=float(n)) for n in range(1, 9)}
        units[3].fault = Fault(is_half=True)
        units[5].fault = Fault(is_crc_wrong=True)
        async with line_of(units, baud=19200) as line:
            where = f"rtu+tcp://127.0.0.1:{await line.start_tcp()}?baud=19200"
            meters = [meter_of(f"m{n}", where, str(n)) for n in units]
            async with polling(meters, sink, Counts()):
                await asyncio.sleep(120.0)
        for n in units:
            powers = [v for q, _, v in sink.readings(f"m{n}") if q == "active_power"]
            assert set(powers) <= {float(n)}
            assert len(powers) == 0 if n in (3, 5) else len(powers) >= 0.9 * 119

    virtual(scene())


def test_a_late_answer_is_never_taken_for_another_value(virtual, sink) -> None:
    """All blocks of this meter have one length: only the order of answers tells them apart."""

    async def scene() -> None:
        words = {(4, a): a for a in range(0x200)}
        words |= {(3, a): 7 for a in range(0xFC00, 0xFC03)}
        unit = SimulatedUnit(FixedImage(words))
        counts = Counts()
        async with line_of({1: unit}) as line:
            where = f"rtu+tcp://127.0.0.1:{await line.start_tcp()}?timeout_ms=300"
            async with polling([meter_of("m", where)], sink, counts):
                await asyncio.sleep(5.0)
                for delay_s in (0.35, 0.5, 0.9, 0.31, 0.0, 0.7, 0.0):
                    unit.fault = Fault(delay_s=delay_s)
                    await asyncio.sleep(8.0)
        seen: dict[str, set[float]] = {}
        for quantity, _, value in sink.readings("m"):
            seen.setdefault(quantity, set()).add(value)
        assert {"active_energy_import", "active_power", "voltage_l1"} <= set(seen)
        assert all(len(values) == 1 for values in seen.values()), seen

    virtual(scene())


def test_meters_of_one_serial_line_with_different_rates_are_refused(virtual, sink) -> None:
    async def scene() -> None:
        async with line_of({1: unit_of(), 2: unit_of()}) as line:
            device = line.start_pty()
            meters = [meter_of("m1", f"rtu://{device}?baud=9600"), meter_of("m2", f"rtu://{device}?baud=2400", "2")]
            async with polling(meters, sink, Counts()) as poller:
                await asyncio.sleep(3.0)
            assert [r.meter for r in poller.refused] == ["m2"]
            assert "one line with different settings" in poller.refused[0].reason
            assert sink.readings("m1")

    virtual(scene())


# -- pure ------------------------------------------------------------------------------------------------


def test_how_long_bytes_take() -> None:
    timing = line_timing(parse_connection("rtu:///dev/ttyS0"), Serial(baud=2400, parity="E"))
    assert timing.char_s == pytest.approx(11 / 2400)
    assert timing.wire_s(2) == pytest.approx((8 + 9) * 11 / 2400)
    assert timing.silence_s == pytest.approx(3.5 * 11 / 2400)
    fast = line_timing(parse_connection("rtu:///dev/ttyS0?baud=115200&gap_ms=20"), Serial())
    assert fast.silence_s == 0.02
    assert line_timing(parse_connection("rtu:///dev/ttyS0?baud=115200"), Serial()).silence_s == 0.00175
    assert line_timing(parse_connection("tcp://h:1"), Serial(baud=300)).wire_s(100) == 0.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tcp://h:1?gap_ms=x", "gap_ms is 'x'; allowed: milliseconds"),
        ("tcp://h:1?timeout_ms=0", "timeout_ms is '0'; allowed: milliseconds"),
        ("tcp://h:1?baud=9600", "unknown option 'baud'; allowed: gap_ms, timeout_ms"),
        ("rtu:///dev/x?baud=0", "baud is '0'; allowed: a number such as 9600"),
        ("listen://h:1?id=0x1", "after 0x stand pairs of hex digits"),
        ("tls://h:1?cert=a.pem", "cert and key go together"),
    ],
)
def test_options_that_cannot_be_are_refused(text: str, told: str) -> None:
    with pytest.raises(ConnectionTextError, match=told):
        parse_connection(text)


REQUEST = ReadRequest(1, 4, 0, 3)
ANSWER = encode_rtu(Frame(1, b"\x04\x06abcdef"))


@given(before=st.binary(max_size=40), after=st.binary(max_size=10), cut=st.data())
def test_an_answer_is_found_whatever_surrounds_it_and_however_it_is_cut(before, after, cut) -> None:
    framing = RtuFraming()
    framing.encode(REQUEST)
    stream = before + ANSWER + after
    at = cut.draw(st.integers(0, len(stream)))
    heard = [h for part in (stream[:at], stream[at:]) for h in framing.feed(part)]
    assert [h.frame.pdu for h in heard if h.is_answer][:1] == [ANSWER[1:-2]]


@given(st.lists(st.binary(max_size=300), max_size=10), st.booleans())
def test_rubbish_is_no_answer(parts: list[bytes], is_asked: bool) -> None:
    framing = RtuFraming()
    if is_asked:
        framing.encode(REQUEST)
    for heard in (h for part in parts for h in framing.feed(part)):
        assert heard.frame.pdu
        assert not heard.is_answer or heard.frame.unit == 1
    assert isinstance(framing.complaint(), str)
