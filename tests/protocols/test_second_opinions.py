"""Others' programs say what ours say: `dlt645` on both ends of a line, pyMeterBus on real telegrams and on ours.

The package `dlt645` sends a meter's address high byte first, where meters send it low byte first; the addresses here
read the same both ways.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import meterbus
import pytest
from dlt645 import MeterClientService, MeterServerService

from collector.mbus.decode import decode
from collector.read_meter import read_meter
from simulators.dlt645.meter import Dlt645Meter
from simulators.line.server import SimulatedLine
from simulators.mbus.meter import MbusMeter

PALINDROME = "123456563412"
STATED = {
    0x00010000: ("active_energy_import", 123456.78), 0x00020000: ("active_energy_export", 1.5),
    0x02010100: ("voltage_l1", 229.7), 0x02020100: ("current_l1", 4.999), 0x02030000: ("active_power", 1.2345),
    0x02060000: ("power_factor", 0.501), 0x02800002: ("frequency", 50.03),
}  # fmt: skip
VECTORS = json.loads((Path(__file__).parent / "mbus" / "vectors.json").read_text(encoding="utf-8"))["vectors"]
# What pyMeterBus 0.8.5 does not read: the fixed structure, and a VIF of a maker's.
UNREAD_BY_IT = {"manual_frame2", "sen_pollutherm"}
DEADLINE_S = 20


def test_the_package_dlt645_reads_our_simulated_meter() -> None:
    def ask(port: int) -> dict[int, float]:
        client = MeterClientService.new_tcp_client("127.0.0.1", port, 5.0)
        client.set_address(PALINDROME)
        assert client.connect()
        try:
            return {di: (client.read_00 if di >> 24 == 0 else client.read_02)(di).value for di in STATED}
        finally:
            client.disconnect()

    async def scene() -> dict[int, float]:
        line = SimulatedLine([Dlt645Meter(PALINDROME, lambda: dict(STATED.values()))])
        port = await line.start_tcp()
        try:
            return await asyncio.to_thread(ask, port)
        finally:
            await line.stop()

    assert asyncio.run(scene()) == {di: value for di, (_, value) in STATED.items()}


@contextmanager
def foreign_meter() -> Iterator[int]:
    """A meter of the package's, on a port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    meter = MeterServerService.new_tcp_server("127.0.0.1", port)
    meter.set_address(PALINDROME)
    for di, (_, value) in STATED.items():
        assert (meter.set_00 if di >> 24 == 0 else meter.set_02)(di, value)
    thread = threading.Thread(target=meter.start, daemon=True)
    thread.start()
    deadline = time.monotonic() + DEADLINE_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert time.monotonic() < deadline
        time.sleep(0.02)
    try:
        yield port
    finally:
        meter.stop()
        thread.join(DEADLINE_S)


def test_we_read_a_meter_of_the_package_dlt645() -> None:
    notes: list[str] = []
    with foreign_meter() as port:
        where = f"tcp://127.0.0.1:{port}"
        values = asyncio.run(read_meter("dlt645-2007", where, PALINDROME, timeout_s=2, on_note=notes.append))
    found = {v.quantity: v.value for v in values}
    assert {name: found[name] for name, _ in STATED.values()} == dict(STATED.values())
    assert any("no such data" in note for note in notes)


def numbers_of(telegram: bytes) -> list[float]:
    """What pyMeterBus makes of a telegram's records, in the base units it uses."""
    records = json.loads(meterbus.load(telegram).to_JSON())["body"]["records"]
    return [r["value"] for r in records if isinstance(r["value"], int | float) and not isinstance(r["value"], bool)]


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["name"] not in UNREAD_BY_IT], ids=lambda v: v["name"])
def test_pymeterbus_reads_the_same_numbers(vector: dict) -> None:
    """Each of its numbers is one of ours, by the factor between its unit and the one that we print."""
    telegram = bytes.fromhex(vector["frame"])
    ours = [v.value for v in decode(telegram).values if isinstance(v.value, int | float)]
    factors = (1, 1e-3, 1e3, 1 / 3600, 3600, 1 / 60, 60, 24, 1 / 24, 86_400, 1 / 86_400, 1 / 3.6e6, 3.6e6)
    missing = [
        n
        for n in numbers_of(telegram)
        if not any(math.isclose(n * f, o, rel_tol=1e-5, abs_tol=1e-9) for o in ours for f in factors)
    ]
    assert missing == []


def test_pymeterbus_reads_our_simulated_meter() -> None:
    stated = {"water_volume": 54.321, "flow_rate": 0.25}
    meter = MbusMeter(5, "11490378", lambda: stated)
    telegram = meter.answer(bytes.fromhex("10 5B 05 60 16"))
    assert telegram is not None
    assert numbers_of(telegram) == pytest.approx(list(stated.values()))
