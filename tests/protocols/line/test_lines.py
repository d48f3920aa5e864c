"""Simulated meters read back over sockets and pseudo-terminals; a bad meter does not take the others' time."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

import pytest

from collector.connection import parse_connection
from collector.counts import Counts
from collector.line.dialogue import Dialogue
from collector.line.once import LineReadError, find_address
from collector.line.plan import plan_polls
from collector.line.poller import LinePoller
from collector.line.scan import scan_addresses
from collector.read_meter import read_meter
from collector.read_value import ReadValue
from collector.statement import Statement
from device_profiles import FrameProfile, load_profile
from metering.batch import ReadingBatch
from metering.entries import Entry, EventBatch
from metering.quantities import BY_CODE, BY_NAME
from metering.site import Meter
from simulators.cjt188.meter import Cjt188Meter, Variant
from simulators.dlt645.meter import Dlt645Meter
from simulators.line.server import LineFault, SimulatedLine
from simulators.mbus.meter import MbusMeter

POWER = {
    "active_energy_import": 123456.78, "active_energy_import_t1": 100000.5, "active_energy_import_t2": 23456.28,
    "active_energy_import_t3": 0.0, "active_energy_import_t4": 0.0, "active_energy_export": 1.5,
    "active_power": -0.2512,
    "voltage_l1": 229.7, "voltage_l2": 230.1, "voltage_l3": 226.2, "current_l1": 4.999, "current_l2": 0.0,
    "current_l3": 1.0, "power_factor": 0.501, "frequency": 50.03, "reactive_power": 0.4331,
    "running_state_word_3": "0x0010",
}  # fmt: skip

WORDS = [f"running_state_word_{n}" for n in range(1, 8)]


def by_name(values: list[ReadValue]) -> dict[str, float | str]:
    return {v.quantity: v.value for v in values}


async def read_back(line: SimulatedLine, profile: str, address: str, *, on_terminal: bool = False, **given) -> dict:
    where = f"serial://{line.start_pty()}?baud=9600" if on_terminal else f"tcp://127.0.0.1:{await line.start_tcp()}"
    try:
        return by_name(await read_meter(profile, where, address, **{"timeout_s": 0.5, **given}))
    finally:
        await line.stop()


@pytest.mark.parametrize("on_terminal", [False, True], ids=["tcp", "pseudo-terminal"])
def test_a_dlt645_meter(on_terminal: bool) -> None:
    async def scene() -> dict:
        line = SimulatedLine([Dlt645Meter("161", lambda: POWER), Dlt645Meter("162", dict)])
        return await read_back(line, "dlt645-2007", "000000000161", on_terminal=on_terminal)

    found = asyncio.run(scene())
    assert found.pop("relay_open") is True
    assert found == POWER


@pytest.mark.parametrize("on_terminal", [False, True], ids=["tcp", "pseudo-terminal"])
def test_an_old_dlt645_meter(on_terminal: bool) -> None:
    values = {"active_energy_import": 1426.79, "voltage_l1": 223.0, "active_power": 0.5}

    async def scene() -> dict:
        line = SimulatedLine([Dlt645Meter("10003635927", lambda: values, edition=1997)])
        return await read_back(line, "dlt645-1997", "10003635927", on_terminal=on_terminal)

    assert asyncio.run(scene()) == values


@pytest.mark.parametrize("part", [4, 7, 180])
def test_a_block_over_following_frames(part: int) -> None:
    async def scene() -> dict:
        return await read_back(SimulatedLine([Dlt645Meter("1", lambda: POWER, part=part)]), "dlt645-2007", "1")

    assert asyncio.run(scene())["active_energy_import_t2"] == 23456.28


def test_a_meter_that_refuses_blocks_is_asked_one_by_one() -> None:
    class Plain(Dlt645Meter):
        def _body(self, di: int) -> bytes | None:
            return None if b"\xff" in di.to_bytes(4, "big") else super()._body(di)

    async def scene() -> dict:
        return await read_back(SimulatedLine([Plain("1", lambda: POWER)]), "dlt645-2007", "1")

    found = asyncio.run(scene())
    assert (found["voltage_l3"], found["current_l1"]) == (226.2, 4.999)


VARIANTS = [Variant(), Variant(is_short=True), Variant(is_unit_first=True), Variant(is_turned=True),
            Variant(is_clock_high=True, unit=0x29)]  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_cjt188_water_meter_of_any_maker(variant: Variant) -> None:
    async def scene() -> dict:
        meter = Cjt188Meter(
            "924040000018", lambda: {"water_volume": 123.45}, variant=variant,
            clock=lambda: datetime.fromisoformat("2026-03-01T08:00:05"), status=b"\x04\x00",
        )  # fmt: skip
        return await read_back(SimulatedLine([meter]), "cjt188-water", "00924040000018", on_terminal=True)

    found = asyncio.run(scene())
    assert (found["water_volume"], found["battery_low"]) == (123.45, True)
    assert variant.is_short or found["meter_time"] == "2026-03-01 08:00:05"


def test_a_cjt188_heat_meter() -> None:
    values = {"heat_energy": 540.6, "water_volume": 19.83, "supply_temperature": 36.6, "operating_hours": 166.0,
              "flow_rate": 0.1234}  # fmt: skip

    async def scene() -> dict:
        return await read_back(SimulatedLine([Cjt188Meter("1", lambda: values, meter_type=0x20)]), "cjt188-heat", "1")

    assert values.items() <= asyncio.run(scene()).items()


@pytest.mark.parametrize("address", ["5", "12345678", "254"])
@pytest.mark.parametrize("telegrams", [1, 2])
def test_an_mbus_meter_by_primary_and_secondary_address(address: str, telegrams: int) -> None:
    values = {"water_volume": 54.321, "flow_rate": 0.25}

    async def scene() -> dict:
        line = SimulatedLine([MbusMeter(5, "12345678", lambda: values, telegrams=telegrams)])
        return await read_back(line, "mbus", address)

    assert values.items() <= asyncio.run(scene()).items()


@pytest.mark.parametrize(
    ("profile", "meter", "address"),
    [
        ("dlt645-2007", Dlt645Meter("2241020208", dict), "002241020208"),
        ("cjt188-water", Cjt188Meter("805000001", dict), "00000805000001"),
    ],
)
def test_the_address_of_the_one_meter_is_found(profile: str, meter, address: str) -> None:
    async def scene() -> str:
        line = SimulatedLine([meter])
        where = parse_connection(f"tcp://127.0.0.1:{await line.start_tcp()}")
        try:
            loaded = load_profile(profile)
            assert isinstance(loaded, FrameProfile)
            return await find_address(loaded, where, timeout_s=0.5)
        finally:
            await line.stop()

    assert asyncio.run(scene()) == address


def test_several_meters_on_a_line_are_found() -> None:
    async def scene() -> tuple[list[str], list[str]]:
        power = SimulatedLine([Dlt645Meter("1120", lambda: POWER), Dlt645Meter("1220", lambda: POWER)])
        water = SimulatedLine([MbusMeter(3, "1", dict)])
        for meter in (*power.meters, *water.meters):
            meter.fault = LineFault(delay_s=0)
        found = []
        for line, profile in ((power, "dlt645-2007"), (water, "mbus")):
            where = parse_connection(f"tcp://127.0.0.1:{await line.start_tcp()}")
            loaded = replace_timing(load_profile(profile))
            found.append([a async for a in scan_addresses(loaded, where, timeout_s=0.001)])
            await line.stop()
        return found[0], found[1]

    assert asyncio.run(scene()) == (["000000001120", "000000001220"], ["3"])


@pytest.mark.parametrize("profile", ["dlt645-2007", "dlt645-1997"])
def test_a_meter_that_has_everything_gives_what_its_polls_expect(profile: str) -> None:
    """Also what a block of tariffs states besides: its total, which another poll asks for."""
    loaded = load_profile(profile)
    assert isinstance(loaded, FrameProfile)
    numbers = {p.quantity: 1.0 for p in loaded.points if p.known}
    values = {**numbers, "active_energy_combined_total": 1.0, **dict.fromkeys(WORDS, "0x0000"),
              "date": "2026-03-01", "time": "08:00:00"}  # fmt: skip
    meter = Dlt645Meter("161", lambda: values, edition=loaded.edition)
    there = Meter("m", "electricity", profile=profile, connection="tcp://192.0.2.1:1", device_address="161")
    for poll in plan_polls(there, loaded):
        told = [v.quantity for v in converse(poll.begin(), meter).values if v.quantity in BY_NAME]
        assert len(told) == poll.expected


def converse(dialogue: Dialogue, meter: Dlt645Meter) -> Statement:
    """What the meter says to a collector that stands beside it."""
    question = next(dialogue)
    while True:
        try:
            question = dialogue.send(question.find(meter.answer(question.request) or b""))
        except StopIteration as end:
            return end.value


def replace_timing(profile) -> FrameProfile:
    """A fast line, so that silence costs little."""
    assert isinstance(profile, FrameProfile)
    return profile.model_copy(update={"serial": profile.serial.model_copy(update={"baud": 1_000_000}), "gap_ms": 0})


@pytest.mark.parametrize(
    "fault",
    [LineFault(is_silent=True), LineFault(is_half=True), LineFault(is_wrong_sum=True), LineFault(delay_s=9)],
    ids=["silent", "half", "wrong sum", "slow"],
)
def test_a_bad_answer_is_an_error_and_never_a_value(fault: LineFault) -> None:
    async def scene() -> dict:
        meter = Dlt645Meter("1", lambda: POWER)
        meter.fault = fault
        return await read_back(SimulatedLine([meter]), "dlt645-2007", "1", timeout_s=0.15)

    with pytest.raises(Exception, match="answer"):
        asyncio.run(scene())


def test_noise_before_an_answer_does_no_harm() -> None:
    async def scene() -> dict:
        meter = Dlt645Meter("1", lambda: POWER)
        meter.fault = LineFault(noise=12)
        return await read_back(SimulatedLine([meter], seed=4), "dlt645-2007", "1")

    assert asyncio.run(scene())["active_energy_import"] == 123456.78


def test_no_connection_and_no_address_are_told() -> None:
    loaded = load_profile("cjt188-water")
    assert isinstance(loaded, FrameProfile)
    with pytest.raises(Exception, match="address 'x'"):
        asyncio.run(read_meter("dlt645-2007", "tcp://127.0.0.1:9", "x"))
    with pytest.raises(Exception, match="no connection"):
        asyncio.run(read_meter("mbus", "tcp://127.0.0.1:9", "1"))
    with pytest.raises(LineReadError, match="no connection"):
        asyncio.run(find_address(loaded, parse_connection("tcp://127.0.0.1:9")))


class Sink:
    def __init__(self) -> None:
        self.batches: list[ReadingBatch] = []
        self.events: list = []

    def is_accepting(self) -> bool:
        return True

    async def append(self, batch: ReadingBatch) -> None:
        self.batches.append(batch)

    async def append_entry(self, entry: Entry) -> int:
        assert isinstance(entry, EventBatch)
        self.events += entry.events
        return 1

    def count(self, meter: str, quantity: str) -> int:
        return sum(
            b.meters[m] == meter and BY_CODE[int(q)].name == quantity
            for b in self.batches
            for m, q in zip(b.meter, b.quantity, strict=True)
        )


async def until(condition, deadline_s: float = 20.0) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.01)


def test_a_line_is_polled_and_one_silent_meter_leaves_the_others_their_samples() -> None:
    async def scene() -> tuple[Sink, Counts, list[str]]:
        waters = [Cjt188Meter(str(i), lambda i=i: {"water_volume": float(i)}) for i in range(1, 5)]
        waters[3].fault = LineFault(is_silent=True)
        waters[0].status = b"\x04\x00"
        for meter in waters[:3]:
            meter.fault = LineFault(delay_s=0.001)
        line = SimulatedLine(waters)
        port = await line.start_tcp()
        meters = [
            Meter(f"w{i}", "water", profile="cjt188-water", connection=f"tcp://127.0.0.1:{port}",
                  device_address=str(i), poll_s=0.5)
            for i in range(1, 5)
        ]  # fmt: skip
        sink, counts = Sink(), Counts()
        task = asyncio.create_task(LinePoller(meters, sink, counts).run())
        await until(lambda: sink.count("w1", "water_volume") >= 8)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await line.stop()
        return sink, counts, [m.id for m in meters]

    sink, _, names = asyncio.run(scene())
    counted = {name: sink.count(name, "water_volume") for name in names}
    assert counted.pop("w4") == 0
    # The silent one costs two timeouts until its breaker opens; after that the others have the line.
    assert max(counted.values()) - min(counted.values()) <= 1
    events = {(e.meter, e.code, e.text) for e in sink.events}
    assert {(m, text) for m, code, text in events if code == "low_battery"} == {
        ("w1", "on"),
        ("w2", "off"),
        ("w3", "off"),
    }


def test_the_next_meter_is_asked_while_the_last_ones_readings_wait_for_the_disk() -> None:
    class SlowSink(Sink):
        def __init__(self) -> None:
            super().__init__()
            self.disk = asyncio.Event()

        async def append(self, batch: ReadingBatch) -> None:
            await self.disk.wait()
            await super().append(batch)

    async def scene() -> tuple[SlowSink, int]:
        waters = [Cjt188Meter(str(i), lambda: {"water_volume": 1.5}) for i in range(1, 5)]
        line = SimulatedLine(waters)
        port = await line.start_tcp()
        meters = [
            Meter(f"w{i}", "water", profile="cjt188-water", connection=f"tcp://127.0.0.1:{port}",
                  device_address=str(i), poll_s=0.2)
            for i in range(1, 5)
        ]  # fmt: skip
        sink = SlowSink()
        task = asyncio.create_task(LinePoller(meters, sink, Counts()).run())
        await until(lambda: line.requests == 2)
        await asyncio.sleep(0.5)  # a third question would be due since long
        asked = line.requests
        sink.disk.set()
        await until(lambda: len(sink.batches) >= 6)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        taken = len(sink.batches)
        await line.stop()
        assert taken >= line.requests - 1, "a reading that was on its way to the disk at the end is kept"
        return sink, asked

    sink, asked = asyncio.run(scene())
    assert asked == 2, "no more than one poll's readings wait"
    assert {name for batch in sink.batches for name in batch.meters} == {"w1", "w2", "w3", "w4"}
