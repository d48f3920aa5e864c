"""A status register polled over a socket: its alarm bits as events, told when they change."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from collector.counts import Counts
from collector.modbus.poller import ModbusPoller
from device_profiles import load_profile
from device_profiles.loader import ProfileError, parse_profile
from metering.entries import Entry, EventBatch
from metering.site import Meter
from simulators.modbus.server import ModbusServer, SimulatedUnit

TUF = load_profile("tuf2000m")
DUMP = next(t for t in TUF.tests if t.registers)
ERRORS_AT = 0x47
PROFILE = """
schema: device_profile/1
id: x
manufacturer: none
kind: water_meter
medium: water
protocol: modbus
confidence: high
sources: [{id: S1, what: nothing}]
points:
  - {quantity: water_volume, function: 3, address: 0, dtype: uint16}
  - {quantity: status, unit: "", function: 3, address: 9, dtype: DTYPE, alarms: {ALARMS}}
"""


class Words:
    """Registers that a test may change."""

    def __init__(self, words: dict[int, int]) -> None:
        self.words = words

    def read(self, _function: int, address: int, count: int) -> bytes:
        return b"".join(self.words.get(address + i, 0).to_bytes(2, "big") for i in range(count))


class Sink:
    """Takes all; its first events it refuses, as a full journal does."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.readings = self.refused = 0

    def is_accepting(self) -> bool:
        return True

    async def append(self, batch: Any) -> None:
        self.readings += len(batch)

    async def append_entry(self, entry: Entry) -> int:
        assert isinstance(entry, EventBatch)
        self.refused += 1
        if self.refused == 1:
            raise OSError("no space")
        self.events += [(e.code, e.text) for e in entry.events]
        return 1


def test_alarm_bits_are_told_when_they_change() -> None:
    words = dict(enumerate(DUMP.registers[0]))

    async def scene() -> list[tuple[str, str]]:
        server = ModbusServer({1: SimulatedUnit(Words(words))})
        port = await server.start()
        sink = Sink()
        meter = Meter("w", "water", profile="tuf2000m", connection=f"tcp://127.0.0.1:{port}", poll_s=0.1)
        task = asyncio.create_task(ModbusPoller([meter], sink, Counts()).run())
        async with asyncio.timeout(15):
            for word, count in ((0x08, 2), (0x18, 3), (0x00, 5)):
                words[ERRORS_AT] = word
                while len(sink.events) < count:  # noqa: ASYNC110 - another task's list, looked at
                    await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.stop()
        assert sink.readings > 0
        return sink.events

    assert asyncio.run(scene()) == [
        ("permanent_error", "off"), ("pipe_empty", "on"), ("permanent_error", "on"), ("pipe_empty", "off"),
        ("permanent_error", "off"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("dtype", "alarms", "told"),
    [("uint16", "3: smoke", "'smoke' is no alarm"), ("uint16", "16: leak", "no bit 16; allowed: 0 to 15"),
     ("float32", "3: leak", "dtype uint16 or uint32")],
)  # fmt: skip
def test_a_profile_may_name_our_alarms_in_whole_words_only(dtype: str, alarms: str, told: str) -> None:
    with pytest.raises(ProfileError, match=told):
        parse_profile(PROFILE.replace("DTYPE", dtype).replace("ALARMS", alarms), "x.yaml")


def test_a_status_word_far_from_the_readings_is_asked_for_by_itself() -> None:
    profile = parse_profile(PROFILE.replace("DTYPE", "uint16").replace("ALARMS", "0: leak")
                            .replace("address: 9", "address: 900"), "x.yaml")  # fmt: skip

    async def scene() -> tuple[int, list[tuple[str, str]]]:
        server = ModbusServer({1: SimulatedUnit(Words({0: 7, 900: 1}))})
        sink = Sink()
        sink.refused = 1
        meter = Meter("w", "water", profile="x", connection=f"tcp://127.0.0.1:{await server.start()}", poll_s=0.1)
        task = asyncio.create_task(ModbusPoller([meter], sink, Counts(), profiles=lambda _: profile).run())
        async with asyncio.timeout(15):
            while not (sink.events and sink.readings):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.stop()
        return sink.readings, sink.events

    readings, events = asyncio.run(scene())
    assert readings > 0
    assert events == [("leak", "on")]
