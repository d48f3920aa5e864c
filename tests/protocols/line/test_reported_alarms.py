"""A status in real frames on a line, through the collecting service and the journal, to an alert and to its end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from aquavolt.collecting import Collecting
from aquavolt.config.settings import load_settings
from collector.counts import Counts
from collector.journal import Journal
from collector.journal_sink import JournalSink
from collector.mbus.frame import ACK, REQ_UD2, REQ_UD2_FCB, build, find_frame
from metering.entries import EventBatch
from metering.incident import Category, Severity
from metering.site import Site
from metering.site_document import parse_site
from simulators.cjt188.meter import Cjt188Meter, Variant
from simulators.dlt645.meter import Dlt645Meter
from simulators.line.server import HEALTHY, SimulatedLine

ZONE = ZoneInfo("Asia/Shanghai")
VECTORS = json.loads((Path(__file__).parents[1] / "mbus" / "vectors.json").read_text())["vectors"]
WATERSTAR = bytes.fromhex(next(v for v in VECTORS if v["name"] == "EFE_Engelmann-WaterStar")["frame"])


class Recorded:
    """An M-Bus meter that answers with a published frame; `is_mended` takes the alarms out of its status byte."""

    def __init__(self, frame: bytes) -> None:
        self._frame, self.is_mended, self.fault = frame, False, HEALTHY

    def answer(self, heard: bytes) -> bytes | None:
        found = find_frame(heard)
        if found is None:
            return None
        if found.frame.control not in {REQ_UD2, REQ_UD2_FCB}:
            return bytes([ACK])
        if not self.is_mended:
            return self._frame
        frame = find_frame(self._frame).frame
        data = bytearray(frame.data)
        data[9] = 0  # the header's status byte
        return build(frame.control, frame.address, frame.ci, bytes(data))


def site_of(meters: list[dict[str, Any]]) -> Site:
    nodes = [{"id": "campus", "kind": "campus"}]
    for meter in meters:
        nodes.append({"id": f"at-{meter['id']}", "kind": "building", "parent": "campus"})
        meter |= {"node": f"at-{meter['id']}", "poll_s": 0.3}
    document = {"site": {"id": "lines", "timezone": str(ZONE)}, "nodes": nodes, "meters": meters}
    return parse_site(document)


async def collect(site: Site, journal: Journal, is_enough: Callable[[set[tuple[str, str, str]]], bool]) -> None:
    """Run the collecting service until the journal holds these words of the meters: (meter, code, text)."""
    sink, counts = JournalSink(journal), Counts()
    task = asyncio.create_task(Collecting(load_settings(None, {}), journal, sink, counts).run(site))
    try:
        end = time.monotonic() + 20
        while not is_enough(words(journal)):
            faults = [m.last_error for m in counts.report(np.datetime64(0, "ms"), journal).meters]
            assert time.monotonic() < end, (sorted(words(journal)), faults)
            await asyncio.sleep(0.02)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await sink.close()


def words(journal: Journal) -> set[tuple[str, str, str]]:
    rows, after = [], 0
    while part := journal.read(after):
        rows, after = rows + part, part[-1][0]
    return {(e.meter, e.code, e.text) for _, entry in rows if isinstance(entry, EventBatch) for e in entry.events}


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    opened = Journal(tmp_path / "journal.db")
    yield opened
    opened.close()


def test_each_protocols_status_becomes_an_alert_and_its_end(journal: Journal, judged: Any) -> None:
    now = datetime.now(ZONE)
    clocks = {"late": now - timedelta(hours=1), "right": now}
    power: dict[str, Any] = {"active_energy_import": 5.0, "running_state_word_1": "0x0004"}
    low = Cjt188Meter("1", lambda: {"water_volume": 1.0}, variant=Variant(), status=b"\x04\x00")
    stuck = Cjt188Meter("2", lambda: {"water_volume": 1.0}, status=b"\x03\x00", clock=lambda: clocks["late"])
    electric, recorded = Dlt645Meter("3", lambda: power), Recorded(WATERSTAR)

    async def scene() -> tuple[Any, Any, set[tuple[str, str, str]]]:
        water, power_line, mbus = SimulatedLine([low, stuck]), SimulatedLine([electric]), SimulatedLine([recorded])
        where = f"rtu+tcp://127.0.0.1:{await water.start_tcp()}"
        site = site_of(
            [
                {"id": "low", "medium": "water", "profile": "cjt188-water", "device_address": "1", "connection": where},
                {"id": "stuck", "medium": "water", "profile": "cjt188-water", "device_address": "2",
                 "connection": where},
                {"id": "electric", "medium": "electricity", "profile": "dlt645-2007", "device_address": "3",
                 "connection": f"tcp://127.0.0.1:{await power_line.start_tcp()}"},
                {"id": "mbus", "medium": "water", "profile": "mbus", "device_address": "11",
                 "connection": f"serial://{mbus.start_pty()}?baud=9600"},
            ]
        )  # fmt: skip
        wanted = {
            ("low", "low_battery", "on"), ("stuck", "valve_fault", "on"), ("stuck", "clock_wrong", "on"),
            ("electric", "low_battery", "on"), ("mbus", "low_battery", "on"),
        }  # fmt: skip
        await collect(site, journal, lambda said: wanted <= said)
        first = judged(site).follow(journal)
        told, so_far = first.reported(), [(i.category, i.severity, i.subject, i.node) for i in first.raised]
        # Mended while the collector is away: it tells so with the first answer it gets.
        low.status, stuck.status, recorded.is_mended = b"\x00\x00", b"\x00\x00", True
        power["running_state_word_1"], clocks["late"] = "0x0000", now
        over = {(meter, code, "off") for meter, code, _ in wanted}
        await collect(site, journal, lambda said: over <= said)
        for line in (water, power_line, mbus):
            await line.stop()
        over_now = {i.id for i in first.follow(journal, hours=5).cleared}
        return told, so_far, {i.subject for i in first.raised if i.id not in over_now}

    told, raised, still_open = asyncio.run(scene())
    assert told == {
        "reported_fault low": {"low_battery"},
        "reported_fault stuck": {"valve_fault", "clock_wrong"},
        "reported_fault electric": {"low_battery"},
        "reported_fault mbus": {"low_battery", "clock_wrong"},  # the frame is of 2014
    }
    assert len(raised) == 4, "one alert a meter"
    assert {category for category, *_ in raised} == {Category.DATA_QUALITY}
    assert {subject: severity for _, severity, subject, _ in raised} == {
        "low": Severity.INFO, "stuck": Severity.WARNING, "electric": Severity.INFO, "mbus": Severity.INFO,
    }  # fmt: skip
    assert all(node == f"at-{subject}" for *_, subject, node in raised)
    assert still_open == {"mbus"}, "its clock is as wrong as before"
