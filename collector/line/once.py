"""One reading of one meter on a line, or a search for the meter that is there, for a person who stands before it."""

from __future__ import annotations

from collections.abc import Callable

from collector.cjt188.dialogue import find_address as find_cjt188
from collector.connection import Connection
from collector.dlt645.dialogue import find_address as find_dlt645
from collector.line.dialogue import Dialogue
from collector.line.plan import ProtocolError, check_address, dialogue_of
from collector.line.wire import LINE_SCHEMES, LineError, NoAnswerError, Wire
from collector.modbus.openers import COLLECTING, Approach
from collector.read_value import ReadValue
from collector.statement import Statement
from device_profiles.kinds import FrameProfile

_CONNECT_S = 10.0


class LineReadError(Exception):
    """The meter could not be read; the message says at which step and why."""


async def read_once(
    profile: FrameProfile,
    connection: Connection,
    address: str,
    *,
    timeout_s: float | None = None,
    on_note: Callable[[str], None] = lambda _: None,
    approach: Approach = COLLECTING,
) -> list[ReadValue]:
    """All that the meter's points say now. What it refuses or does not support is told to `on_note`.

    `timeout_s` is how long the meter may take for one answer, on top of the time on the wire.

    Raises:
        LineReadError: no such address, no connection, no answer, or an answer that is none.
    """
    try:
        check_address(profile, address)
    except ValueError as error:
        raise LineReadError(str(error)) from error
    begin = lambda: dialogue_of(profile, address)  # noqa: E731
    told = await _hold(profile, connection, begin, timeout_s, f"meter {address}", approach)
    if told.meaning:
        on_note(told.meaning)
    if not told.values:
        raise LineReadError(f"{connection.text} meter {address}: {told.meaning or 'no value'}")
    return list(told.values)


async def find_address(profile: FrameProfile, connection: Connection, *, timeout_s: float | None = None) -> str:
    """The address of the one meter on a line, as its protocol's own question for it finds it.

    Raises:
        LineReadError: none answers, several do at once, or the protocol has no such question.
    """
    if profile.protocol == "dlt645" and profile.edition == 2007:  # noqa: PLR2004
        begin: Callable[[], Dialogue] = find_dlt645
    elif profile.protocol == "cjt188":
        begin = lambda: find_cjt188(di_order=profile.di_order)  # noqa: E731
    else:
        raise LineReadError(f"{profile.id} has no question for an address; each must be tried")
    told = await _hold(profile, connection, begin, timeout_s, "the line")
    address = told.meaning.rpartition(" ")[2]
    if "address is" not in told.meaning:
        raise LineReadError(f"{connection.text}: {told.meaning}")
    return address


async def _hold(
    profile: FrameProfile,
    connection: Connection,
    begin: Callable[[], Dialogue],
    timeout_s: float | None,
    whom: str,
    approach: Approach = COLLECTING,
) -> Statement:
    if connection.scheme not in LINE_SCHEMES:
        raise LineReadError(f"profile {profile.id} is read over {', '.join(LINE_SCHEMES)}, not {connection.text}")
    wire = Wire(connection, profile, approach=approach)
    try:
        await wire.open(_CONNECT_S if connection.scheme != "listen" else timeout_s)
        return await wire.hold(begin(), timeout_s=timeout_s)
    except LineError as error:
        raise LineReadError(str(error)) from error
    except (NoAnswerError, *ProtocolError) as error:
        raise LineReadError(f"{connection.text} {whom}: {error}") from error
    finally:
        await wire.close()
