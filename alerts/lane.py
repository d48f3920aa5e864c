"""One channel's part of the outbox: what is due on it, as messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from alerts.channel import Channel, Message, Notification
from alerts.due import Due, DueNotifications
from alerts.sender import ChannelStatus, LaneSettings, Sender
from alerts.words import Language

__all__ = ["ChannelStatus", "Compose", "Lane", "LaneSettings"]
Compose = Callable[[Due], Mapping[Language, Message]]


class Lane:
    """Not thread-safe: one thread steps it. `status` may be read from any."""

    def __init__(self, channel: Channel, due: DueNotifications, compose: Compose, settings: LaneSettings) -> None:
        self._compose = compose
        self._channel = channel
        self._sender = Sender(channel.name, _ChannelQueue(channel.name, due), self._send, settings)

    @property
    def status(self) -> ChannelStatus:
        """How the channel goes."""
        return self._sender.status

    def step(self) -> bool:
        """As `Sender.step`."""
        return self._sender.step()

    def _send(self, due: Due) -> None:
        delivery = due.delivery
        self._channel.send(
            Notification(
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
        )


class _ChannelQueue:
    """The notifications of one channel."""

    def __init__(self, channel: str, due: DueNotifications) -> None:
        self._channel, self._due = channel, due

    def next(self, now: datetime) -> Due | None:
        return self._due.next(self._channel, now)

    def known(self, item: Due) -> tuple[str, int]:
        return item.delivery.id, item.delivery.attempts

    def mark_delivered(self, item: Due, answer: None, now: datetime) -> None:  # noqa: ARG002 - a channel says no more
        self._due.mark_delivered(item.delivery.id, now)

    def mark_failed(self, item: Due, error: str) -> None:
        self._due.mark_failed(item.delivery.id, error)

    def put_off(self, item: Due, until: datetime, error: str) -> None:
        self._due.put_off(item.delivery.id, until, error)

    def sent_within(self, since: datetime, now: datetime) -> list[datetime]:
        return self._due.sent_within(self._channel, since, now)
