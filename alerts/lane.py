"""One channel's part of the outbox: sends what is due, in order, and slows down while the channel is down."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from alerts.backoff import Backoff
from alerts.channel import Channel, ChannelError, Message, Notification
from alerts.due import Due, DueNotifications
from alerts.values import Clock, utc_now
from alerts.words import Language

Compose = Callable[[Due], Mapping[Language, Message]]

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


class Lane:
    """Not thread-safe: one thread steps it. `status` may be read from any.

    A failure puts off its own notification by how often that one has failed, and pauses the channel by how often
    the channel has failed in a row. So a notification that always fails lets the others pass, and a channel that
    is down costs one attempt a pause, however many notifications wait.
    """

    def __init__(self, channel: Channel, due: DueNotifications, compose: Compose, settings: LaneSettings) -> None:
        self._channel = channel
        self._due = due
        self._compose = compose
        self._settings = settings
        self._unmarked: str | None = None
        self._sent: deque[datetime] | None = None  # those of the last minute; None: not read yet
        self._looked_at: datetime | None = None
        self.status = ChannelStatus(channel.name)

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
        due = self._due.next(self._channel.name, now)
        if due is None:
            return False
        try:
            self._channel.send(self._notification(due))
        except ChannelError as error:
            self._failed(due, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the lane
            # A fault of ours in a channel or a template: it is tried again, and shown.
            _log.exception("notification_fault", channel=self._channel.name, notification=due.delivery.id)
            self._failed(due, ChannelError(f"{type(error).__name__} in this program", is_retryable=True))
        else:
            self._unmarked = due.delivery.id
            if self._sent is not None:
                self._sent.append(self._settings.clock())
            self._mark_answered()
            self._answered()
        return True

    def _follow(self, now: datetime) -> None:
        """A clock that was set back must not hold the channel until it comes round again."""
        if self._looked_at is not None and now < self._looked_at:
            self._sent = None
            if self.status.paused_until is not None:
                self.status = replace(self.status, paused_until=self.status.paused_until - (self._looked_at - now))
        self._looked_at = now

    def _is_at_limit(self, now: datetime) -> bool:
        """Whether the channel had as many as it takes within the minute; those of the program before count too."""
        limit = self._settings.per_minute.get(self._channel.name)
        if limit is None:
            return False
        if self._sent is None:
            self._sent = deque(self._due.sent_within(self._channel.name, now - _MINUTE, now))
        while self._sent and self._sent[0] <= now - _MINUTE:
            self._sent.popleft()
        return len(self._sent) >= limit

    def _mark_answered(self) -> None:
        """Kept until it is written: a full disk at the wrong moment must not send a notification twice."""
        if self._unmarked is not None:
            self._due.mark_delivered(self._unmarked, self._settings.clock())
            self._unmarked = None

    def _notification(self, due: Due) -> Notification:
        delivery = due.delivery
        return Notification(
            id=delivery.id,
            channel=delivery.channel,
            reason=delivery.reason,
            created_at=delivery.created_at,
            alerts=due.alerts,
            messages=self._compose(due),
            receiver=delivery.receiver,
            address=delivery.address,
            language=Language(delivery.language) if delivery.language else None,
        )

    def _failed(self, due: Due, error: ChannelError) -> None:
        if not error.is_retryable:
            # The channel answered, so it is up: only this notification is at an end.
            _log.error("notification_refused", channel=self._channel.name, id=due.delivery.id, error=str(error))
            self._due.mark_failed(due.delivery.id, str(error))
            self._answered()
            return
        now, backoff, draw = self._settings.clock(), self._settings.backoff, self._settings.draw
        failures = self.status.failures + 1
        asked_s = error.retry_after_s or 0.0
        pause_s = max(asked_s, backoff.wait_s(failures, draw()))
        wait_s = max(asked_s, backoff.wait_s(due.delivery.attempts + 1, draw()))
        if failures == 1:
            _log.warning("channel_down", channel=self._channel.name, error=str(error))
        self.status = ChannelStatus(self._channel.name, failures, str(error), now + timedelta(seconds=pause_s))
        self._due.put_off(due.delivery.id, now + timedelta(seconds=wait_s), str(error))

    def _answered(self) -> None:
        if self.status.failures:
            _log.info("channel_back", channel=self._channel.name, failures=self.status.failures)
            self.status = ChannelStatus(self._channel.name)
