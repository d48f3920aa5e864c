"""Status bits in published frames, through a real broker and the journal, to alerts and their end."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from contextlib import suppress
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from aquavolt.collecting import Collecting
from aquavolt.config.settings import load_settings
from collector.counts import Counts
from collector.journal import Journal
from collector.journal_sink import JournalSink
from metering.entries import EventBatch
from metering.incident import Category, Severity
from metering.site_document import parse_site
from simulators.cjt188.meter import Cjt188Meter
from simulators.mbus.meter import type_f

EPOCH = np.datetime64(0, "ms")
PROFILES = {
    "kamstrup": "kamstrup-flowiq-lorawan", "axioma": "axioma-qalcosonic-w1", "dragino": "dragino-sw3l",
    "wrapped": "cjt188-water",
}  # fmt: skip
# Kamstrup's info bits 2 and 3 are leak and burst; Axioma's status 20 is a leakage.
KAMSTRUP = "78 44 6D {} 44 13 EC 00 00 00 52 FF 25 {:02X} 00"
FIRST = {"kamstrup": 0x0C, "axioma": 0x20, "dragino": 0x02, "wrapped": 0x04}


def uplink(payload: bytes, port: int, now_s: int) -> bytes:
    data = base64.b64encode(payload).decode()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
    return json.dumps({"time": stamp, "deviceInfo": {"devEui": "d"}, "fPort": port, "data": data}).encode()


def payload_of(meter: str, status: int, now_s: int) -> bytes:
    """A meter's message with that status: the makers' own layouts, as their decoders state them."""
    seconds = now_s.to_bytes(4, "little")
    now = datetime.fromtimestamp(now_s, ZoneInfo("Asia/Shanghai"))
    if meter == "kamstrup":
        return uplink(bytes.fromhex(KAMSTRUP.format(type_f(now).hex(), status)), 1, now_s)
    if meter == "axioma":
        return uplink(bytes([1]) + seconds + bytes([status]) + (500).to_bytes(4, "little") + bytes(41), 100, now_s)
    if meter == "dragino":
        return uplink(bytes([status]) + (256).to_bytes(4, "big") + bytes(2) + now_s.to_bytes(4, "big"), 2, now_s)
    frame = Cjt188Meter("7", lambda: {"water_volume": 1.0}, status=bytes([status, 0]))
    asked = bytes.fromhex("68 10 07 00 00 00 00 00 00 01 03 90 1F 00")
    answer = frame.answer(asked + bytes([sum(asked) & 0xFF, 0x16]))
    assert answer is not None
    return json.dumps({"gateway": "G1", "frame": answer.hex()}).encode()


def site_at(port: int) -> Any:
    nodes = [{"id": "campus", "kind": "campus"}, *({"id": f"at-{m}", "kind": "building", "parent": "campus"}
                                                   for m in PROFILES)]  # fmt: skip
    meters = [
        {"id": meter, "medium": "water", "node": f"at-{meter}", "profile": profile,
         "connection": f"mqtt://127.0.0.1:{port}/up/{meter}",
         **({"device_address": "00000000000007"} if meter == "wrapped" else {})}
        for meter, profile in PROFILES.items()
    ]  # fmt: skip
    return parse_site({"site": {"id": "radio", "timezone": "Asia/Shanghai"}, "nodes": nodes, "meters": meters})


def words(journal: Journal) -> list[tuple[str, str, str]]:
    rows, after = [], 0
    while part := journal.read(after):
        rows, after = rows + part, part[-1][0]
    return [(e.meter, e.code, e.text) for _, entry in rows if isinstance(entry, EventBatch) for e in entry.events]


@pytest.fixture
def publish(start_mosquitto) -> Any:
    broker = start_mosquitto()
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()

    now_s = int(time.time())  # the meters' clocks, and that of the collector, which goes with what has none

    def send(meter: str, status: int) -> None:
        client.publish(f"up/{meter}", payload_of(meter, status, now_s), qos=1).wait_for_publish(10)

    send.port = broker.port
    yield send
    client.disconnect()
    client.loop_stop()


def test_each_radio_meters_status_becomes_an_alert_and_its_end(publish: Any, tmp_path: Any, judged: Any) -> None:
    journal, site, counts = Journal(tmp_path / "journal.db"), site_at(publish.port), Counts()
    wanted = {("kamstrup", "leak"), ("kamstrup", "burst"), ("axioma", "leak"), ("dragino", "alarm"),
              ("wrapped", "low_battery")}  # fmt: skip

    async def until(text: str) -> None:
        end = time.monotonic() + 20
        while not wanted <= {(m, c) for m, c, t in words(journal) if t == text}:
            assert time.monotonic() < end, (words(journal), counts.report(EPOCH, journal).set_aside)
            await asyncio.sleep(0.02)

    async def scene() -> Any:
        sink = JournalSink(journal)
        task = asyncio.create_task(Collecting(load_settings(None, {}), journal, sink, counts).run(site))
        try:
            while "connected" not in {c.state for c in counts.report(EPOCH, journal).connections}:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            for _ in range(3):
                for meter, status in FIRST.items():
                    publish(meter, status)
            await until("on")
            found = judged(site).follow(journal)
            told = {name: set(codes) for name, codes in found.reported().items()}
            for meter in FIRST:
                publish(meter, 0)
            await until("off")
            return told, found, found.follow(journal, hours=5)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await sink.close()

    told, found, after = asyncio.run(scene())
    said = words(journal)
    journal.close()
    assert told == {
        "reported_leak kamstrup": {"leak", "burst"}, "reported_leak axioma": {"leak"},
        "reported_fault dragino": {"alarm"}, "reported_fault wrapped": {"low_battery"},
    }  # fmt: skip
    assert said.count(("kamstrup", "burst", "on")) == 1, "an alarm that stays is told once"
    by_meter = {i.subject: i for i in found.raised if i.rule.startswith("reported")}
    assert (by_meter["kamstrup"].category, by_meter["kamstrup"].severity) == (Category.LEAK, Severity.CRITICAL)
    assert (by_meter["axioma"].category, by_meter["axioma"].severity) == (Category.LEAK, Severity.WARNING)
    assert by_meter["dragino"].category is Category.DATA_QUALITY
    assert {i.subject for i in after.cleared} == set(FIRST)
