"""A 9,600-baud line with DL/T 645 meters, in a process of its own, whose bytes take the time that they take on a wire.

A question is whole at the meter when its last byte has passed; the meter answers 20 ms later; each part of the answer
arrives when its last byte has passed. All of it is reckoned from the moment in which the question's bytes came, so that
the simulation itself adds nothing but a late timer. Frames are those of `simulators.dlt645`.

SIGUSR1 prints what passed so far: {requests, bytes, exchanges_s} - the last as the wire needs for it, without the rest
between an answer and the next question, which is the collector's to keep.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from collections.abc import Sequence
from typing import cast

from simulators.dlt645.meter import Dlt645Meter

BAUD, BITS_A_BYTE, DELAY_S = 9600, 11, 0.02
_CHUNK = 8
# What the meters say, whatever the seed: digits that differ by meter.
_BASE = {"active_energy_import": 100.25, "active_power": 1.5, "voltage_l1": 220.1, "voltage_l2": 221.2,
         "voltage_l3": 222.3, "current_l1": 5.125, "current_l2": 6.25, "current_l3": 7.5}  # fmt: skip


def address_of(meter: int) -> str:
    """12 digits."""
    return f"{202600000000 + meter}"


def values_of(meter: int) -> dict[str, float]:
    """What the meter's registers hold."""
    return {name: value + (meter if name == "active_energy_import" else 0) for name, value in _BASE.items()}


def simulated_meter(meter: int) -> Dlt645Meter:
    """One meter."""
    held = values_of(meter)
    return Dlt645Meter(address_of(meter), lambda: held)


class PacedLine(asyncio.Protocol):
    """All meters hear all bytes; one answers."""

    def __init__(self, meters: Sequence[Dlt645Meter]) -> None:
        self._meters = meters
        self._heard = b""
        self._began = 0.0
        self._transport: asyncio.Transport | None = None
        self.requests = self.bytes = 0
        self.exchanges_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The collector has dialled."""
        self._transport = cast(asyncio.Transport, transport)
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        """Answer a whole question in the wire's own time."""
        loop = asyncio.get_running_loop()
        if not self._heard:
            self._began = loop.time()
        self._heard += data
        answer = next((a for meter in self._meters if (a := meter.answer(self._heard))), None)
        if answer is None:
            return
        size = len(self._heard) + len(answer)
        self.requests += 1
        self.bytes += size
        self.exchanges_s += _wire_s(size) + DELAY_S
        first = self._began + _wire_s(len(self._heard)) + DELAY_S
        self._heard = b""
        for at in range(0, len(answer), _CHUNK):
            part = answer[at : at + _CHUNK]
            loop.call_at(first + _wire_s(at + len(part)), self._write, part)

    def _write(self, part: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(part)


def _wire_s(count: int) -> float:
    return count * BITS_A_BYTE / BAUD


async def serve(meters: int) -> None:
    """Print the port, serve until killed."""
    line = PacedLine([simulated_meter(i) for i in range(meters)])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: line, "127.0.0.1", 0)

    def tell() -> None:
        passed = {"requests": line.requests, "bytes": line.bytes, "exchanges_s": line.exchanges_s}
        print(json.dumps(passed), flush=True)

    loop.add_signal_handler(signal.SIGUSR1, tell)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meters", type=int)
    asyncio.run(serve(parser.parse_args().meters))
