"""The channels that intervals are derived for, and what is remembered of each: arrays over channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from metering.quantities import BY_CODE, ELECTRICITY, Quantity
from metering.site import Life, Meter, Site

Int64 = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]

UNSEEN = np.iinfo(np.int64).min
RECENT = 4  # how many distances between readings are remembered to know a gap from the usual pace

# Per channel: kept in snapshots. `boundary` is the register interpolated at the end of the last closed cell.
_STATE: dict[str, tuple[Any, Any]] = {
    "meter": (np.int32, 0),
    "quantity": (np.uint8, 0),
    "last_time": (np.int64, UNSEEN),
    "last_raw": (np.float64, np.nan),
    "offset": (np.float64, 0.0),
    "boundary": (np.float64, np.nan),
    "cell": (np.int64, 0),
    "flags": (np.uint16, 0),
    "seen_rate": (np.float64, 0.0),
    "accepted": (np.int64, 0),
    "moved": (np.int64, UNSEEN),  # when the register last rose
    "held_time": (np.int64, UNSEEN),
    "held_raw": (np.float64, np.nan),
    "held_count": (np.int64, 0),
    **{f"distance_{i}": (np.int64, np.iinfo(np.int64).max) for i in range(RECENT)},
}

# Where the site file gives no maximum: nothing metered on a campus counts faster than `ceiling` an hour (m3, kWh);
# once a meter has shown its pace, a step far above all it has shown is held, but never one below `floor`.
_CEILING = {ELECTRICITY: 20_000.0}
_FLOOR = {ELECTRICITY: 100.0}
_DEFAULT_CEILING, _DEFAULT_FLOOR = 5_000.0, 30.0


class ChannelTable:
    """Channels by (meter, quantity), made when first seen. Columns grow; `state[name][:count]` is what is used."""

    def __init__(self, site: Site) -> None:
        self.meters: tuple[Meter, ...] = tuple(site.meters.values())
        self.ids = tuple(m.id for m in self.meters)
        self._row = {m.id: i for i, m in enumerate(self.meters)}
        self._channel = np.full((len(self.meters), 256), -1, np.int32)
        self.count = 0
        self.state: Columns = {name: np.full(0, fill, kind) for name, (kind, fill) in _STATE.items()}
        self._fixed: dict[str, list[float]] = {k: [] for k in ("modulus", "declared", "ceiling", "floor", "jitter")}
        self.fixed: dict[str, npt.NDArray[np.float64]] = {k: np.zeros(0) for k in self._fixed}
        self.lives: dict[int, tuple[Life, ...]] = {}
        self.is_rate = np.zeros(0, bool)

    def rows_of(self, meters: tuple[str, ...]) -> npt.NDArray[np.int64]:
        """Row of each of these meter ids in the site; -1 for one the site does not have."""
        return np.array([self._row.get(m, -1) for m in meters], np.int64)

    def channels_of(self, meter_row: Int64, code: npt.NDArray[np.uint8]) -> Int64:
        """The channel of each (meter row, quantity code); -1 where nothing is derived from it."""
        found = self._channel[meter_row, code]
        if (missing := found == -1).any():
            for key in np.unique(meter_row[missing] * 256 + code[missing]):
                self._open(int(key) // 256, int(key) % 256)
            found = self._channel[meter_row, code]
        return found.astype(np.int64)

    def has_register(self, meter_row: int) -> bool:
        """Whether the meter has ever sent its main register."""
        register = self.meters[meter_row].main_register
        return register is not None and self._channel[meter_row, register.code] >= 0

    def _open(self, row: int, code: int) -> None:
        meter, quantity = self.meters[row], BY_CODE.get(code)
        is_rate = quantity is not None and meter.main_rate is not None and quantity.code == meter.main_rate.code
        if quantity is None or not (quantity.is_cumulative or is_rate):
            self._channel[row, code] = -2
            return
        channel = self.count
        self._channel[row, code] = channel
        self.count += 1
        if self.count > len(self.state["meter"]):
            self._grow(max(16, 2 * self.count))
        self.state["meter"][channel], self.state["quantity"][channel] = row, code
        self._describe(channel, meter, quantity, is_rate)

    def _grow(self, capacity: int) -> None:
        for name, (kind, fill) in _STATE.items():
            grown = np.full(capacity, fill, kind)
            grown[: len(self.state[name])] = self.state[name]
            self.state[name] = grown

    def _describe(self, channel: int, meter: Meter, quantity: Quantity, is_rate: bool) -> None:
        is_main = meter.main_register is not None and quantity.code == meter.main_register.code
        resolution = meter.resolution if is_main and meter.resolution else 0.0
        row = {
            "modulus": 10.0**meter.register_digits if is_main and meter.register_digits else np.nan,
            # Half again: a declared maximum is a rating, and water and current may overshoot one for minutes.
            "declared": 1.5 * meter.maximum_rate if is_main and meter.maximum_rate else np.nan,
            "ceiling": _CEILING.get(quantity.medium, _DEFAULT_CEILING),
            "floor": _FLOOR.get(quantity.medium, _DEFAULT_FLOOR),
            "jitter": 3 * resolution,
        }
        for key, value in row.items():
            self._fixed[key].append(value)
            self.fixed[key] = np.array(self._fixed[key])
        self.is_rate = np.append(self.is_rate, is_rate)
        if is_main and meter.lives:
            self.lives[channel] = meter.lives

    def output_code(self, channel: Int64) -> npt.NDArray[np.uint8]:
        """Quantity under which a channel's intervals are kept: a rate's integral counts as its register."""
        codes = self.state["quantity"][: self.count].copy()
        for i in np.flatnonzero(self.is_rate):
            register = self.meters[self.state["meter"][i]].main_register
            codes[i] = register.code if register else codes[i]
        return codes[channel]

    def snapshot(self) -> dict[str, Any]:
        """The state as plain arrays, with the meters' ids so that a changed site file still fits."""
        return {"ids": list(self.ids), **{k: v[: self.count].copy() for k, v in self.state.items()}}

    def restore(self, saved: dict[str, Any]) -> dict[int, int]:
        """Take over a snapshot; channels of meters that are gone are left out. Gives old channel -> new."""
        moved: dict[int, int] = {}
        ids = saved["ids"]
        for old, (row, code) in enumerate(zip(saved["meter"], saved["quantity"], strict=True)):
            here = self._row.get(ids[int(row)])
            if here is None:
                continue
            new = int(self.channels_of(np.array([here]), np.array([code], np.uint8))[0])
            moved[old] = new
            for name in _STATE:
                if name not in ("meter", "quantity"):
                    self.state[name][new] = saved[name][old]
        return moved
