"""A 9,600-baud line with DL/T 645 meters, in a process of its own; they answer after 20 ms.

The wire is that of `paced_line`, the frames are those of `simulators.dlt645`.

SIGUSR1 prints what passed so far: {requests, bytes, exchanges_s} - the last as the wire needs for it, without the rest
between an answer and the next question, which is the collector's to keep.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal

from bench.paced_line import PacedLine
from simulators.dlt645.meter import Dlt645Meter

BAUD, DELAY_S = 9600, 0.02
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


async def serve(meters: int) -> None:
    """Print the port, serve until killed."""
    all_meters = [simulated_meter(i) for i in range(meters)]

    def answer(heard: bytes) -> bytes | None:
        return next((said for meter in all_meters if (said := meter.answer(heard))), None)

    line = PacedLine(answer, baud=BAUD, delay_s=DELAY_S)
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
