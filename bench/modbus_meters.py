"""Simulated meters for `modbus_polling`, as lean as Python allows, so that they are never what is measured.

Each port is a meter or a gateway. An answer is made once: only its transaction id changes. Nothing but the one
question that the benchmark's profile leads to is answered, so a collector that asks for anything else gets silence.
SIGUSR1 silences one more unit of each connection, the last ones first. With a baud rate each connection is a line of
Modbus RTU instead, in the wire's own time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import struct
from collections.abc import Callable
from typing import cast

import uvloop

from bench.paced_line import PacedLine
from collector.modbus.frame import crc16

SEED = 20260301
FUNCTION = 4
RTU_DELAY_S = 0.005


def registers_of(meter: int, registers: int) -> list[int]:
    """What the meter's registers hold, for as long as it lives; any 16 bits that are no NaN in any of our types."""
    draw = random.Random(SEED + meter)
    return [draw.randrange(0x0100, 0x4000) for _ in range(registers)]


def rtu(body: bytes) -> bytes:
    """A frame of TCP without its transaction id as one of RTU."""
    return body[4:] + crc16(body[4:]).to_bytes(2, "little")


def question_of(unit: int, registers: int) -> bytes:
    """A request without its transaction id."""
    return struct.pack(">HHBBHH", 0, 6, unit, FUNCTION, 0, registers)


def answer_of(unit: int, values: list[int]) -> bytes:
    """The answer without its transaction id."""
    size = 2 * len(values)
    return struct.pack(f">HHBBB{len(values)}H", 0, size + 3, unit, FUNCTION, size, *values)


class _Session(asyncio.Protocol):
    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        answer = self._answers.get(data[2:])
        if answer is not None and self._transport is not None:
            self._transport.write(data[:2] + answer)


def session_of(answers: dict[bytes, bytes], baud: int) -> Callable[[], asyncio.Protocol]:
    """What serves a connection; `answers` may lose members later."""
    if not baud:
        return lambda: _Session(answers)

    def answer(heard: bytes) -> bytes | None:
        return next((rtu(said) for asked, said in answers.items() if rtu(asked) == heard), None)

    return lambda: PacedLine(answer, baud=baud, delay_s=RTU_DELAY_S)


async def serve(connections: int, units: int, registers: int, baud: int) -> None:
    """Print the ports as JSON, serve until killed."""
    loop = asyncio.get_running_loop()
    ports, all_answers = [], []
    for connection in range(connections):
        first = connection * units
        answers = {
            question_of(unit, registers): answer_of(unit, registers_of(first + unit - 1, registers))
            for unit in range(1, units + 1)
        }
        all_answers.append(answers)
        server = await loop.create_server(session_of(answers, baud), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])

    def silence() -> None:
        for answers in all_answers:
            answers.popitem()

    loop.add_signal_handler(signal.SIGUSR1, silence)
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("connections", "units", "registers", "baud"):
        parser.add_argument(name, type=int)
    given = parser.parse_args()
    uvloop.run(serve(given.connections, given.units, given.registers, given.baud))


if __name__ == "__main__":
    main()
