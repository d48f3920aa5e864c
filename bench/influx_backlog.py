"""InfluxDB away while readings gather in the journal, then back: how fast the backlog goes out, how late live ones are.

Live readings are watched from outside, through the collector's own files: from the moment the journal has an entry to
the moment InfluxDB has confirmed it (looked at every 10 ms).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np

from bench.broker_queue import Message, Publisher, broker, payload, preload
from bench.fresh_influx import check_stored, confirmed, fresh_influx, tell
from bench.running_collect import CLIENT_ID, Collect, running_collect, until
from deploy.services.influxd import Influx

LIVE_METERS = 50
LIVE_EVERY_S = 0.1
VALUES = 3
_LOOK_S = 0.01


@dataclass(frozen=True, slots=True)
class Backlog:
    """What was seen. `late_s`: seconds from the journal to InfluxDB of each live reading while the backlog went out."""

    readings: int
    seconds: float
    late_s: np.ndarray

    @property
    def rate(self) -> float:
        """Readings of the backlog a second."""
        return self.readings / self.seconds


class LiveMeters:
    """Publishes now's readings of `LIVE_METERS` meters ten times a second until told to stop."""

    def __init__(self, port: int, first_meter: int) -> None:
        self.messages = 0
        self._first = first_meter
        self._publisher = Publisher(port, "live")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(LIVE_EVERY_S):
            now = time.time_ns() // 1_000_000
            body = payload(now, now % 10_000 / 10, 1.0, 90.0)
            self._publisher.publish([(self._first + i, body) for i in range(LIVE_METERS)])
            self.messages += LIVE_METERS

    def stop(self) -> None:
        """The last message is with the broker."""
        self._stopping.set()
        self._thread.join()
        self._publisher.wait()
        self._publisher.close()


class Watching:
    """Looks at the collector's positions until the backlog is out."""

    def __init__(self, collect: Collect) -> None:
        self._collect = collect
        self._seen = collect.journaled()[0]
        self._waiting: dict[int, tuple[int, int]] = {}  # by sequence: Unix ms of the append, readings
        self._late: list[tuple[float, int]] = []

    def look(self) -> dict[str, int]:
        """Note what has arrived, and what is stored; the positions."""
        positions, now_ms = self._collect.positions(), time.time() * 1000
        for seq, at_ms, readings in self._collect.arrivals(self._seen):
            self._waiting[seq] = at_ms, readings
            self._seen = seq
        for seq in [seq for seq in self._waiting if seq <= positions["live"]]:
            at_ms, readings = self._waiting.pop(seq)
            self._late.append(((now_ms - at_ms) / 1000, readings))
        return positions

    def forget(self) -> None:
        """What has arrived so far came while InfluxDB was away: it is not late by our doing."""
        self.look()
        self._waiting.clear()
        self._late.clear()

    def late_s(self) -> np.ndarray:
        """One number a live reading."""
        seconds, readings = zip(*self._late, strict=True)
        return np.repeat(np.array(seconds), np.array(readings))


def measure(messages: list[Message], meters: int) -> Backlog:
    """Let these gather while InfluxDB is away, bring it back, watch."""
    with fresh_influx() as (server, folder), broker(folder) as queue:
        with running_collect(folder, queue.port, server.access, meters + LIVE_METERS) as collect:
            process = collect.process
            until(lambda: queue.has_met(CLIENT_ID, 1), "the collector at the broker", process)
            live = LiveMeters(queue.port, meters)
            until(lambda: confirmed(server.access) > 0, "a first reading in InfluxDB", process)
            server.stop()
            before = collect.journaled()[1]
            preload(queue.port, messages)
            wanted = before + VALUES * len(messages)
            until(lambda: collect.journaled()[1] >= wanted, "all in the journal", process)
            tell(f"{collect.journaled()[1] - before:,} readings wait in the journal")
            found = _return(server, collect, before)
            live.stop()
            everything = VALUES * (len(messages) + live.messages)
            until(lambda: collect.positions()["live"] >= collect.journaled()[0], "the last live ones", process)
        check_stored(server.access, "value", everything)
    return found


def _return(server: Influx, collect: Collect, before: int) -> Backlog:
    server.start()
    back = time.perf_counter()
    until(lambda: confirmed(server.access) > 0, "the collector's first write", collect.process, look_s=_LOOK_S)
    began = time.perf_counter()
    tell(f"written again {began - back:.1f} s after InfluxDB was back")
    watching = Watching(collect)
    watching.forget()
    wanted, readings = collect.journaled()
    readings -= before

    def is_out() -> bool:
        positions = watching.look()
        is_behind = positions.get("backlog", 0) < positions.get("until", 0)
        return positions["backlog" if is_behind else "live"] >= wanted

    until(is_out, "the backlog in InfluxDB", collect.process, look_s=_LOOK_S)
    return Backlog(readings, time.perf_counter() - began, watching.late_s())
