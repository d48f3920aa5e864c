"""A line with many simulated meters: it hears bytes, lets each meter answer, and paces the answer by the baud rate.

half duplex, as on a two-wire bus: who asks again before the answer is out is heard after it
"""

from __future__ import annotations

import asyncio
import os
import pty
import random
import tty
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import zip_longest
from operator import and_
from typing import Protocol

_BITS_A_BYTE = 11
_AT_ONCE = 4096
_CHUNK_S = 0.01
_PAUSE_S = 0.03


class FrameMeter(Protocol):
    """A simulated meter. `fault` may be changed at any time."""

    fault: LineFault

    def answer(self, heard: bytes) -> bytes | None:
        """The answer to a whole request to this meter; None where it is none."""
        ...


@dataclass(frozen=True, slots=True)
class LineFault:
    """What is wrong with a meter. Each is independent of the others.

    is_silent       no answer at all
    delay_s         from question to answer
    is_half         only the first half of the answer's bytes comes
    noise           bytes in front of the answer
    is_wrong_sum    the checksum is one off
    is_late         the answer to a question comes only when the next one is asked
    exception       the code with which every question is refused
    """

    is_silent: bool = False
    delay_s: float = 0.02
    is_half: bool = False
    noise: int = 0
    is_wrong_sum: bool = False
    is_late: bool = False
    exception: int | None = None


HEALTHY = LineFault()


class SimulatedLine:
    """Meters on one line. `baud` 0 sends at once; `seed` fixes the noise."""

    def __init__(self, meters: Sequence[FrameMeter], *, baud: int = 0, seed: int = 0) -> None:
        self.meters = list(meters)
        self.requests = 0
        self._baud = baud
        self._draw = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._descriptors: list[int] = []
        self._modem: asyncio.Task[None] | None = None
        self._held: dict[int, bytes] = {}

    async def start_tcp(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen as a converter that passes bytes through; the port (0 chooses a free one).

        Raises:
            OSError: the port is in use, or not ours to take.
        """
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def start_pty(self) -> str:
        """Serve a pseudo-terminal; the path of the device that a collector opens."""
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        self._descriptors += [ours, theirs]
        self._keep(asyncio.create_task(self._serve_descriptor(ours)))
        return os.ttyname(theirs)

    async def dial_in(
        self, host: str, port: int, registration: bytes, heartbeat: bytes = b"", every_s: float = 0
    ) -> None:
        """Connect as a modem does: say who it is, then serve; heartbeats in between.

        Raises:
            OSError: nobody listens there.
        """
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(registration)
        serving = asyncio.create_task(self._serve(reader, writer))
        self._modem = serving
        if every_s:
            self._keep(asyncio.create_task(_beat(writer, heartbeat, every_s)))

    @property
    def is_connected(self) -> bool:
        """Whether the modem has a connection."""
        return self._modem is not None and not self._modem.done()

    async def stop(self) -> None:
        """Hang up."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for descriptor in self._descriptors:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)
        self._descriptors.clear()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._keep(task)
        try:
            await self._converse(lambda: reader.read(_AT_ONCE), writer.write)
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    async def _serve_descriptor(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()
        loop.add_reader(descriptor, arrived.set)

        async def read() -> bytes:
            while True:
                arrived.clear()
                try:
                    return os.read(descriptor, _AT_ONCE)
                except BlockingIOError:
                    await arrived.wait()
                except OSError:
                    await asyncio.sleep(_CHUNK_S)  # nobody has the other end open just now

        await self._converse(read, lambda data: _write(descriptor, data))

    async def _converse(self, read: Callable[[], Awaitable[bytes]], write: Callable[[bytes], object]) -> None:
        heard, fresh, heard_at = b"", 0, 0.0
        while True:
            data = await read()
            if not data:
                return
            now = asyncio.get_running_loop().time()
            # A pause parts questions: one that nobody here answered takes no time of the next.
            fresh = fresh + len(data) if now - heard_at < _PAUSE_S else len(data)
            heard, heard_at = heard + data, now
            meter, answer = self._asked(heard)
            if meter is None:
                heard = heard[-_AT_ONCE:]
                continue
            await self._transmit_time(fresh)
            heard, fresh = b"", 0
            self.requests += 1
            await self._answer(meter, answer, write)

    def _asked(self, heard: bytes) -> tuple[FrameMeter | None, bytes]:
        """Whom the question is for and the answer; meters that answer at once garble each other."""
        asked = [(meter, answer) for meter in self.meters if (answer := meter.answer(heard)) is not None]
        speaking = [(meter, answer) for meter, answer in asked if not meter.fault.is_silent] or asked[:1]
        if not speaking:
            return None, b""
        # Where two drive a two-wire line, a zero of either wins.
        columns = zip_longest(*(answer for _, answer in speaking), fillvalue=0xFF)
        return speaking[0][0], bytes(reduce(and_, column) for column in columns)

    async def _answer(self, meter: FrameMeter, answer: bytes, write: Callable[[bytes], object]) -> None:
        fault = meter.fault
        if fault.is_silent or not answer:
            return
        await asyncio.sleep(fault.delay_s)
        if fault.is_late:
            answer, self._held[id(meter)] = self._held.get(id(meter), b""), answer
        if fault.is_wrong_sum and len(answer) > 1:  # an acknowledgement of one byte has no sum
            answer = answer[:-2] + bytes([answer[-2] ^ 1]) + answer[-1:]
        if fault.is_half:
            answer = answer[: len(answer) // 2]
        await self._send(self._draw.randbytes(fault.noise) + answer, write)

    async def _send(self, data: bytes, write: Callable[[bytes], object]) -> None:
        """Bytes leave as the wire takes them, a few at a time."""
        if not self._baud:
            write(data)
            return
        step = max(1, int(_CHUNK_S * self._baud / _BITS_A_BYTE))
        for at in range(0, len(data), step):
            part = data[at : at + step]
            await self._transmit_time(len(part))
            write(part)

    async def _transmit_time(self, count: int) -> None:
        if self._baud:
            await asyncio.sleep(count * _BITS_A_BYTE / self._baud)


async def _beat(writer: asyncio.StreamWriter, heartbeat: bytes, every_s: float) -> None:
    """Say that the modem is still there, until it is not."""
    while not writer.is_closing():
        await asyncio.sleep(every_s)
        writer.write(heartbeat)


def _write(descriptor: int, data: bytes) -> None:
    os.write(descriptor, data)
