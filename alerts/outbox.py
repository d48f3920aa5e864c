"""The outbox's worker: a thread a channel, at least once, so that a channel that is down never blocks another."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import structlog

from alerts.channel import Channel
from alerts.due import DueNotifications
from alerts.lane import ChannelStatus, Compose, Lane, LaneSettings
from alerts.records import Records

IDLE_S = 0.5

_log = structlog.get_logger(__name__)


class Outbox:
    """Sends what `Records.apply` wrote.

    A notification is marked after its channel's answer, so it is repeated only when the program is killed between
    the two, and then with the same id.

    idle_s  how often an idle channel looks for due ones by itself; `wake` makes it look at once
    """

    def __init__(
        self,
        records: Records,
        channels: Sequence[Channel],
        compose: Compose,
        settings: LaneSettings | None = None,
        *,
        idle_s: float = IDLE_S,
    ) -> None:
        """Raises: ValueError if two channels share a name."""
        names = [channel.name for channel in channels]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two channels are named {twice[0]!r}; each channel needs a name of its own")
        due = DueNotifications(records.database)
        self._lanes = [Lane(channel, due, compose, settings or LaneSettings()) for channel in channels]
        self._idle_s = idle_s
        self._stopping = threading.Event()
        self._wakes = [threading.Event() for _ in self._lanes]
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start a thread a channel. Raises: RuntimeError if it was started before."""
        if self._threads:
            raise RuntimeError("the outbox was started before")
        for lane, wake in zip(self._lanes, self._wakes, strict=True):
            name = f"outbox-{lane.status.channel}"
            self._threads.append(threading.Thread(target=self._run, args=(lane, wake), name=name, daemon=True))
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Something may be due now. Thread-safe, returns at once."""
        for wake in self._wakes:
            wake.set()

    def stop(self, timeout_s: float = 15.0) -> bool:
        """End after the attempts under way, each marked; whether all ended within the time."""
        self._stopping.set()
        self.wake()
        for thread in self._threads:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    def status(self) -> tuple[ChannelStatus, ...]:
        """How each channel goes."""
        return tuple(lane.status for lane in self._lanes)

    def _run(self, lane: Lane, wake: threading.Event) -> None:
        is_well = True
        while not self._stopping.is_set():
            wake.clear()
            try:
                has_more = lane.step()
                is_well = True
            except Exception:  # noqa: BLE001 - whatever it is, it must not end the thread
                # The records cannot be read or written (disk full, database away): told once, tried until it can.
                if is_well:
                    _log.exception("outbox_records_fault", channel=lane.status.channel)
                is_well = has_more = False
            if not has_more and not self._stopping.is_set():
                wake.wait(self._idle_s)
