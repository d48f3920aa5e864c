"""The kinds of channel there are, as the settings file names them."""

from __future__ import annotations

from typing import Annotated, Protocol

from pydantic import Field

from alerts.channel import Channel
from aquavolt.channels.mail import MailChannel, MailSettings
from aquavolt.channels.webhook import WebhookChannel, WebhookSettings

# A member of a pydantic model of this type takes `{kind: webhook, url: ...}` or `{kind: e-mail, host: ...}`.
ChannelSettings = Annotated[WebhookSettings | MailSettings, Field(discriminator="kind")]


class OpenChannel(Channel, Protocol):
    """A channel of ours: it also gives back what it holds."""

    def close(self) -> None:
        """Give connections back, after the outbox has stopped."""
        ...


def open_channel(settings: ChannelSettings) -> OpenChannel:
    """The channel that the settings describe; nothing is connected yet."""
    if isinstance(settings, WebhookSettings):
        return WebhookChannel(settings)
    return MailChannel(settings)
