"""Something listens and takes our CONNECT, but never answers: a broker of another MQTT version, or none at all."""

from __future__ import annotations

import os
import socket
import time

import pytest

from collector.mqtt.session import Session, SessionLostError
from collector.mqtt.settings import MqttSettings


def wait(session: Session, wake: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        session.exchange(wake, 0.05)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_what_never_answers_is_named_with_the_version_we_speak(protocol):
    wake, other_end = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = MqttSettings("127.0.0.1", silent.getsockname()[1], "test", protocol=protocol, keepalive_s=1)
        session = Session(settings, ("a",))
        session.connect()
        with pytest.raises(SessionLostError, match=f"no answer to CONNECT .* MQTT {protocol}"):
            wait(session, wake)
        session.close()
    os.close(wake)
    os.close(other_end)
