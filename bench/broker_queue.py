"""A real mosquitto with a queue of made messages in it, for benchmarks that drain it.

Messages are made: 200 bytes of JSON with a time and three values, values drawn with a fixed seed. They are sent over a
plain socket, so that publishing costs little beside what is measured.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deploy.services.free_port import free_port

SEED = 20260301
START_MS = 1_772_323_200_000
SIZE = 200
PERIOD_MS = 60_000
_READY_S = 20.0
_CONFIG = """persistence false
max_queued_messages 0
max_inflight_messages {inflight}
listener {port} 127.0.0.1
allow_anonymous true
log_dest file {log}
log_type notice
"""

Message = tuple[int, bytes]


def topic(meter: int) -> str:
    """Where a meter of the benchmark sends."""
    return f"bench/{meter}"


def payloads(messages: int, meters: int) -> list[Message]:
    """(meter, payload): each meter sends once a minute, padded to 200 bytes by a member nobody reads."""
    rng = np.random.default_rng(SEED)
    volume, flow, battery = rng.random(messages) * 1000, rng.random(messages) * 3, rng.random(messages) * 100
    return [
        (i % meters, payload(START_MS + i // meters * PERIOD_MS, float(volume[i]), float(flow[i]), float(battery[i])))
        for i in range(messages)
    ]


def payload(time_ms: int, volume: float, flow: float, battery: float) -> bytes:
    """One message of `SIZE` bytes; m3, m3/h, %."""
    document = {
        "time": time_ms,
        "water_volume": round(volume, 3),
        "flow_rate": round(flow, 4),
        "battery": round(battery, 1),
        "serial": "",
    }
    document["serial"] = "x" * (SIZE - len(json.dumps(document, separators=(",", ":"))))
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker."""

    port: int
    log: Path

    def has_met(self, client_id: str, times: int) -> bool:
        """Whether the client has come so often; `open_session` came once in its name."""
        return self.log.read_text(encoding="utf-8").count(f" as {client_id} ") >= times


@contextmanager
def broker(folder: Path, inflight: int = 1000) -> Iterator[Broker]:
    """A mosquitto of our own, keeping its queues in memory."""
    port = free_port()
    config, log = folder / "mosquitto.conf", folder / "mosquitto.log"
    folder.chmod(0o777)  # started by root it gives up root's rights, but must write here all the same
    config.write_text(_CONFIG.format(port=port, inflight=inflight, log=log), encoding="utf-8")
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    running = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield Broker(port, log)
    finally:
        running.terminate()
        running.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _READY_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def open_session(port: int, client_id: str, filters: Sequence[str]) -> None:
    """Make the broker keep messages for a client: its session, subscribed with QoS 1, then away."""
    with _connected(port, client_id, is_clean=False) as link:
        for number, wanted in enumerate(filters, 1):
            link.sendall(_packet(0x82, number.to_bytes(2, "big") + _text(wanted) + b"\x01"))
            _expect(link, 5, 1)
        link.sendall(_packet(0xE0, b""))


class Publisher:
    """Publishes with QoS 1 and counts the broker's words for it. One thread at a time."""

    def __init__(self, port: int, client_id: str = "publisher") -> None:
        self._link = _connected(port, client_id, is_clean=True)
        self._sent = self._answered = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._count, daemon=True).start()

    def publish(self, messages: Sequence[Message]) -> None:
        """Send these; does not wait."""
        first, self._sent = self._sent, self._sent + len(messages)
        self._link.sendall(
            b"".join(
                _packet(0x32, _text(topic(meter)) + (1 + i % 65_535).to_bytes(2, "big") + body)
                for i, (meter, body) in enumerate(messages, first)
            )
        )

    def wait(self, longest_s: float = 600.0) -> None:
        """Until the broker has taken all.

        Raises:
            TimeoutError: it has not.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._answered >= 4 * self._sent, longest_s):
                raise TimeoutError(f"the broker did not take all messages within {longest_s:.0f} s")

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    def _count(self) -> None:
        while True:
            try:
                size = len(self._link.recv(1 << 16))
            except OSError:
                return
            if not size:
                return
            with self._changed:
                self._answered += size
                self._changed.notify_all()


def preload(port: int, messages: Sequence[Message]) -> None:
    """Publish all and wait for the broker's word for each."""
    publisher = Publisher(port, "preload")
    for first in range(0, len(messages), 1000):
        publisher.publish(messages[first : first + 1000])
    publisher.wait()
    publisher.close()


# -- MQTT 3.1.1 as far as it is needed here ----------------------------------------------------------------


def _connected(port: int, client_id: str, *, is_clean: bool) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port))
    flags, keep_alive_s = (b"\x02", 0) if is_clean else (b"\x00", 60)
    body = _text("MQTT") + b"\x04" + flags + keep_alive_s.to_bytes(2, "big") + _text(client_id)
    link.sendall(_packet(0x10, body))
    _expect(link, 4, 0)
    return link


def _packet(first: int, body: bytes) -> bytes:
    """An MQTT packet; bodies below 16 KiB."""
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    return bytes([first]) + length + body


def _text(value: str) -> bytes:
    """A string on the wire."""
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def _expect(link: socket.socket, size: int, last: int) -> None:
    """The broker's short answer, whose last byte must be this."""
    answer = link.recv(size)
    if len(answer) != size or answer[-1] != last:
        raise ConnectionError(f"the broker answers {answer.hex()}")
