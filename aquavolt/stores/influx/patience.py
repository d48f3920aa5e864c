"""Requests tried again while that makes sense, and what is known of the server meanwhile."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from aquavolt.stores.influx.faults import InfluxError, Remedy
from metering.ports import StoreUnavailableError

T = TypeVar("T")
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class StoreState:
    """How the store does. `is_held`: it waits for somebody to mend token, rights or bucket."""

    is_available: bool = True
    is_held: bool = False
    last_error: str = ""
    requests: int = 0
    errors: int = 0


class Patience:
    """Runs requests, each again and again with growing pauses, up to `seconds` in all. For many threads."""

    def __init__(
        self,
        where: str,
        seconds: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`wait` sleeps and says whether the program ends meanwhile."""
        self._where = where
        self._seconds = seconds
        self._monotonic = monotonic
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._jitter = jitter
        self._lock = threading.Lock()
        self._not_before = 0.0
        self.state = StoreState()

    def close(self) -> None:
        """Whoever waits gives up."""
        self._closing.set()

    def run(self, request: Callable[[], T], *, is_patient: bool = True) -> T:
        """What the request gives; tried once where somebody waits who is not patient.

        Raises:
            StoreUnavailableError: it failed for longer than is worth waiting for, or somebody must mend something.
            InfluxError: what was sent is at fault (its remedy is SPLIT or SET_ASIDE).
        """
        deadline = self._monotonic() + (self._seconds if is_patient else 0.0)
        pause = _FIRST_PAUSE_S
        while True:
            self._wait_for_turn(deadline)
            try:
                found = request()
            except InfluxError as error:
                self._note(error)
                if error.remedy in {Remedy.SPLIT, Remedy.SET_ASIDE}:
                    raise
                # Half the pause is chance, so that clients that failed together do not come back together.
                wanted = error.retry_after_s or pause * (0.5 + 0.5 * self._jitter())
                self._pause(error, wanted, deadline)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                self._note(None)
                return found

    def _wait_for_turn(self, deadline: float) -> None:
        """The server has asked to be left alone until then: that holds for every thread."""
        left = self._not_before - self._monotonic()
        if left <= 0:
            return
        if self._monotonic() + left > deadline or self._wait(left):
            raise StoreUnavailableError(f"{self._where} asks to wait {left:.0f} s more: {self.state.last_error}")

    def _pause(self, error: InfluxError, seconds: float, deadline: float) -> None:
        if error.retry_after_s:
            with self._lock:
                self._not_before = max(self._not_before, self._monotonic() + seconds)
        is_late = self._monotonic() + seconds > deadline
        if error.remedy is Remedy.HOLD or is_late or self._wait(seconds):
            raise StoreUnavailableError(f"{self._where}: {error}") from error

    def _note(self, error: InfluxError | None) -> None:
        with self._lock:
            known = self.state
            if error is None:
                self.state = replace(known, is_available=True, is_held=False, requests=known.requests + 1)
            elif error.remedy in {Remedy.SPLIT, Remedy.SET_ASIDE}:
                self.state = replace(known, requests=known.requests + 1, errors=known.errors + 1, last_error=str(error))
            else:
                self.state = StoreState(
                    is_available=False,
                    is_held=error.remedy is Remedy.HOLD,
                    last_error=str(error),
                    requests=known.requests + 1,
                    errors=known.errors + 1,
                )
