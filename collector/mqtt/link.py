"""A socket between paho and the broker that reads and writes in bursts.

paho reads a packet by several one-byte `recv` calls and sends each acknowledgement by itself. Here the socket is
read in large pieces, PUBLISH packets are taken out in bulk, and only the other packets go through paho, which
keeps connecting, subscribing and the keep-alive.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Any

from collector.mqtt.frame import Publish, encode_pubacks, split_packets

_PIECE = 1 << 18
_BURST = 1 << 20


class Link:
    """Stands in for a connected, non-blocking socket. Used by one thread."""

    def __init__(self, connected: Any, *, is_v5: bool) -> None:
        self._socket = connected
        self._is_v5 = is_v5
        self._unsplit = b""
        self._for_paho = bytearray()
        self._unsent = bytearray()
        self._is_ended = False
        self.has_more = False

    # -- what we use -------------------------------------------------------------------------------------

    def receive(self) -> list[Publish]:
        """Read what is there, at most about a megabyte (`has_more` says that it was more).

        Raises:
            FrameError: the broker sends what is no MQTT.
        """
        pieces = [self._unsplit]
        size = 0
        while size < _BURST:
            piece = self._piece()
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
        self.has_more = size >= _BURST
        data = b"".join(pieces)
        split = split_packets(data, is_v5=self._is_v5)
        self._unsplit = data[split.used :]
        for packet in split.others:
            self._for_paho += packet
        return split.publishes

    @property
    def is_for_paho(self) -> bool:
        """Whether paho has something to read: a packet, or the end of the connection."""
        return bool(self._for_paho) or self._is_ended

    @property
    def is_unsent(self) -> bool:
        """Whether bytes wait until the socket takes more."""
        return bool(self._unsent)

    def acknowledge(self, publishes: list[Publish]) -> None:
        """Queue the acknowledgements of these messages, in order; `flush` sends them."""
        self._unsent += encode_pubacks([p.packet_id for p in publishes if p.packet_id])

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it.

        Raises:
            OSError: the connection is gone.
        """
        while self._unsent:
            try:
                sent = self._socket.send(self._unsent)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            del self._unsent[:sent]

    def _piece(self) -> bytes:
        try:
            piece: bytes = self._socket.recv(_PIECE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return b""
        except OSError:
            piece = b""
        self._is_ended = self._is_ended or not piece
        return piece

    # -- what paho uses ----------------------------------------------------------------------------------

    def recv(self, size: int) -> bytes:
        """Bytes of the packets that are paho's."""
        if not self._for_paho and not self._is_ended:
            raise BlockingIOError
        piece = bytes(self._for_paho[:size])
        del self._for_paho[:size]
        return piece

    def send(self, data: bytes) -> int:
        """Take a packet; `flush` sends it."""
        self._unsent += data
        return len(data)

    def fileno(self) -> int:
        """The socket's descriptor, to wait on."""
        found: int = self._socket.fileno()
        return found

    def setblocking(self, flag: bool) -> None:
        """As a socket's."""
        self._socket.setblocking(flag)

    def close(self) -> None:
        """Send what waits, if that goes at once (the DISCONNECT packet), and close."""
        with suppress(OSError):
            self.flush()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
