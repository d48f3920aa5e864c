"""The careful path: a register's odd steps told apart, one reading at a time.

A step that is too large, or falls, is held until the next reading decides (v0 accepted, vh held, v2 next):

    v2 stays at vh or above, and vh was         true after all: booked
      - reached as fast as v2 from it             a burst main
      - possible in the time up to v2             a reading came late
      - possible since the register last rose     it stood still and has caught up
    v2 goes on from v0                          glitch: vh was wrong, dropped
    v2 goes on from vh, which is near zero      reset
    v2 goes on from vh, a small way below v0    runs backwards: booked, negative
    v2 goes on from vh otherwise                replaced without a word
    none of these                               v2 is held instead; after three, the newest is taken as a new meter
"""

from __future__ import annotations

import numpy as np

from metering.batch import Quality
from metering.channels import RECENT, UNSEEN, ChannelTable
from metering.plausible import gap_flags, hours, limit
from metering.register_event import RegisterEvent, RegisterEventKind
from metering.site import Life
from metering.steps import Rows, Steps

_TRIES = 3
_Row = tuple[int, float, int, float, int, bool]  # t0, r0, t1, r1, flags, unknown


class CarefulReader:
    """One channel; works on the table's state and collects steps and events."""

    def __init__(self, table: ChannelTable, channel: int) -> None:
        self.table, self.channel = table, channel
        self.meter = table.ids[int(table.state["meter"][channel])]
        self.quantity = int(table.state["quantity"][channel])
        self.modulus = float(table.fixed["modulus"][channel])
        self.jitter = float(table.fixed["jitter"][channel])
        self.lives = table.lives.get(channel, ())
        self.events: list[RegisterEvent] = []
        self._steps: list[_Row] = []

    def _get(self, name: str) -> int | float:
        return self.table.state[name][self.channel].item()  # type: ignore[no-any-return]

    def _set(self, name: str, value: float) -> None:
        self.table.state[name][self.channel] = value

    def read(self, rows: Rows) -> Steps:
        """Steps of these readings, which are in order and newer than the last accepted one."""
        for time, value, flags in zip(rows.time.tolist(), rows.value.tolist(), rows.flags.tolist(), strict=True):
            held = int(self._get("held_time"))
            if held != UNSEEN and time > held:
                self._decide(time, value, flags)
            else:
                self._judge(time, value, flags)
        columns = list(zip(*self._steps, strict=True)) or [()] * 6
        t0, r0, t1, r1, flag, unknown = columns
        return Steps(
            np.full(len(self._steps), self.channel, np.int64),
            np.array(t0, np.int64),
            np.array(r0, np.float64),
            np.array(t1, np.int64),
            np.array(r1, np.float64),
            np.array(flag, np.uint16),
            np.array(unknown, bool),
        )

    def _limit(self, distance: int) -> float:
        one = np.array([self.channel])
        seen, accepted = np.array([self._get("seen_rate")]), np.array([self._get("accepted")])
        return float(limit(self.table, one, np.array([distance]), seen, accepted)[0])

    def _goes_on(self, value: float, start: float, distance: int) -> bool:
        return -self.jitter <= value - start <= self._limit(distance)

    def _judge(self, time: int, value: float, flags: int) -> None:
        last_time, last = int(self._get("last_time")), self._get("last_raw")
        change = self._declared_change(last_time, time)
        if change is not None:
            self._replace(change, time, value, flags)
        elif self._goes_on(value, last, time - last_time):
            # A fall within the resolution's jitter counts as standing still, so that a trembling digit adds nothing.
            self._accept(time, max(value, last), flags)
        elif self._rolled_over(value, last, time - last_time):
            self._note(RegisterEventKind.ROLLOVER, last_time, last, time, value)
            self._set("offset", self._get("offset") + self.modulus)
            self._set("last_raw", last - self.modulus)
            self._accept(time, value, flags | Quality.ROLLOVER)
        else:
            self._hold(time, value)

    def _rolled_over(self, value: float, last: float, distance: int) -> bool:
        return value < last and 0 <= value + self.modulus - last <= self._limit(distance)

    def _hold(self, time: int, value: float) -> None:
        if self._get("held_count") == 0:
            self._note(RegisterEventKind.HELD, int(self._get("last_time")), self._get("last_raw"), time, value)
        self._set("held_time", time)
        self._set("held_raw", value)
        self._set("held_count", self._get("held_count") + 1)

    def _decide(self, time: int, value: float, flags: int) -> None:
        t0, v0 = int(self._get("last_time")), self._get("last_raw")
        th, vh = int(self._get("held_time")), self._get("held_raw")
        kind = self._verdict((t0, v0), (th, vh), (time, value))
        if kind is None and self._get("held_count") < _TRIES:
            self._hold(time, value)
            return
        for name, nothing in (("held_time", UNSEEN), ("held_raw", np.nan), ("held_count", 0)):
            self._set(name, nothing)
        if kind is None:
            self._note(RegisterEventKind.UNDECLARED_REPLACEMENT, t0, v0, time, value)
            self._begin_again(time, value, flags)
            return
        self._note(kind, t0, v0, time, vh)
        if kind in (RegisterEventKind.RELEASED, RegisterEventKind.REVERSED):
            self._accept(th, vh, flags)
        elif kind is not RegisterEventKind.GLITCH:
            mark = Quality.RESET if kind is RegisterEventKind.RESET else Quality.REPLACED
            self._begin_again(th, vh, flags | mark)
        if kind is RegisterEventKind.REVERSED and value < vh:
            self._accept(time, value, flags)
        else:
            self._judge(time, value, flags)

    def _verdict(
        self, last: tuple[int, float], held: tuple[int, float], now: tuple[int, float]
    ) -> RegisterEventKind | None:
        (t0, v0), (th, vh), (time, value) = last, held, now
        from_last, from_held = self._goes_on(value, v0, time - t0), self._goes_on(value, vh, time - th)
        if vh > v0 and value >= vh and (from_last or self._is_true(last, held, now)):
            return RegisterEventKind.RELEASED
        if from_last:
            return RegisterEventKind.GLITCH
        small_fall = vh < v0 and v0 - vh <= self._limit(th - t0)
        if small_fall and vh > 0.5 * v0 and (from_held or (value < vh and vh - value <= self._limit(time - th))):
            return RegisterEventKind.REVERSED
        if not from_held:
            return None
        if vh < v0 and abs(vh) <= self._limit(th - t0):
            return RegisterEventKind.RESET
        return RegisterEventKind.UNDECLARED_REPLACEMENT

    def _is_true(self, last: tuple[int, float], held: tuple[int, float], now: tuple[int, float]) -> bool:
        """Whether the register can have risen that much: it goes on as fast, or has caught up after a standstill."""
        (t0, v0), (th, vh), (time, value) = last, held, now
        if vh - v0 > float(self.table.fixed["ceiling"][self.channel]) * float(hours(np.array([th - t0]))[0]):
            return False  # nothing counts so fast, however long it goes on
        goes_on = (value - vh) / (time - th) >= 0.25 * (vh - v0) / (th - t0)
        moved = int(self._get("moved"))
        still = hours(np.array([th - moved])).item() if moved != UNSEEN else 0.0
        return goes_on or vh - v0 <= self._get("seen_rate") * still

    def _declared_change(self, after: int, until: int) -> int | None:
        for i, life in enumerate(self.lives):
            if after < int(life.start.timestamp() * 1000) <= until:
                return i
        return None

    def _replace(self, life: int, time: int, value: float, flags: int) -> None:
        old: Life | None = self.lives[life - 1] if life else None
        new, last = self.lives[life], self._get("last_raw")
        self._note(RegisterEventKind.REPLACED, int(self._get("last_time")), last, time, value)
        if old is None or old.last_register is None or new.first_register is None:
            self._begin_again(time, value, flags | Quality.REPLACED)
            return
        counted = max(0.0, old.last_register - last) + max(0.0, value - new.first_register)
        self._set("offset", self._get("offset") + last + counted - value)
        self._set("last_raw", value - counted)
        self._accept(time, value, flags | Quality.REPLACED)

    def _note(self, kind: RegisterEventKind, since: int, before: float, time: int, after: float) -> None:
        self.events.append(
            RegisterEvent(
                kind, self.meter, self.quantity, np.datetime64(since, "ms"), np.datetime64(time, "ms"), before, after
            )
        )

    def _past(self) -> list[int]:
        return [int(self._get(f"distance_{k}")) for k in range(RECENT)]

    def _shift(self, distance: int) -> None:
        for k, kept in enumerate([*self._past()[1:], distance]):
            self._set(f"distance_{k}", kept)

    def _accept(self, time: int, value: float, flags: int) -> None:
        t0, last, offset = int(self._get("last_time")), self._get("last_raw"), self._get("offset")
        distance = time - t0
        gap = int(gap_flags(np.array([[*self._past(), distance]]))[0, 0])
        self._steps.append((t0, last + offset, time, value + offset, flags | gap, False))
        if value > last:
            self._set("moved", time)
        pace = (value - last) / float(hours(np.array([distance]))[0])
        self._set("seen_rate", max(self._get("seen_rate"), pace))
        self._set("accepted", self._get("accepted") + 1)
        self._move_to(time, value, distance)

    def _begin_again(self, time: int, value: float, flags: int) -> None:
        t0, offset = int(self._get("last_time")), self._get("offset")
        self._steps.append((t0, self._get("last_raw") + offset, time, value + offset, flags, True))
        self._move_to(time, value, time - t0)

    def _move_to(self, time: int, value: float, distance: int) -> None:
        self._shift(distance)
        self._set("last_time", time)
        self._set("last_raw", value)
