"""One reading of one meter, for a person who stands in front of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collector.connection import Connection
from collector.modbus.frame import ExceptionReplyError, ModbusError, ReadRequest
from collector.modbus.link import open_link
from collector.modbus.openers import COLLECTING, Approach
from collector.modbus.plan import Block, plan_blocks
from collector.modbus.polls import parse_address
from collector.modbus.values import block_values
from collector.read_value import ReadValue
from device_profiles import ModbusProfile


class ReadError(Exception):
    """The meter could not be read; the message says at which step and why."""


async def read_once(
    profile: ModbusProfile,
    connection: Connection,
    address: str,
    *,
    timeout_s: float = 3.0,
    on_note: Callable[[str], None] = lambda _: None,
    approach: Approach = COLLECTING,
) -> list[ReadValue]:
    """All that the profile's points say now, in the profile's order.

    A part of the map that the meter refuses is left out and told to `on_note`; so is a value the meter marks as none.

    Raises:
        ReadError: no connection, no answer, or a refusal of everything.
        UnpollableError: the address is no Modbus unit.
    """
    unit, channel = parse_address(address)
    points = [p for p in profile.points if p.pulse_channel is None or "/" not in address or p.pulse_channel == channel]
    found: dict[str, ReadValue] = {}
    refusals: list[str] = []
    try:
        async with open_link(connection, profile.serial, timeout_s, approach) as link:
            for block in plan_blocks(points, profile.limits):
                try:
                    registers = await link.ask(_request(unit, block), timeout_s)
                except ExceptionReplyError as error:
                    refusals.append(f"registers {block.address} to {block.end - 1}: {error}")
                    on_note(refusals[-1])
                    continue
                values, without = block_values(block.points, block.address, registers, profile.parameters)
                found |= {value.quantity: value for value in values}
                for name in without:
                    on_note(f"{name}: the meter states no value")
    except ModbusError as error:
        raise ReadError(str(error)) from error
    if not found and refusals:
        raise ReadError(f"{connection.text} unit {unit}: {'; '.join(refusals)}")
    for text in ratio_notes(profile, found):
        on_note(text)
    return [found[p.quantity] for p in points if p.quantity in found]


def ratio_notes(profile: ModbusProfile, found: Mapping[str, ReadValue]) -> list[str]:
    """What is to be said of transformer ratios that the meter states and does not apply."""
    stated = {n: found[n].value for n, r in profile.ratios.items() if n in found and r.applied_by == "service"}
    told = [f"{name} is {value:g}" for name, value in stated.items() if isinstance(value, float) and value != 1]
    if not told:
        return []
    return [f"{', '.join(told)}: the values are of the secondary side; the product of the ratios is the multiplier"]


def _request(unit: int, block: Block) -> ReadRequest:
    return ReadRequest(unit, block.function, block.address, block.count)
