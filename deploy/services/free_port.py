"""A port of 127.0.0.1 that nobody listens on."""

from __future__ import annotations

import socket


def held_port() -> socket.socket:
    """A socket that keeps a port from being given to anybody by chance, and listens not.

    Who asks for the port by its number gets it, again and again: servers do so with SO_REUSEADDR.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


def free_port() -> int:
    """A free TCP port; taken soon, nobody else will have it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
