"""Who answers on a line or gateway, and what it may be: asked one unit after another, reading only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from collector.connection import Connection
from collector.modbus.decode import BlockDecoder, decode_text
from collector.modbus.frame import ExceptionReplyError, ModbusError, ReadRequest
from collector.modbus.link import Link, LinkError, NoAnswerError, open_link
from collector.modbus.openers import Approach
from collector.modbus.plan import plan_blocks
from device_profiles.schema import ModbusProfile, Probe, Serial

_LISTEN_S = 3.0
# What nearly every device answers, if only with an exception: a first register of either kind.
_KNOCKS = ((3, 0), (4, 0))
_GATEWAY_CODES = (10, 11)


class SecondMasterError(ModbusError):
    """Somebody else asks on this line already; the message says how to go on all the same."""


@dataclass(frozen=True, slots=True)
class FoundUnit:
    """A unit that answers, and the profiles whose probes all agree with it, best first."""

    unit: int
    profiles: tuple[str, ...]


async def scan_units(
    connection: Connection,
    units: Sequence[int],
    profiles: Iterable[ModbusProfile],
    *,
    serial: Serial,
    timeout_s: float = 0.5,
    is_second_master: bool = False,
    on_progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> AsyncIterator[FoundUnit]:
    """The units that answer, as they are found.

    Before the first question an RTU line is listened to: who hears frames of others is not its only master.

    Raises:
        LinkError: no connection.
        SecondMasterError: another master was heard, and `is_second_master` does not allow that.
    """
    candidates = [p for p in profiles if p.identify]
    async with open_link(connection, serial, timeout_s, Approach(is_second_master=is_second_master)) as link:
        if not is_second_master:
            await refuse_company(link, connection)
        for done, unit in enumerate(units):
            on_progress(done, len(units))
            if await _answers(link, unit, timeout_s):
                yield FoundUnit(unit, await _identify(link, unit, candidates, timeout_s))
        on_progress(len(units), len(units))


async def refuse_company(link: Link, connection: Connection) -> None:
    """Listen for a moment before the first question.

    Raises:
        SecondMasterError: another master was heard.
    """
    if not link.is_half_duplex:
        return
    await asyncio.sleep(_LISTEN_S)
    if link.overheard:
        raise SecondMasterError(
            f"{connection.text}: {link.overheard} Modbus frames were heard within {_LISTEN_S:g} s: another master asks "
            "on this line. Stop it, or say --second-master; both will lose answers"
        )


async def _answers(link: Link, unit: int, timeout_s: float) -> bool:
    for function, address in _KNOCKS:
        try:
            await link.ask(ReadRequest(unit, function, address, 1), timeout_s)
        except ExceptionReplyError as error:
            return error.code not in _GATEWAY_CODES
        except NoAnswerError:
            continue
        except LinkError:
            raise
        except ModbusError:
            return True
        return True
    return False


async def _identify(link: Link, unit: int, candidates: Sequence[ModbusProfile], timeout_s: float) -> tuple[str, ...]:
    known: dict[ReadRequest, bytes | None] = {}
    fitting = []
    for profile in candidates:
        for probe in profile.identify:
            block = plan_blocks([probe.as_point()], profile.limits)[0]
            request = ReadRequest(unit, block.function, block.address, block.count)
            if request not in known:
                known[request] = await _read(link, request, timeout_s)
            if not does_match(probe, known[request], block.address):
                break
        else:
            fitting.append(profile)
    # A fixed code says more than a range that a gauge lies in.
    fitting.sort(key=lambda p: -sum(1 + 10 * bool(probe.one_of) for probe in p.identify))
    return tuple(p.id for p in fitting)


async def _read(link: Link, request: ReadRequest, timeout_s: float) -> bytes | None:
    try:
        return await link.ask(request, timeout_s)
    except LinkError:
        raise
    except ModbusError:
        return None


def does_match(probe: Probe, registers: bytes | None, address: int) -> bool:
    """Whether these registers from `address` on (None: the meter has none there) are what the probe expects."""
    if registers is None:
        return False
    point = probe.as_point()
    if point.type.family == "text":
        return decode_text(point, registers, address) in probe.one_of
    values, valid = BlockDecoder([point], address, len(registers) // 2).values(
        np.frombuffer(registers, np.uint8)[np.newaxis]
    )
    if not valid[0, 0]:
        return False
    value = float(values[0, 0])
    if probe.between is not None:
        return probe.between[0] <= value <= probe.between[1]
    return value in probe.one_of
