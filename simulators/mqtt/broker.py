"""A small MQTT broker for the demo, where no other is given: amqtt in a process of its own.

`python -m simulators.mqtt.broker --port 1883` prints one JSON line when it listens, `{"host", "port", "endpoint"}`,
and serves until SIGTERM, SIGINT or the end of its stdin: it never outlives the program that started it. Port 0
takes a free one. Anonymous, so it listens on the loopback address only, unless told otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence

from amqtt.broker import Broker

_HIGHEST_PORT = 65_535


def broker_settings(host: str, port: int) -> dict[str, object]:
    """Settings of amqtt: one TCP listener, no accounts, no messages of its own."""
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }


def free_port(host: str) -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


async def serve(host: str, port: int) -> None:
    """Serve until told to stop.

    Raises:
        OSError: the port is in use, or not ours to take.
    """
    port = port or free_port(host)
    with socket.socket() as probe:  # amqtt only logs a port in use
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 4096) else stop.set())
    broker = Broker(broker_settings(host, port))
    await broker.start()
    print(json.dumps({"host": host, "port": port, "endpoint": f"mqtt://{host}:{port}"}), flush=True)  # noqa: T201
    await stop.wait()
    loop.remove_reader(sys.stdin.fileno())
    await broker.shutdown()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m simulators.mqtt.broker", description="MQTT broker for the demo")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=1883, help="port; 0 takes a free one (default 1883)")
    given = parser.parse_args(arguments)
    if not 0 <= given.port <= _HIGHEST_PORT:
        parser.error(f"--port is {given.port}; allowed: 0 to {_HIGHEST_PORT}")
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(serve(given.host, given.port))
    except OSError as error:
        print(f"cannot listen on {given.host}:{given.port}: {error.strerror or error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
