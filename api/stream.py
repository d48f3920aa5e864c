"""Live events: published from any thread, kept in a bounded ring, read by any number of streams.

A stream keeps only its place in the ring, so a slow reader costs no memory; one that fell out of the ring (or comes
from an earlier run of the program) is told `reset` and reads the lists again. Each stream gives out what its reader
may hear, and asks again now and then who the reader is: an account that is signed out hears nothing more.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import msgspec

_RETRY_MS = 2000
Hears = Callable[[Mapping[str, Any]], bool]
"""Whether a reader may hear an event."""
Admit = Callable[[], Awaitable[Hears | None]]
"""What the reader may hear now; None: nothing any more, the stream ends."""


async def everybody() -> Hears | None:
    """A reader who may hear everything: another part of the program."""
    return lambda _event: True


def _frame(event_id: str, kind: str, data: bytes) -> bytes:
    return f"id: {event_id}\nevent: {kind}\ndata: ".encode() + data + b"\n\n"


class EventStream:
    """A ring of the last `capacity` events. `publish` and `close` may be called from any thread."""

    def __init__(self, capacity: int = 1024, heartbeat_s: float = 15.0) -> None:
        self._ring: deque[tuple[Mapping[str, Any], bytes]] = deque(maxlen=capacity)
        self._heartbeat_s = heartbeat_s
        self._epoch = secrets.token_hex(4)
        self._count = 0  # events ever published; the ring holds the newest of them
        self._lock = threading.Lock()
        self._wakers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._is_closed = False

    def publish(self, event: dict[str, Any]) -> str:
        """Give an event (JSON-able, with its kind in `type`) to every stream; returns its id."""
        data = msgspec.json.encode(event)
        with self._lock:
            self._count += 1
            event_id = f"{self._epoch}-{self._count}"
            self._ring.append((event, _frame(event_id, str(event.get("type", "message")), data)))
        self._wake()
        return event_id

    def close(self) -> None:
        """End every stream. Call it before the HTTP server is told to stop, or it waits for them."""
        self._is_closed = True
        self._wake()

    @property
    def readers(self) -> int:
        """How many streams are open."""
        return len(self._wakers)

    def _wake(self) -> None:
        with self._lock:
            wakers = list(self._wakers.items())
        for waker, loop in wakers:
            try:
                loop.call_soon_threadsafe(waker.set)
            except RuntimeError:  # its loop has ended; the stream itself goes with it
                continue

    async def frames(self, last_id: str | None = None, admit: Admit = everybody) -> AsyncIterator[bytes]:
        """Server-sent events after `last_id` as long as the reader is let in; a comment when it is quiet."""
        waker = asyncio.Event()
        with self._lock:
            self._wakers[waker] = asyncio.get_running_loop()
        try:
            place, is_lost = self._place_of(last_id)
            yield f"retry: {_RETRY_MS}\n\n".encode()
            if is_lost:
                yield self._reset()
            hears, asked = await admit(), time.monotonic()
            while hears is not None and not self._is_closed:
                waker.clear()
                place, events = self._after(place)
                for event, frame in events:
                    if hears(event):
                        yield frame
                if not events and not await self._wait(waker):
                    yield b": quiet\n\n"
                if time.monotonic() - asked >= self._heartbeat_s:
                    hears, asked = await admit(), time.monotonic()
        finally:
            with self._lock:
                del self._wakers[waker]

    async def _wait(self, waker: asyncio.Event) -> bool:
        try:
            await asyncio.wait_for(waker.wait(), self._heartbeat_s)
        except TimeoutError:
            return False
        return True

    def _place_of(self, last_id: str | None) -> tuple[int, bool]:
        """How many events the reader has seen, and whether some it has not seen are gone."""
        with self._lock:
            oldest = self._count - len(self._ring)
            if last_id is None:
                return self._count, False
            epoch, _, number = last_id.partition("-")
            if epoch != self._epoch or not number.isdecimal() or not oldest <= int(number) <= self._count:
                return self._count, True
            return int(number), False

    def _after(self, place: int) -> tuple[int, list[tuple[Mapping[str, Any], bytes]]]:
        with self._lock:
            oldest = self._count - len(self._ring)
            if place < oldest:
                return self._count, [({}, self._reset())]
            skip = place - oldest
            return self._count, list(self._ring)[skip:] if self._count > place else []

    def _reset(self) -> bytes:
        return _frame(f"{self._epoch}-{self._count}", "reset", b'{"type":"reset"}')
