"""A port of 127.0.0.1 that nobody listens on."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A free TCP port; taken soon, nobody else will have it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
