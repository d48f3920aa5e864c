"""The kinds of channel there are, as the settings file names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Protocol

from pydantic import Field

from alerts.channel import Channel
from alerts.values import Delivery
from aquavolt.channels.mail import MailChannel, MailSettings
from aquavolt.channels.robots import DingtalkSettings, FeishuSettings, RobotChannel, WecomSettings
from aquavolt.channels.sms import SmsChannel, SmsSettings
from aquavolt.channels.through_apprise import AppriseChannel, AppriseSettings
from aquavolt.channels.webhook import WebhookChannel, WebhookSettings

# A member of a pydantic model of this type takes `{kind: webhook, url: ...}` or `{kind: e-mail, host: ...}`.
ChannelSettings = Annotated[
    WebhookSettings | MailSettings | WecomSettings | DingtalkSettings | FeishuSettings | SmsSettings | AppriseSettings,
    Field(discriminator="kind"),
]


class OpenChannel(Channel, Protocol):
    """A channel of ours: it also gives back what it holds."""

    def close(self) -> None:
        """Give connections back, after the outbox has stopped."""
        ...


def read_alone(channels: Iterable[ChannelSettings]) -> Callable[[Delivery], bool]:
    """Whether a notification to a person is read by that person alone. A robot writes into a chat that many read.

    Mail and the like without an address of the person go to whom the settings name, which may be many; a webhook's
    program is told the receiver.
    """
    known = {channel.name: channel for channel in channels}

    def is_read_alone(delivery: Delivery) -> bool:
        match known.get(delivery.channel):
            case WecomSettings() | DingtalkSettings() | FeishuSettings():
                return False
            case MailSettings() | SmsSettings():
                return bool(delivery.address)
            case AppriseSettings() as settings:
                return settings.is_for_one
        return True

    return is_read_alone


def open_channel(settings: ChannelSettings) -> OpenChannel:
    """The channel that the settings describe; nothing is connected yet."""
    match settings:
        case WebhookSettings():
            return WebhookChannel(settings)
        case MailSettings():
            return MailChannel(settings)
        case SmsSettings():
            return SmsChannel(settings)
        case AppriseSettings():
            return AppriseChannel(settings)
    return RobotChannel(settings)
