"""Reading a meter with everything written down, and serving such a recording again."""

from __future__ import annotations

import asyncio
import platform
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

from aquavolt.child import Child
from collector.company import listen_first
from collector.connection import Connection, ConnectionTextError, parse_connection
from collector.modbus.once import ReadError
from collector.modbus.openers import Approach
from collector.read_meter import read_meter
from collector.read_value import ReadValue
from collector.recording import Recording
from collector.tape import Tape
from device_profiles import load_profile
from simulators.line.server import SimulatedLine
from simulators.replay.messages import RecordedMessages
from simulators.replay.meter import RecordedMeter

_BROKERS = ("mqtt", "mqtts")
_ON_A_TERMINAL = ("rtu", "serial")


@dataclass(frozen=True, slots=True)
class Session:
    """What is recorded: one reading, or readings each `every_s` for `length_s` seconds."""

    profile: str
    connection: str
    address: str
    timeout_s: float
    length_s: float = 0.0
    every_s: float = 10.0
    allow_low_confidence: bool = False
    is_second_master: bool = False
    remark: str = ""


async def record(
    session: Session,
    out: TextIO,
    *,
    on_note: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> list[ReadValue]:
    """Read, and write all of it down; what the last reading stated.

    A reading that fails is part of the recording. In a longer session the others go on.

    Raises:
        ReadError: not one reading succeeded, which the recording has all the same; or another master asks there.
        ProfileError, ConnectionTextError, UnpollableError: as `read_meter`.
    """
    tape = Tape(out, _head(session))
    if not session.is_second_master:
        profile = load_profile(session.profile, allow_low_confidence=session.allow_low_confidence)
        await listen_first(profile, parse_connection(session.connection), session.timeout_s)
    loop = asyncio.get_running_loop()
    start, turns = loop.time(), max(1, round(session.length_s / session.every_s))
    values: list[ReadValue] = []
    failure: ReadError | None = None
    for turn in range(turns):
        on_progress(turn, turns)
        await asyncio.sleep(max(0.0, start + turn * session.every_s - loop.time()))
        try:
            values = await _read(session, tape, on_note)
        except ReadError as error:
            failure = error
            tape.note(failed=str(error))
            on_note(str(error))
        else:
            tape.note(values=[v.as_dict() for v in values])
    on_progress(turns, turns)
    if not values and failure is not None:
        raise failure
    return values


async def _read(session: Session, tape: Tape, on_note: Callable[[str], None]) -> list[ReadValue]:
    return await read_meter(
        session.profile,
        session.connection,
        session.address,
        timeout_s=session.timeout_s,
        allow_low_confidence=session.allow_low_confidence,
        on_note=on_note,
        approach=Approach(tape, session.is_second_master),
    )


def _head(session: Session) -> dict[str, Any]:
    profile = load_profile(session.profile, allow_low_confidence=session.allow_low_confidence)
    return {
        "profile": profile.id,
        "protocol": profile.protocol,
        "connection": session.connection,
        "address": session.address,
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "versions": {"aquavolt": version("aquavolt"), "python": platform.python_version()},
        **({"remark": session.remark} if session.remark else {}),
    }


class Replay:
    """Serves a recording until `stop`.

    where       connection string to serve on; None: as it was recorded, on 127.0.0.1 and a free port
    is_at_once  without the recorded pauses
    """

    def __init__(
        self,
        recording: Recording,
        where: str | None = None,
        *,
        is_at_once: bool = False,
        on_unknown: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._recording, self._is_at_once = recording, is_at_once
        self._scheme = parse_connection(recording.connection).scheme
        self._where = None if where is None else parse_connection(where)
        self._line = SimulatedLine([RecordedMeter(recording, is_at_once=is_at_once, on_unknown=on_unknown)])
        self._closing = ExitStack()

    async def start(self) -> str:
        """Begin; the connection string under which `read` reads it.

        Raises:
            ConnectionTextError: it cannot be served there.
            OSError: the port is in use, or not ours to take.
        """
        if self._scheme in _BROKERS:
            return await self._start_broker()
        scheme = self._scheme if self._where is None else self._where.scheme
        if scheme in _ON_A_TERMINAL:
            return f"{scheme}://{self._line.start_pty()}"
        if scheme == "listen":
            return await self._dial_in()
        if scheme in _BROKERS:
            raise ConnectionTextError(f"{self._recording.connection} was recorded: it cannot be served by a broker")
        host, port = ("127.0.0.1", 0) if self._where is None else (self._where.host, self._where.port)
        return f"{scheme.replace('tls', 'tcp')}://{host}:{await self._line.start_tcp(host, port)}"

    async def _dial_in(self) -> str:
        """As a modem: to where a collector listens; without a place given, as a gateway that is connected to."""
        if self._where is None:
            return f"rtu+tcp://127.0.0.1:{await self._line.start_tcp()}"
        registration = self._where.options.get("id", "").encode()
        await self._line.dial_in(self._where.host, self._where.port, registration)
        return self._where.text

    async def _start_broker(self) -> str:
        where = await asyncio.to_thread(self._own_broker) if self._where is None else self._where
        if where.scheme != "mqtt":
            raise ConnectionTextError(f"connection {where.text!r}: messages are published to mqtt://host:port")
        sending = RecordedMessages(where.host, where.port, self._recording.messages, is_at_once=self._is_at_once)
        sending.start()
        self._closing.callback(sending.stop)
        recorded = parse_connection(self._recording.connection)
        return f"mqtt://{where.host}:{where.port}" + (f"/{recorded.path}" if recorded.path else "")

    def _own_broker(self) -> Connection:
        folder = self._closing.enter_context(tempfile.TemporaryDirectory(prefix="aquavolt-replay-"))
        broker = Child("simulators.mqtt.broker", ["--port", "0"], Path(folder) / "broker.log")
        self._closing.callback(broker.stop)
        return parse_connection(str(broker.ready()["endpoint"]))

    async def stop(self) -> None:
        """End it."""
        await self._line.stop()
        await asyncio.to_thread(self._closing.close)
