"""A clock that only moves when nothing happens, and recorders in place of the journal."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from metering.batch import ReadingBatch
from metering.quantities import BY_CODE


class _IdleSelector(selectors.DefaultSelector):
    """Real sockets, but waiting for a timer costs no time: it moves the loop's clock instead.

    Both ends of every connection live in this loop, so "no socket is ready" means that nothing is under way.
    """

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        events = super().select(0)
        if events or timeout == 0:
            return events
        events = super().select(0.002)  # what the kernel may still be carrying
        if events:
            return events
        assert timeout is not None, "nothing will ever happen any more"
        self.loop.now += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with its own clock, in seconds from 0."""

    def __init__(self) -> None:
        selector = _IdleSelector()
        selector.loop = self
        self.now = 0.0
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def run_virtual(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


@dataclass
class Sink:
    """Keeps what it is given; may refuse."""

    batches: list[ReadingBatch] = field(default_factory=list)
    accepting: bool = True
    failure: Exception | None = None

    def is_accepting(self) -> bool:
        return self.accepting

    async def append(self, batch: ReadingBatch) -> None:
        if self.failure is not None:
            raise self.failure
        self.batches.append(batch)

    def readings(self, meter: str) -> list[tuple[str, int, float]]:
        """(quantity, Unix ms, value) of one meter in order."""
        return [
            (BY_CODE[int(q)].name, int(t), float(v))
            for b in self.batches
            for m, q, t, v in zip(b.meter, b.quantity, b.time.astype("int64"), b.value, strict=True)
            if b.meters[m] == meter
        ]

    def times(self, meter: str) -> list[int]:
        return sorted({t for _, t, _ in self.readings(meter)})


@pytest.fixture
def virtual() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    return run_virtual


@pytest.fixture
def sink() -> Sink:
    return Sink()
