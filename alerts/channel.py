"""The port that carries a notification to people. Adapters stand in `aquavolt/channels/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from alerts.values import Alert, NotifyReason
from alerts.words import Language


@dataclass(frozen=True, slots=True)
class Message:
    """What a person reads, in one language. `title` is one line; `text` several, the link among them."""

    title: str
    text: str
    link: str


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing told on one channel.

    id          the same on every attempt, so that a receiver can drop repeats
    created_at  when it was written, in the transaction of the change it tells of
    alerts      as they stand when it is sent, which may be later than the change; the weightiest first
    address     whom to reach on the channel (mail, telephone); empty: whom the channel's own settings name
    language    the receiver's own, None: the channel's
    """

    id: str
    channel: str
    reason: NotifyReason
    created_at: datetime
    alerts: tuple[Alert, ...]
    messages: Mapping[Language, Message]
    receiver: str = ""
    address: str = ""
    language: Language | None = None

    @property
    def alert(self) -> Alert | None:
        """The weightiest, None where it tells of no alert (a digest, a test)."""
        return self.alerts[0] if self.alerts else None

    def message(self, usual: Language) -> Message:
        """What this receiver reads; `usual` is the channel's language."""
        return self.messages[self.language or usual]


class Channel(Protocol):
    """One way to people. Each channel has a thread of its own, so `send` may take its time (bounded by timeouts)."""

    @property
    def name(self) -> str:
        """Unique among the channels; stored with every notification, so it must not change lightly."""
        ...

    def send(self, notification: Notification) -> None:
        """Hand it over; returns when the other side has answered that it has it.

        Raises:
            ChannelError: it does not have it; `is_retryable` says whether trying again makes sense.
        """
        ...


class ChannelError(Exception):
    """A notification was not taken. The message may be shown, so it holds no secret.

    is_retryable   False when the same notification would be refused again
    retry_after_s  how long the other side asks to be left alone, None when it said nothing
    """

    def __init__(self, message: str, *, is_retryable: bool, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.is_retryable = is_retryable
        self.retry_after_s = retry_after_s
