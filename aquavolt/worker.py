"""A thread with an end: it runs a loop's turns until told to stop, and a turn that fails does not end it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from metering.ports import StoreUnavailableError

_log = structlog.get_logger(__name__)
_PAUSE_S = (0.5, 30.0)  # after a failed turn, doubling


class Worker:
    """Calls `turn` again and again in a thread of its own. `turn` returns soon; it waits for work by itself."""

    def __init__(self, name: str, turn: Callable[[], None]) -> None:
        self.name = name
        self._turn = turn
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.last_error = ""

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was asked for: a long turn should look."""
        return self._stopping.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until `stop`."""
        self._stopping.wait(seconds)

    def stop(self, timeout_s: float = 20.0) -> None:
        """End after the turn under way."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        pause = _PAUSE_S[0]
        while not self.is_stopping:
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread goes on
                self._failed(error)
                self.pause(pause)
                pause = min(2 * pause, _PAUSE_S[1])
            else:
                pause = _PAUSE_S[0]
                self._succeeded()

    def _failed(self, error: Exception) -> None:
        """Told once a cause: a store that is down for a night is one line, not ten thousand."""
        if str(error) == self.last_error:
            return
        self.last_error = str(error)
        if isinstance(error, StoreUnavailableError):  # it says all there is to know; where in the program says nothing
            _log.warning("the store cannot be reached; what waits for it is kept", worker=self.name, error=str(error))
        else:
            _log.error("a worker's turn failed; it goes on", worker=self.name, exc_info=error)

    def _succeeded(self) -> None:
        if self.last_error:
            _log.info("what failed before goes on", worker=self.name)
        self.last_error = ""
