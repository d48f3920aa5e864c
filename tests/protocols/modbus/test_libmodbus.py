"""libmodbus, the C library that most masters use, and mbpoll against our simulated meters, on sockets and terminals.

libmodbus is loaded as it is installed beside mbpoll; nothing is compiled.
"""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import struct
from collections.abc import Callable
from typing import TypeVar

import pytest

from collector.connection import parse_connection
from device_profiles import ModbusProfile, load_profile
from simulators.faults import parse_fault
from simulators.modbus.image import ProfileImage
from simulators.modbus.rtu import RtuLine
from simulators.modbus.server import ModbusServer, SimulatedUnit
from simulators.serving import serve
from simulators.wanted import Wanted

T = TypeVar("T")
STATED = {"voltage_l1": 230.2, "active_energy_import": 1234.5, "active_power": 1.3305}
ILLEGAL_ADDRESS = 112345678 + 2  # libmodbus's own number for exception 2
NO_ANSWER = 110  # ETIMEDOUT


def library() -> ctypes.CDLL:
    lib = ctypes.CDLL("libmodbus.so.5", use_errno=True)
    lib.modbus_new_tcp.restype = lib.modbus_new_rtu.restype = ctypes.c_void_p
    lib.modbus_strerror.restype = ctypes.c_char_p
    lib.modbus_new_rtu.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_char, ctypes.c_int, ctypes.c_int]
    for name in ("modbus_connect", "modbus_close", "modbus_free"):
        getattr(lib, name).argtypes = [ctypes.c_void_p]
    lib.modbus_set_slave.argtypes = [ctypes.c_void_p, ctypes.c_int]
    lib.modbus_set_response_timeout.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32]
    for name in ("modbus_read_registers", "modbus_read_input_registers"):
        getattr(lib, name).argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_uint16)]
    return lib


class Master:
    """A master of libmodbus's, on a port number or a terminal's path."""

    def __init__(self, where: int | str, unit: int = 5, patience_s: float = 2.0) -> None:
        self._lib = library()
        if isinstance(where, int):
            self._context = self._lib.modbus_new_tcp(b"127.0.0.1", where)
        else:
            self._context = self._lib.modbus_new_rtu(where.encode(), 115200, b"N", 8, 1)
        assert self._context
        self._lib.modbus_set_slave(self._context, unit)
        whole = int(patience_s)
        self._lib.modbus_set_response_timeout(self._context, whole, int((patience_s - whole) * 1e6))
        assert self._lib.modbus_connect(self._context) == 0

    def read(self, function: int, address: int, count: int) -> list[int] | int:
        """The registers, or libmodbus's number for what went wrong."""
        words = (ctypes.c_uint16 * count)()
        ask = self._lib.modbus_read_registers if function == 3 else self._lib.modbus_read_input_registers
        done = ask(self._context, address, count, words)
        return list(words) if done == count else ctypes.get_errno()

    def close(self) -> None:
        self._lib.modbus_close(self._context)
        self._lib.modbus_free(self._context)


def asked(where: int | str, question: Callable[[Master], T], **more: float) -> T:
    master = Master(where, **more)  # type: ignore[arg-type]
    try:
        return question(master)
    finally:
        master.close()


def unit_of(profile: str) -> SimulatedUnit:
    loaded = load_profile(profile)
    assert isinstance(loaded, ModbusProfile)
    return SimulatedUnit(ProfileImage(loaded, lambda: STATED))


def on_socket_and_terminal(unit: SimulatedUnit, question: Callable[[Master], T]) -> tuple[T, T]:
    """What libmodbus hears over Modbus TCP, and over RTU on a pseudo-terminal."""

    async def scene() -> tuple[T, T]:
        server, line = ModbusServer({5: unit}), RtuLine({5: unit})
        try:
            port = await server.start()
            over_tcp = await asyncio.to_thread(asked, port, question)
            return over_tcp, await asyncio.to_thread(asked, line.start_pty(), question)
        finally:
            await server.stop()
            await line.stop()

    return asyncio.run(scene())


def number(words: list[int] | int) -> float:
    assert isinstance(words, list), library().modbus_strerror(words)
    return struct.unpack(">f", struct.pack(">HH", *words))[0]


def test_libmodbus_reads_floats_and_hears_exceptions() -> None:
    unit = unit_of("eastron-sdm630")
    for heard in on_socket_and_terminal(unit, lambda m: (m.read(4, 0, 2), m.read(4, 0x48, 2), m.read(3, 0, 2))):
        voltage, energy, refused = heard
        assert number(voltage) == pytest.approx(230.2)
        assert number(energy) == pytest.approx(1234.5)
        assert refused == ILLEGAL_ADDRESS


def test_libmodbus_reads_a_meter_whose_low_word_comes_first() -> None:
    unit = unit_of("carlogavazzi-em24-rs485")
    for words in on_socket_and_terminal(unit, lambda m: m.read(4, 0, 2)):
        assert isinstance(words, list)
        assert words[1] << 16 | words[0] == 2302


@pytest.mark.parametrize("fault", ["silent", "crc", "half"])
def test_libmodbus_takes_no_value_from_a_bad_line(fault: str) -> None:
    async def scene() -> list[int] | int:
        wanted = Wanted(
            load_profile("eastron-sdm630"), parse_connection("rtu:///pty?baud=115200"), ("5",), (parse_fault(fault),)
        )
        stop, where = await serve(wanted)
        try:
            device = parse_connection(where).path
            return await asyncio.to_thread(asked, device, lambda m: m.read(4, 0, 2), patience_s=0.2)
        finally:
            await stop()

    assert isinstance(asyncio.run(scene()), int)


async def mbpoll(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "mbpoll", "-a", "5", "-0", "-1", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    return out.decode()


def test_mbpoll_over_tcp_and_on_a_terminal() -> None:
    async def scene() -> list[str]:
        unit, lsw = unit_of("eastron-sdm630"), unit_of("carlogavazzi-em24-rs485")
        server, line = ModbusServer({5: unit}), RtuLine({5: lsw})
        try:
            port, device = await server.start(), line.start_pty()
            # -B: high word first; without it the low word comes first.
            return [
                await mbpoll("-m", "tcp", "-t", "3:float", "-B", "-r", "72", "-c", "1", "-p", str(port), "127.0.0.1"),
                await mbpoll("-m", "rtu", "-b", "115200", "-P", "none", "-t", "3:int", "-r", "0", "-c", "1", device),
            ]
        finally:
            await server.stop()
            await line.stop()

    over_tcp, on_terminal = asyncio.run(scene())
    assert "1234.5" in over_tcp
    assert "2302" in on_terminal
