"""A TCP proxy that hands every question on at once and every answer late."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from deploy.services.free_port import free_port


class SlowProxy:
    """Listens on 127.0.0.1 and passes on to `port` there, in a thread of its own."""

    def __init__(self, port: int, delay_s: float) -> None:
        """Listen; `delay_s` is how late each part of an answer is."""
        self._target, self._delay_s = port, delay_s
        self._port = free_port()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        listening = threading.Event()
        self._thread = threading.Thread(
            target=lambda: self._loop.run_until_complete(self._serve(listening)), name="slow proxy", daemon=True
        )
        self._thread.start()
        if not listening.wait(10):
            raise TimeoutError("the proxy does not listen")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    async def _serve(self, listening: threading.Event) -> None:
        async with await asyncio.start_server(self._pass_on, "127.0.0.1", self._port):
            listening.set()
            await self._stop.wait()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            asked = asyncio.create_task(_copy(reader, far_writer, 0.0))
            await _copy(far_reader, writer, self._delay_s)
            asked.cancel()

    def close(self) -> None:
        """Listen no more and break what is open."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            await asyncio.sleep(delay_s)
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
