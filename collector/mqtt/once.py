"""One message of one meter, for a person who looks at it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import replace

from collector.connection import Connection
from collector.frames import FrameError, decode_frames
from collector.mqtt.decode import PayloadError, read_values
from collector.mqtt.frame import Publish
from collector.mqtt.message import MessageError, reader
from collector.mqtt.routes import topic_of
from collector.mqtt.session import Session, SessionLostError
from collector.mqtt.settings import MqttSettings
from collector.read_value import ReadValue
from collector.tape import Tape
from device_profiles.kinds import FrameProfile, MessageProfile
from device_profiles.schema import JsonProfile

_LOOK_S = 0.5


class MqttReadError(Exception):
    """No readable message; says at which step and why."""


async def read_once(
    profile: JsonProfile | FrameProfile | MessageProfile,
    connection: Connection,
    address: str = "",
    *,
    timeout_s: float = 60.0,
    settings: MqttSettings | None = None,
    tape: Tape | None = None,
) -> list[ReadValue]:
    """All that the next message on the meter's topic states (a retained one is there at once).

    `settings` carries account and certificates; host, port and session are the connection's own.

    Raises:
        MqttReadError: no connection, no message in time, or one that cannot be read.
        RouteError: neither connection nor profile names a usable topic.
    """
    topic = topic_of(connection.path, profile, address)
    own = {
        "host": connection.host,
        "port": connection.port,
        "is_tls": connection.scheme == "mqtts",
        "client_id": f"aquavolt-read-{uuid.uuid4().hex[:12]}",
        "is_persistent": False,
    }
    given = MqttSettings(**own) if settings is None else replace(settings, **own)  # type: ignore[arg-type]
    stop = threading.Event()
    try:
        message = await asyncio.to_thread(_first_message, given, topic, timeout_s, stop)
    finally:
        stop.set()  # a cancelled caller leaves no thread behind
    if tape is not None:
        tape.message(message.topic.decode("utf-8", "replace"), message.payload, is_retained=message.is_retained)
    shown = message.topic.decode("utf-8", "replace")
    try:
        return _values(profile, shown, message.payload)
    except (PayloadError, *MessageError, *FrameError) as error:
        raise MqttReadError(f"{given.endpoint}: topic {shown}: the payload {error}") from error


def _values(profile: JsonProfile | FrameProfile | MessageProfile, topic: str, payload: bytes) -> list[ReadValue]:
    if isinstance(profile, JsonProfile):
        return read_values(profile, payload)
    told = (
        decode_frames(profile, payload) if isinstance(profile, FrameProfile) else reader(profile)(payload, topic, None)
    )
    return list(told.values)


def _first_message(settings: MqttSettings, topic: str, timeout_s: float, stop: threading.Event) -> Publish:
    session = Session(settings, [topic])
    wake_read, wake_write = os.pipe()
    deadline = time.monotonic() + timeout_s
    try:
        session.connect()
        while time.monotonic() < deadline and not stop.is_set():
            publishes = session.exchange(wake_read, min(_LOOK_S, timeout_s))
            if topic in session.refused:
                raise MqttReadError(f"{settings.endpoint}: the broker refuses topic {topic}: {session.refused[topic]}")
            if publishes:
                session.acknowledge(publishes)
                return publishes[0]
        raise MqttReadError(f"{settings.endpoint}: no message on topic {topic} within {timeout_s:g} s")
    except SessionLostError as error:
        raise MqttReadError(f"{settings.endpoint}: {error}") from error
    finally:
        with suppress(SessionLostError, OSError):
            session.close()
        os.close(wake_read)
        os.close(wake_write)
