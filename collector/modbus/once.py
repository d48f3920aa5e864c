"""One reading of one meter, for a person who stands in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from collector.connection import Connection
from collector.modbus.frame import (
    ExceptionReplyError,
    Frame,
    ModbusError,
    encode_tcp,
    read_pdu,
    registers_of,
    split_tcp,
)
from collector.modbus.plan import Block, plan_blocks
from collector.modbus.polls import parse_address
from collector.modbus.values import block_values
from collector.read_value import ReadValue
from device_profiles import ModbusProfile

_LARGEST = 4096


class ReadError(Exception):
    """The meter could not be read; the message says at which step and why."""


async def read_once(
    profile: ModbusProfile,
    connection: Connection,
    address: str,
    *,
    timeout_s: float = 3.0,
    on_note: Callable[[str], None] = lambda _: None,
) -> list[ReadValue]:
    """All that the profile's points say now, in the profile's order.

    A part of the map that the meter refuses is left out and told to `on_note`; so is a value the meter marks as none.

    Raises:
        ReadError: no connection, no answer, or a refusal of everything.
        UnpollableError: the address is no Modbus unit.
    """
    unit, channel = parse_address(address)
    if connection.scheme != "tcp":
        raise ReadError(f"{connection.text}: Modbus is read over tcp://host:port; {connection.scheme}:// is not, yet")
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(connection.host, connection.port)
    except (OSError, TimeoutError) as error:
        raise ReadError(f"{connection.text}: no connection: {str(error) or f'not within {timeout_s:g} s'}") from error
    points = [p for p in profile.points if p.pulse_channel is None or "/" not in address or p.pulse_channel == channel]
    try:
        found: dict[str, ReadValue] = {}
        refusals: list[str] = []
        for number, block in enumerate(plan_blocks(points, profile.limits), 1):
            try:
                registers = await _ask(reader, writer, Frame(unit, _pdu(block), number), block, timeout_s)
            except ExceptionReplyError as error:
                refusals.append(f"registers {block.address} to {block.end - 1}: {error}")
                on_note(refusals[-1])
                continue
            values, without = block_values(block.points, block.address, registers, profile.parameters)
            found |= {value.quantity: value for value in values}
            for name in without:
                on_note(f"{name}: the meter states no value")
        if not found and refusals:
            raise ReadError(f"{connection.text} unit {unit}: {'; '.join(refusals)}")
        return [found[p.quantity] for p in points if p.quantity in found]
    finally:
        writer.close()


def _pdu(block: Block) -> bytes:
    return read_pdu(block.function, block.address, block.count)


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: Frame, block: Block, timeout_s: float
) -> bytes:
    """The registers of a block; frames of other transactions are dropped."""
    writer.write(encode_tcp(question))
    rest = b""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                data = await reader.read(_LARGEST)
                if not data:
                    raise ReadError(f"unit {question.unit}: the other side closed the connection")
                frames, rest = split_tcp(rest + data)
                for frame in frames:
                    if frame.transaction == question.transaction and frame.unit == question.unit:
                        return registers_of(frame.pdu, block.function, block.count)
    except TimeoutError as error:
        raise ReadError(f"unit {question.unit}: no answer within {timeout_s:g} s") from error
    except ExceptionReplyError:
        raise
    except (ModbusError, OSError) as error:
        raise ReadError(f"unit {question.unit}: {error}") from error
