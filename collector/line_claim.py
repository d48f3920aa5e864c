"""One master a line, on this machine: who asks on a line holds its claim, and others can see that.

A claim is a socket in Linux's abstract namespace, named after the line: it is gone with the process that holds it, and
needs no file. Elsewhere there are no claims, and a claim is always had. Serial ports are claimed too, though opening
them is exclusive already: the message is better.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

from collector.connection import Connection


class LineInUseError(OSError):
    """Another program on this machine asks on this line; the message says which, and how to go on."""


class LineClaim:
    """The claim of a line. Taken and released by one program; taking it twice is taking it once."""

    def __init__(self, connection: Connection) -> None:
        place = os.path.realpath(connection.path) if connection.path else connection.endpoint.partition("://")[2]
        self._name = f"\0aquavolt/line/{place}"
        self._text = connection.text
        self._held: socket.socket | None = None

    def take(self) -> bool:
        """Whether it is ours now."""
        if self._held is not None or sys.platform != "linux":
            return True
        held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            held.bind(self._name)
            held.listen(1)
        except OSError:
            held.close()
            return False
        self._held = held
        return True

    def demand(self) -> None:
        """Take it.

        Raises:
            LineInUseError: it is another's.
        """
        if not self.take():
            raise LineInUseError(
                f"{self._holder()} asks on this line already. Stop it, or say --second-master; both may lose answers"
            )

    def release(self) -> None:
        """Give it back."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _holder(self) -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(1)
            try:
                asking.connect(self._name)
                credentials = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            except OSError:
                return "another program on this machine"
        return f"process {struct.unpack('3i', credentials)[0]} on this machine"
