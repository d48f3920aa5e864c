"""A small hall's meters for some weeks, as the messages they would send: made, of a fixed seed.

Eight water meters send four values every 15 minutes. Some leak, some fall silent: so there are alerts that a fault of
ours could change.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

QUANTITIES = ("water_volume", "flow_rate", "temperature", "battery")
START = np.datetime64("2025-09-14T16:00", "ms")  # midnight in Asia/Shanghai
PERIOD_S = 900
PERIOD = np.timedelta64(PERIOD_S, "s")
A_DAY = 96
METERS, DAYS = 8, 20
_LEAK_DAY = {3: 11, 6: 12, 7: 13}  # by meter: from that day on
_SILENT_DAYS = {1: (14, 15), 5: (16, 18)}
_LEAK_M3 = 0.08 / 4  # of a quarter of an hour
_SEED = 20260301
# Share of a room's use by hour of the day: nobody is up from midnight to six.
_HOURS = np.array([0] * 6 + [6, 9, 6, 3, 3, 5, 6, 3, 3, 3, 4, 6, 8, 9, 9, 8, 5, 2], float)

Key = tuple[str, str, int]
"""Meter, quantity, time in ms since 1970."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a meter sends at one moment; `values` are in the order of `QUANTITIES`."""

    meter: str
    time_ms: int
    values: tuple[float, ...]

    @property
    def payload(self) -> bytes:
        """As the profile `json-plain` reads it."""
        return json.dumps({"time": self.time_ms, **dict(zip(QUANTITIES, self.values, strict=True))}).encode()


class History:
    """All messages, in the order of time."""

    def __init__(self) -> None:
        times = START.astype(np.int64) + np.arange(DAYS * A_DAY) * PERIOD_S * 1000
        rng = np.random.default_rng(_SEED)
        made = [_meter(rng, number) for number in range(METERS)]
        self.messages = [
            Message(meter_id(number), time, tuple(made[number][step].tolist()))
            for step, time in enumerate(times.tolist())
            for number in range(METERS)
            if not _is_silent(number, step // A_DAY)
        ]

    def readings(self) -> dict[Key, float]:
        """Every reading there ever was."""
        return {
            (message.meter, quantity, message.time_ms): value
            for message in self.messages
            for quantity, value in zip(QUANTITIES, message.values, strict=True)
        }

    def never_sent(self) -> int:
        """Readings that a silent meter did not send, of those it would have sent by its period."""
        return (METERS * DAYS * A_DAY - len(self.messages)) * len(QUANTITIES)

    def last_times(self) -> dict[str, int]:
        """When each meter sent its last message, in ms."""
        return {message.meter: message.time_ms for message in self.messages}


def meter_id(number: int) -> str:
    return f"room-{number + 1:02}"


def _is_silent(number: int, day: int) -> bool:
    first, end = _SILENT_DAYS.get(number, (0, 0))
    return first <= day < end


def _meter(rng: np.random.Generator, number: int) -> npt.NDArray[np.float64]:
    """(step, quantity) of one meter."""
    steps = DAYS * A_DAY
    share = np.tile(np.repeat(_HOURS / _HOURS.sum() / 4, 4), DAYS)
    use = np.where(rng.random(steps) < 0.6, rng.gamma(2.0, 0.25, steps), 0.0) * share
    at = np.arange(steps)
    use[at // A_DAY >= _LEAK_DAY.get(number, DAYS)] += _LEAK_M3
    use = np.round(use, 3)
    register = np.round(100.0 * (number + 1) + np.cumsum(use), 3)
    temperature = np.round(18 + rng.random(steps), 1)
    battery = np.round(90 - at / A_DAY / 10, 1)
    return np.stack([register, np.round(use * 4, 3), temperature, battery], axis=1)


def site_document(broker: str) -> dict[str, Any]:
    """The hall as a site file; its meters send to `broker` (mqtt://host:port)."""
    rooms = [f"r{number + 1:02}" for number in range(METERS)]
    return {
        "site": {"id": "hall", "name": "Hall", "timezone": "Asia/Shanghai"},
        "nodes": [
            {"id": "hall", "kind": "building", "use": "dormitory"},
            *({"id": room, "kind": "room", "parent": "hall", "beds": 4} for room in rooms),
        ],
        "meters": [
            {
                "id": meter_id(number), "medium": "water", "node": room, "profile": "json-plain", "poll_s": PERIOD_S,
                "connection": f"{broker}/hall/{meter_id(number)}", "resolution": 0.001,
            }
            for number, room in enumerate(rooms)
        ],
    }  # fmt: skip
