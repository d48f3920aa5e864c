"""Channels as a settings file names them."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from aquavolt.channels.kinds import ChannelSettings, open_channel
from aquavolt.channels.mail import MailChannel
from aquavolt.channels.webhook import WebhookChannel

SETTINGS = TypeAdapter(ChannelSettings)


@pytest.mark.parametrize(
    ("document", "kind", "name"),
    [
        ({"kind": "webhook", "url": "http://203.0.114.1:1/x"}, WebhookChannel, "webhook"),
        ({"kind": "webhook", "name": "robot", "url": "http://203.0.114.1:1/x"}, WebhookChannel, "robot"),
        ({"kind": "e-mail", "host": "mail", "sender": "a@b.c", "recipients": ["d@e.f"]}, MailChannel, "e-mail"),
    ],
)
def test_each_kind_is_opened(document, kind, name):
    channel = open_channel(SETTINGS.validate_python(document))
    assert isinstance(channel, kind)
    assert channel.name == name
    channel.close()


@pytest.mark.parametrize("document", [{"kind": "pigeon"}, {"url": "http://x"}])
def test_an_unknown_kind_is_refused_naming_those_there_are(document):
    with pytest.raises(ValidationError, match="kind") as caught:
        SETTINGS.validate_python(document)
    if "kind" in document:
        assert "'webhook', 'e-mail', 'wecom', 'dingtalk', 'feishu', 'sms', 'apprise'" in str(caught.value)
