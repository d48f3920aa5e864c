"""Others' programs on the other side: pymodbus's server for our client, pymodbus's client for our simulator.

A simulator and a collector that share one mistake pass each other; these do not share ours.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from collector.connection import parse_connection
from collector.counts import Counts
from collector.modbus.once import ReadError, read_once
from collector.modbus.poller import ModbusPoller
from collector.modbus.polls import UnpollableError
from collector.read_meter import read_meter
from device_profiles import ModbusProfile, load_profile
from metering.site import Meter
from simulators.modbus.image import ProfileImage
from simulators.modbus.server import Fault, ModbusServer, SimulatedUnit

SDM = load_profile("eastron-sdm630")
assert isinstance(SDM, ModbusProfile)
STATED = {"voltage_l1": 230.2, "active_power": 1.3305, "active_energy_import": 1234.5, "active_energy_export": 12.5}


def words(value: float) -> list[int]:
    return list(struct.unpack(">HH", struct.pack(">f", value)))


@asynccontextmanager
async def foreign_server() -> AsyncIterator[int]:
    """A meter of pymodbus's: input registers 0 to 399, some with a value."""
    registers = [0] * 400
    for address, value in ((0, 230.2), (0x34, 1330.5), (0x48, 1234.5), (0x4A, 12.5)):
        registers[address : address + 2] = words(value)
    device = SimDevice(id=5, simdata=[SimData(0, values=registers, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.listen()
    try:
        yield server.transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


@asynccontextmanager
async def our_server(fault: Fault | None = None) -> AsyncIterator[int]:
    unit = SimulatedUnit(ProfileImage(SDM, lambda: STATED), fault or Fault())
    server = ModbusServer({5: unit})
    port = await server.start()
    try:
        yield port
    finally:
        await server.stop()


def test_our_reading_of_pymodbuss_server() -> None:
    async def scene() -> dict[str, float | str]:
        async with foreign_server() as port:
            values = await read_once(SDM, parse_connection(f"tcp://127.0.0.1:{port}"), "5")
        return {v.quantity: v.value for v in values}

    found = asyncio.run(scene())
    assert {k: found[k] for k in STATED} == pytest.approx(STATED, rel=1e-6)
    assert len(found) == len(SDM.points)


def test_our_poller_on_pymodbuss_server(sink) -> None:
    async def scene() -> None:
        async with foreign_server() as port:
            meter = Meter("m", "electricity", profile=SDM.id, connection=f"tcp://127.0.0.1:{port}",
                          device_address="5", poll_s=0.05)  # fmt: skip
            poller = ModbusPoller([meter], sink, Counts())
            task = asyncio.create_task(poller.run())
            async with asyncio.timeout(20):
                while len(sink.times("m")) < 5:  # noqa: ASYNC110 - the sink is only a list
                    await asyncio.sleep(0.02)
            poller.stop()
            await task

    asyncio.run(scene())
    found = {q: v for q, _, v in sink.readings("m")}
    assert {k: found[k] for k in STATED} == pytest.approx(STATED, rel=1e-6)


def test_pymodbuss_client_on_our_simulator() -> None:
    async def scene() -> None:
        async with our_server() as port, AsyncModbusTcpClient("127.0.0.1", port=port) as client:
            reply = await client.read_input_registers(0x48, count=4, device_id=5)
            assert reply.registers == words(1234.5) + words(12.5)
            reply = await client.read_input_registers(0x47, count=2, device_id=5)
            assert reply.isError()
            assert reply.exception_code == 2
            reply = await client.read_holding_registers(0, count=2, device_id=5)
            assert reply.exception_code == 2
            reply = await client.write_register(0, 1, device_id=5)
            assert reply.exception_code == 1

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault(is_silent=True), "unit 5: no answer within 0.2 s"),
        (Fault(exception=4), "exception 4 .server device failure."),
        (Fault(transaction_shift=1), "unit 5: no answer within 0.2 s"),
    ],
)
def test_a_reading_that_fails_says_why(fault: Fault, why: str) -> None:
    async def scene() -> None:
        async with our_server(fault) as port:
            await read_once(SDM, parse_connection(f"tcp://127.0.0.1:{port}"), "5", timeout_s=0.2)

    with pytest.raises(ReadError, match=why):
        asyncio.run(scene())


def test_a_port_where_nobody_listens_is_told() -> None:
    async def scene() -> None:
        server = ModbusServer({})
        port = await server.start()
        await server.stop()
        await read_once(SDM, parse_connection(f"tcp://127.0.0.1:{port}"), "1")

    with pytest.raises(ReadError, match="no connection: "):
        asyncio.run(scene())


def test_what_modbus_is_not_read_over_is_refused() -> None:
    with pytest.raises(
        ReadError, match=r"Modbus is read over tcp://, tls://, rtu://, rtu\+tcp://, listen://, not mqtt://"
    ):
        asyncio.run(read_once(SDM, parse_connection("mqtt://127.0.0.1/x"), "1"))
    with pytest.raises(UnpollableError, match="0 to 255"):
        asyncio.run(read_once(SDM, parse_connection("tcp://127.0.0.1:1"), "256"))


def test_a_port_in_use_is_an_os_error() -> None:
    async def scene() -> None:
        async with our_server() as port:
            await ModbusServer({}).start(port=port)

    with pytest.raises(OSError, match=r"(?i)address already in use"):
        asyncio.run(scene())


def test_a_profile_for_brokers_is_not_read_over_tcp() -> None:
    with pytest.raises(ReadError, match="is read from a broker: mqtt://host:port/topic, not tcp://"):
        asyncio.run(read_meter("json-plain", "tcp://127.0.0.1:1", "1"))
