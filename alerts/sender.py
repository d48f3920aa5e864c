"""Sends what is due over one way, in order, and slows down while the other side is down."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

import structlog

from alerts.backoff import Backoff
from alerts.channel import ChannelError
from alerts.values import Clock, utc_now

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Said_contra = TypeVar("Said_contra", contravariant=True)

_MINUTE = timedelta(minutes=1)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """What the lanes of an outbox share.

    draw        gives a number in [0, 1) for the jitter
    per_minute  how many notifications a channel takes within any minute, by its name; none: any number
    """

    clock: Clock = utc_now
    backoff: Backoff = field(default_factory=Backoff)
    draw: Callable[[], float] = random.random
    per_minute: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """How a channel goes: failures in a row, why, and until when it is left alone."""

    channel: str
    failures: int = 0
    last_error: str = ""
    paused_until: datetime | None = None


class Queue(Protocol[Item, Said_contra]):
    """What waits to be sent over one way, and the marks of what became of it."""

    def next(self, now: datetime) -> Item | None:
        """The one whose turn it is, None when none is due."""
        ...

    def known(self, item: Item) -> tuple[str, int]:
        """Its id, and how often it was tried before."""
        ...

    def mark_delivered(self, item: Item, answer: Said_contra, now: datetime) -> None:
        """The other side has it."""
        ...

    def mark_failed(self, item: Item, error: str) -> None:
        """The other side refused it for good."""
        ...

    def put_off(self, item: Item, until: datetime, error: str) -> None:
        """The other side could not take it now."""
        ...

    def sent_within(self, since: datetime, now: datetime) -> list[datetime]:
        """When the latest were taken, oldest first; for a rate limit."""
        ...


class Sender(Generic[Item, Answer]):
    """Not thread-safe: one thread steps it. `status` may be read from any.

    A failure puts off its own item by how often that one has failed, and pauses the way by how often it has failed
    in a row. So an item that always fails lets the others pass, and a way that is down costs one attempt a pause,
    however many items wait.
    """

    def __init__(
        self, name: str, queue: Queue[Item, Answer], send: Callable[[Item], Answer], settings: LaneSettings
    ) -> None:
        self._queue = queue
        self._send = send
        self._settings = settings
        self._unmarked: tuple[Item, Answer] | None = None
        self._sent: deque[datetime] | None = None  # those of the last minute; None: not read yet
        self._looked_at: datetime | None = None
        self.status = ChannelStatus(name)

    def step(self) -> bool:
        """Send the next one that is due; False when there is nothing to do now.

        Raises whatever the database raises; nothing is lost by it, the next step goes on.
        """
        self._mark_answered()
        now = self._settings.clock()
        self._follow(now)
        if self.status.paused_until is not None and now < self.status.paused_until:
            return False
        if self._is_at_limit(now):
            return False
        item = self._queue.next(now)
        if item is None:
            return False
        try:
            answer = self._send(item)
        except ChannelError as error:
            self._failed(item, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the lane
            # A fault of ours in a channel or a template: it is tried again, and shown.
            _log.exception("notification_fault", channel=self.status.channel, notification=self._queue.known(item)[0])
            self._failed(item, ChannelError(f"{type(error).__name__} in this program", is_retryable=True))
        else:
            self._unmarked = item, answer
            if self._sent is not None:
                self._sent.append(self._settings.clock())
            self._mark_answered()
            self._answered()
        return True

    def _follow(self, now: datetime) -> None:
        """A clock that was set back must not hold the way until it comes round again."""
        if self._looked_at is not None and now < self._looked_at:
            self._sent = None
            if self.status.paused_until is not None:
                self.status = replace(self.status, paused_until=self.status.paused_until - (self._looked_at - now))
        self._looked_at = now

    def _is_at_limit(self, now: datetime) -> bool:
        """Whether the channel had as many as it takes within the minute; those of the program before count too."""
        limit = self._settings.per_minute.get(self.status.channel)
        if limit is None:
            return False
        if self._sent is None:
            self._sent = deque(self._queue.sent_within(now - _MINUTE, now))
        while self._sent and self._sent[0] <= now - _MINUTE:
            self._sent.popleft()
        return len(self._sent) >= limit

    def _mark_answered(self) -> None:
        """Kept until it is written: a full disk at the wrong moment must not send a notification twice."""
        if self._unmarked is not None:
            self._queue.mark_delivered(*self._unmarked, self._settings.clock())
            self._unmarked = None

    def _failed(self, item: Item, error: ChannelError) -> None:
        name = self.status.channel
        known, attempts = self._queue.known(item)
        if not error.is_retryable:
            # The channel answered, so it is up: only this notification is at an end.
            _log.error("notification_refused", channel=name, id=known, error=str(error))
            self._queue.mark_failed(item, str(error))
            self._answered()
            return
        now, backoff, draw = self._settings.clock(), self._settings.backoff, self._settings.draw
        failures = self.status.failures + 1
        asked_s = error.retry_after_s or 0.0
        pause_s = max(asked_s, backoff.wait_s(failures, draw()))
        wait_s = max(asked_s, backoff.wait_s(attempts + 1, draw()))
        if failures == 1:
            _log.warning("channel_down", channel=name, error=str(error))
        self.status = ChannelStatus(name, failures, str(error), now + timedelta(seconds=pause_s))
        self._queue.put_off(item, now + timedelta(seconds=wait_s), str(error))

    def _answered(self) -> None:
        if self.status.failures:
            _log.info("channel_back", channel=self.status.channel, failures=self.status.failures)
            self.status = ChannelStatus(self.status.channel)
