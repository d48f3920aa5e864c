"""What each meter said last: the value that stands for it, the bytes it came in, when it is asked next."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

import numpy as np

from aquavolt.pushing.wire import WatchState, from_json, to_json
from collector.counts import Counts
from collector.last_seen import bytes_text, message_raws, payload_text
from collector.line.poller import LinePoller
from collector.modbus.poller import ModbusPoller
from collector.mqtt.burst import Burst
from collector.mqtt.frame import Publish
from collector.mqtt.routes import Routes, route_of
from device_profiles import ModbusProfile, load_profile
from metering.batch import ReadingBatch, batch_of
from metering.health import JournalHealth, MeterHealth
from metering.quantities import BY_NAME
from metering.site import Meter
from simulators.dlt645.meter import Dlt645Meter
from simulators.line.server import LineFault, SimulatedLine
from simulators.modbus.image import ProfileImage
from simulators.modbus.server import Fault, ModbusServer, SimulatedUnit

NOW = np.datetime64("2026-03-01T00:00:00", "ms")


class NoJournal:
    def health(self) -> JournalHealth:
        return JournalHealth()


class Sink:
    def is_accepting(self) -> bool:
        return True

    async def append(self, batch: ReadingBatch) -> None:
        """Taken."""

    async def append_entry(self, _: object) -> int:
        return 0


def meters(counts: Counts) -> dict[str, MeterHealth]:
    return {m.meter: m for m in counts.report(np.datetime64(time.time_ns() // 1_000_000, "ms"), NoJournal()).meters}


def code(name: str) -> int:
    return BY_NAME[name].code


def readings(meter: str, at_s: int, quality: int = 0, **values: float) -> ReadingBatch:
    codes = [code(name) for name in values]
    at = NOW + np.timedelta64(at_s, "s")
    return batch_of((meter,), np.zeros(len(codes)), codes, at, [*values.values()], quality)


def test_the_counter_stands_for_its_meter() -> None:
    counts = Counts()
    counts.received_batch(readings("a", 0, voltage_l1=230.0))
    assert (meters(counts)["a"].quantity, meters(counts)["a"].value) == ("voltage_l1", 230.0)
    counts.received_batch(readings("a", 1, 2, active_power=1.5, active_energy_import=7.0, voltage_l1=231.0))
    counts.received_batch(readings("a", 2, voltage_l1=229.0))
    seen = meters(counts)["a"]
    assert (seen.quantity, seen.value, seen.quality) == ("active_energy_import", 7.0, 2)
    counts.received_batch(readings("a", -60, active_energy_import=6.0))
    assert meters(counts)["a"].value == 7.0, "an older reading that comes late is not the last"


def test_many_meters_in_any_order() -> None:
    counts = Counts()
    names = tuple(f"m{i}" for i in range(300))
    for turn in (0, 1):
        order = np.random.default_rng(turn).permutation(300)
        at = NOW + np.timedelta64(turn, "s")
        counts.received_batch(batch_of(names, order, np.full(300, code("water_volume")), at, order + 0.5 + turn))
    assert {m: h.value for m, h in meters(counts).items()} == {f"m{i}": i + 1.5 for i in range(300)}


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_true():  # noqa: ASYNC110 - a report, looked at
            await asyncio.sleep(0.01)


def test_a_modbus_meter_shows_the_registers_of_its_counter() -> None:
    async def scene() -> None:
        profile = load_profile("eastron-sdm120")
        assert isinstance(profile, ModbusProfile)
        image = ProfileImage(profile, lambda: {"active_energy_import": 1234.5, "voltage_l1": 230.0})
        server = ModbusServer({1: SimulatedUnit(image), 2: SimulatedUnit(image, Fault(is_silent=True))})
        where = f"tcp://127.0.0.1:{await server.start()}"
        counts = Counts()
        wired = [
            Meter(f"m{unit}", "electricity", profile=profile.id, connection=where, device_address=str(unit), poll_s=1)
            for unit in (1, 2)
        ]
        task = asyncio.create_task(ModbusPoller(wired, Sink(), counts, draw=lambda: 0.5).run())
        await until(lambda: "m1" in meters(counts) and meters(counts)["m1"].quantity == "active_energy_import")
        seen = meters(counts)["m1"]
        assert (seen.raw, seen.quantity, seen.value) == ("4:0x0048 = 449a 5000", "active_energy_import", 1234.5)
        assert seen.next_poll is not None
        assert seen.last_reading is not None
        assert seen.next_poll > seen.last_reading
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.stop()

    asyncio.run(scene())


def test_a_meter_whose_breaker_is_open_says_when_it_is_tried_again() -> None:
    async def scene() -> None:
        meter = Dlt645Meter("1", dict)
        meter.fault = LineFault(is_silent=True)
        line, counts = SimulatedLine([meter]), Counts()
        where = f"tcp://127.0.0.1:{await line.start_tcp()}?timeout_ms=20"
        wired = Meter("m", "electricity", profile="dlt645-2007", connection=where, device_address="1", poll_s=0.1)
        task = asyncio.create_task(LinePoller([wired], Sink(), counts, draw=lambda: 0.5).run())
        await until(lambda: "m" in meters(counts) and meters(counts)["m"].breaker == "open")
        seen, now = meters(counts)["m"], np.datetime64(time.time_ns() // 1_000_000, "ms")
        assert seen.next_poll is not None
        assert seen.next_poll > now + np.timedelta64(500, "ms"), "the breaker's wait counts, not the grid"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await line.stop()

    asyncio.run(scene())


def test_a_line_meter_shows_its_frame() -> None:
    async def scene() -> None:
        line, counts = SimulatedLine([Dlt645Meter("161", lambda: {"active_energy_import": 12.34})]), Counts()
        where = f"tcp://127.0.0.1:{await line.start_tcp()}"
        wired = Meter("m", "electricity", profile="dlt645-2007", connection=where, device_address="161", poll_s=1)
        task = asyncio.create_task(LinePoller([wired], Sink(), counts).run())
        await until(lambda: "m" in meters(counts) and meters(counts)["m"].raw != "")
        seen = meters(counts)["m"]
        assert "68 61 01 00 00 00 00 68 91" in seen.raw
        assert (seen.quantity, seen.value) == ("active_energy_import", 12.34)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await line.stop()

    asyncio.run(scene())


def test_a_message_is_shown_though_it_cannot_be_decoded() -> None:
    route = route_of(Meter("w", "water", profile="json-plain", connection="mqtt://h/w"))
    counts = Counts()
    burst = Burst(Routes([route]), counts, 1_700_000_000_000, {}, lambda _: None)
    burst.add_all(
        [Publish(b"w", json.dumps({"water_volume": 1.5}).encode(), 0, False), Publish(b"w", b"{oops", 0, False)]
    )
    counts.received_batch(burst.batch(), burst.messages())
    counts.heard(message_raws(burst.payloads))
    seen = meters(counts)["w"]
    assert (seen.raw, seen.value, seen.errors, seen.next_poll) == ("{oops", 1.5, 1, None)


def test_long_and_binary_messages_are_shortened() -> None:
    ((raw, text),) = message_raws({"m": "水".encode() * 1000}).values()
    assert len(raw) <= 320
    assert text(raw).startswith("水水水")
    assert payload_text(b"\xff\x00") == "ff 00"
    assert bytes_text(bytes(60)).endswith("00 ...")


def test_it_reaches_the_pages_of_split_services() -> None:
    counts = Counts()
    counts.received_batch(readings("a", 0, 2, active_energy_import=7.0))
    counts.heard({"a": (b"\x01\x03", bytes_text)})
    counts.ask_when(lambda: {"a": 12.5})
    report = counts.report(NOW, NoJournal())
    state = from_json(WatchState, to_json(WatchState(is_ready=True, progress=1.0, detail="", health=report)))
    (seen,) = state.health.meters
    assert (seen.raw, seen.value, seen.quality) == ("01 03", 7.0, 2)
    assert seen.next_poll == NOW + np.timedelta64(12_500, "ms")
