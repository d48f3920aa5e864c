"""Messages with a day of hourly values, each with its own time, as the rules judge them beside a meter read live."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from collector.alarms import Alarms
from collector.counts import Counts
from collector.mqtt.burst import Burst
from collector.mqtt.frame import Publish
from collector.mqtt.routes import Routes, route_of
from metering.batch import Quality, ReadingBatch, batch_of
from metering.entries import EventBatch, Tick
from metering.quantities import BY_NAME
from metering.site import Site
from metering.site_document import parse_site
from rules.shard import Shard

ZONE = ZoneInfo("Asia/Shanghai")
T0 = int(np.datetime64("2026-03-01T16:00:00", "s").astype(np.int64))  # a local midnight
DAYS, HOURS = 12, 24
RNG = np.random.default_rng(5)
# Litres an hour, none by night.
USE = np.where(np.arange(DAYS * HOURS + 1) % 24 < 6, 0, RNG.integers(1, 40, DAYS * HOURS + 1))
REGISTER = 1000 + np.cumsum(USE)


def site() -> Site:
    meters = [
        {"id": "radio", "medium": "water", "profile": "axioma-qalcosonic-w1", "device_address": "d",
         "connection": "mqtt://127.0.0.1:1883"},
        {"id": "live", "medium": "water", "poll_s": 3600},
    ]  # fmt: skip
    return parse_site({"site": {"id": "s", "timezone": str(ZONE)}, "meters": meters})


def enhanced(hour: int, ahead_s: int = 0) -> bytes:
    """The maker's payload at that hour: time, status, the oldest volume, 23 differences of 14 bits."""
    litres = REGISTER[hour - 23 : hour + 1]
    packed = sum(int(d) << (14 * i) for i, d in enumerate(np.diff(litres)))
    head = bytes([1]) + (T0 + hour * 3600 + ahead_s).to_bytes(4, "little") + b"\0"
    payload = head + int(litres[0]).to_bytes(4, "little") + packed.to_bytes(41, "little")
    data = base64.b64encode(payload).decode()
    return json.dumps({"deviceInfo": {"devEui": "d"}, "fPort": 100, "data": data}).encode()


def entries(every_h: int, ahead_s: int = 0) -> Iterator[Any]:
    """The live meter's reading each hour, and the radio meter's message each `every_h` hours."""
    route, alarms, arrivals = route_of(site().meters["radio"], ZONE), Alarms(), {}
    topic = route.topic.replace("+", "x").encode()
    for hour in range(DAYS * HOURS):
        now_ms = (T0 + hour * 3600) * 1000
        yield Tick(np.datetime64(now_ms, "ms"))
        yield batch_of(
            ("live",), [0], BY_NAME["water_volume"].code, np.datetime64(now_ms, "ms"), [REGISTER[hour] / 1000]
        )
        if hour >= 23 and hour % every_h == every_h - 1:
            burst = Burst(Routes([route]), Counts(), now_ms, arrivals, lambda _: None, alarms)
            burst.add_all([Publish(topic, enhanced(hour, ahead_s), 1, False)])
            yield burst.batch()
            yield EventBatch(tuple(burst.events))


def judged(stream: Iterator[Any]) -> tuple[dict[str, dict[int, tuple[float, int]]], list[Any]]:
    """By meter its intervals by their start (s): usage in litres, quality; and the changes told."""
    shard, found, changes = Shard(site()), {}, []
    for seq, entry in enumerate(stream, 1):
        events = shard.process(seq, entry)
        changes += events.changes
        i = events.intervals
        for m, start, usage, quality in zip(i.meter, i.start, i.usage, i.quality, strict=True):
            found.setdefault(i.meters[m], {})[int(start.astype("M8[s]").astype(int))] = (1000 * usage, int(quality))
    return found, changes


def test_a_days_log_gives_the_intervals_of_a_meter_read_live() -> None:
    found, changes = judged(entries(24))
    radio, live = found["radio"], found["live"]
    shared = sorted(radio.keys() & live.keys())
    assert len(shared) > (DAYS - 2) * 96
    assert np.allclose([radio[s][0] for s in shared], [live[s][0] for s in shared], atol=1e-6)
    assert [c.incident.rule for c in changes if c.incident.subject == "radio"] == []


def test_hours_that_are_told_again_change_nothing() -> None:
    once, often = judged(entries(24))[0]["radio"], judged(entries(6))[0]["radio"]
    shared = once.keys() & often.keys()
    assert np.allclose([once[s][0] for s in shared], [often[s][0] for s in shared], atol=1e-6)


def test_a_clock_a_day_ahead_moves_the_log_to_our_time_and_is_one_alert() -> None:
    stream = list(entries(24, ahead_s=86_400))
    batches = [e for e in stream if isinstance(e, ReadingBatch) and e.meters == ("radio",)]
    assert all((b.quality & int(Quality.CLOCK_WRONG)).all() for b in batches)
    found, changes = judged(iter(stream))
    radio, live = found["radio"], found["live"]
    shared = sorted(radio.keys() & live.keys())
    assert np.allclose([radio[s][0] for s in shared], [live[s][0] for s in shared], atol=1e-6)
    raised = [c.incident for c in changes if c.kind.value == "raised" and c.incident.subject == "radio"]
    assert [i.rule for i in raised] == ["reported_fault"]
    assert raised[0].evidence["findings"][0]["details"]["condition"] == "clock_wrong"
