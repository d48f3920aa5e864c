"""One clock out of the ticks of several collectors: event time is as far as the slowest of them has come.

So a backlog that one of them pushes after an outage is judged as if it had come in time. A collector that is not heard
of for `PATIENCE_S` is no longer waited for; from then on each tick says that the time since its last is a gap of
ours, so that no meter is blamed for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from metering.entries import Tick

PATIENCE_S = 900.0


class EventClock:
    """The clock. `ticks` are the collectors' last ones (ms since 1970; 0: none yet), as they were kept."""

    def __init__(
        self,
        ticks: Mapping[str, int],
        patience_s: float = PATIENCE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ticks = dict(ticks)
        self._patience_s, self._monotonic = patience_s, monotonic
        self._heard = dict.fromkeys(ticks, monotonic())
        self._told = 0

    def hear(self, collector: str) -> None:
        """The collector is there."""
        self._heard[collector] = self._monotonic()
        self._ticks.setdefault(collector, 0)

    def forget(self, collector: str) -> None:
        """The collector will not come back."""
        self._heard.pop(collector, None)
        self._ticks.pop(collector, None)

    def saved(self) -> tuple[dict[str, int], int]:
        """Where it stands, for `put_back`."""
        return dict(self._ticks), self._told

    def put_back(self, saved: tuple[dict[str, int], int]) -> None:
        """As it was: what was said since could not be written, and will be said again."""
        self._ticks, self._told = saved

    def last(self, collector: str) -> int:
        """The collector's last tick."""
        return self._ticks.get(collector, 0)

    def tick(self, collector: str, tick: Tick) -> Tick | None:
        """What a collector's tick means for the site; None when time does not move."""
        self.hear(collector)
        before, now = self._ticks[collector], int(tick.time.astype("datetime64[ms]").astype(np.int64))
        self._ticks[collector] = max(before, now)
        # A collector knows that it was down; since when stands here, in its last tick.
        gaps = [before] if tick.down_since is not None and before else []
        gaps += [self._ticks[name] for name in self._silent()]
        told = min(self._ticks[name] for name in self._ticks if self._ticks[name] and name not in self._silent())
        if told <= self._told and not gaps:
            return None
        self._told = max(told, self._told)
        return Tick(_moment(self._told), _moment(min(gaps)) if gaps else None)

    def _silent(self) -> list[str]:
        """Those who were there and are not heard of any more."""
        limit = self._monotonic() - self._patience_s
        return [name for name, heard in self._heard.items() if heard < limit and self._ticks[name]]


def _moment(ms: int) -> np.datetime64:
    return np.datetime64(ms, "ms")
