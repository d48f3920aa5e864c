"""Who is on a line: the addresses of DL/T 645, CJ/T 188 and M-Bus meters, found by their protocols' own questions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from collector.cjt188.dialogue import find_address as ask_cjt188
from collector.connection import Connection
from collector.dlt645.dialogue import find_address as ask_dlt645
from collector.dlt645.dialogue import read as read_dlt645
from collector.line.dialogue import Dialogue
from collector.line.plan import ProtocolError
from collector.line.wire import LineError, NoAnswerError, Wire
from collector.mbus.dialogue import read as read_mbus
from collector.modbus.openers import Approach
from collector.statement import Statement
from device_profiles.kinds import FrameProfile

_ENERGY = {2007: 0x00010000, 1997: 0x9010}
_DIGITS = 12
_LAST_PRIMARY = 250
_LISTEN_S = 3.0
Progress = Callable[[int, int], None]


async def scan_addresses(
    profile: FrameProfile,
    connection: Connection,
    *,
    timeout_s: float = 0.5,
    is_second_master: bool = False,
    on_progress: Progress = lambda _d, _o: None,
) -> AsyncIterator[str]:
    """The meters' addresses, as they are found.

    Before the first question the line is listened to: who hears bytes that nobody asked for is not its only master.
    One meter alone on its line is asked for its address. Where several answer at once, which garbles the answer, the
    addresses of DL/T 645 meters are narrowed down two digits at a time. M-Bus meters are asked one primary address
    after the other.

    Raises:
        LineError: no connection, or it is gone; or another master asks there, which `is_second_master` allows.
    """
    wire = Wire(connection, profile, approach=Approach(is_second_master=is_second_master))
    try:
        await wire.open(timeout_s + 10)
        if not is_second_master:
            await refuse_company(wire, connection)
        searches = {"dlt645": _dlt645, "cjt188": _cjt188, "mbus": _mbus}
        async for address in searches[profile.protocol](wire, profile, timeout_s, on_progress):
            yield address
    finally:
        await wire.close()


async def refuse_company(wire: Wire, connection: Connection) -> None:
    """Listen for a moment before the first question.

    Raises:
        LineError: something was heard.
    """
    if heard := await wire.overhear(_LISTEN_S):
        raise LineError(
            f"{connection.text}: {heard} bytes were heard within {_LISTEN_S:g} s, though nothing was asked: another "
            "master asks on this line. Stop it, or say --second-master; both will lose answers"
        )


async def _ask(wire: Wire, dialogue: Dialogue, timeout_s: float) -> tuple[Statement | None, bool]:
    """(what was stated, whether anything came at all)."""
    try:
        return await wire.hold(dialogue, timeout_s=timeout_s), True
    except (NoAnswerError, *ProtocolError) as error:
        return None, "bytes came" in str(error)


async def _dlt645(wire: Wire, profile: FrameProfile, timeout_s: float, on_progress: Progress) -> AsyncIterator[str]:
    if profile.edition == 2007:  # noqa: PLR2004
        told, is_heard = await _ask(wire, ask_dlt645(), timeout_s)
        if told is not None:
            yield told.meaning.rpartition(" ")[2]
            return
        if not is_heard:
            return
    async for address in _narrow(wire, profile, "", timeout_s, on_progress):
        yield address


async def _narrow(
    wire: Wire, profile: FrameProfile, known: str, timeout_s: float, on_progress: Progress
) -> AsyncIterator[str]:
    """Meters whose address ends in the known digits; A stands for any digit before them."""
    for pair in range(100):
        ending = f"{pair:02d}{known}"
        asked = ending.rjust(_DIGITS, "A")
        told, is_heard = await _ask(
            wire, read_dlt645(asked, [_ENERGY[profile.edition]], edition=profile.edition), timeout_s
        )
        if not known:
            on_progress(pair + 1, 100)
        if told is not None and told.values and told.values[0].address:
            yield told.values[0].address
        elif is_heard and len(ending) < _DIGITS:
            async for address in _narrow(wire, profile, ending, timeout_s, on_progress):
                yield address


async def _cjt188(wire: Wire, profile: FrameProfile, timeout_s: float, on_progress: Progress) -> AsyncIterator[str]:
    told, is_heard = await _ask(wire, ask_cjt188(di_order=profile.di_order), timeout_s)
    on_progress(1, 1)
    if told is not None:
        yield told.meaning.rpartition(" ")[2]
    elif is_heard:
        raise LineError("several meters answer at once; CJ/T 188 can only ask one meter alone for its address")


async def _mbus(wire: Wire, profile: FrameProfile, timeout_s: float, on_progress: Progress) -> AsyncIterator[str]:
    del profile
    for unit in range(1, _LAST_PRIMARY + 1):
        told, _ = await _ask(wire, read_mbus(str(unit)), timeout_s)
        on_progress(unit, _LAST_PRIMARY)
        if told is not None:
            yield str(unit)
