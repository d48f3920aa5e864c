"""What is asked of a meter, and how often: a profile's points gathered into dialogues. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collector.cjt188 import dialogue as cjt188
from collector.cjt188.frame import Cjt188Error
from collector.cjt188.frame import address_text as cjt188_address
from collector.connection import Connection, parse_connection
from collector.dlt645 import dialogue as dlt645
from collector.dlt645.frame import Dlt645Error
from collector.dlt645.frame import address_text as dlt645_address
from collector.line.dialogue import Dialogue
from collector.line.wire import LINE_SCHEMES
from collector.mbus import dialogue as mbus
from collector.mbus.frame import MbusError
from device_profiles import Profile
from device_profiles.kinds import FramePoint, FrameProfile
from device_profiles.schema import PollClass
from metering.site import Meter

_USUAL_S = 60.0
_SLOW_S, _ONCE_S = 900.0, 86_400.0
_SHORT_DI = 4  # digits of an identifier of 1997


class UnreadableError(ValueError):
    """A meter that cannot be polled as the site file has it; the message says what is allowed."""


@dataclass(frozen=True, slots=True, eq=False)
class LinePoll:
    """What is asked of one meter each `period_s`. `begin` starts a dialogue, `probe` the cheapest one there is.

    expected  readings that a good answer gives
    """

    meter: Meter
    profile: FrameProfile
    connection: Connection
    period_s: float
    expected: int
    begin: Callable[[], Dialogue]


def plan_polls(meter: Meter, profile: Profile) -> list[LinePoll]:
    """The polls of a meter, one for each poll class its profile has.

    Raises:
        UnreadableError: connection, address or profile do not go together.
        ConnectionTextError: no connection string.
    """
    connection = parse_connection(meter.connection or "")
    if not isinstance(profile, FrameProfile) or connection.scheme not in LINE_SCHEMES:
        raise UnreadableError(
            f"meter {meter.id!r}: profile {profile.id} is read over {', '.join(LINE_SCHEMES)}, not {connection.scheme}"
        )
    address = meter.device_address or ""
    try:
        check_address(profile, address)
    except ValueError as error:
        raise UnreadableError(f"meter {meter.id!r}: {error}") from error
    base_s = meter.poll_s or _USUAL_S
    polls = []
    for kind, period_s in (("fast", base_s), ("slow", max(_SLOW_S, base_s)), ("once", _ONCE_S)):
        points = [p for p in profile.points if p.poll == kind]
        if points and (profile.protocol == "dlt645" or kind == "fast"):
            expected = _stated(points, profile.points)
            begin = _starter(profile, address, kind)  # type: ignore[arg-type]
            polls.append(LinePoll(meter, profile, connection, period_s, expected, begin))
    return polls


def _stated(points: list[FramePoint], every: Iterable[FramePoint]) -> int:
    """How many readings a good answer gives: the poll's own points, and the totals that its blocks carry along."""
    blocks = {p.read for p in points if p.read}
    along = [p for p in every if p not in points and p.read and _block_of(p.read) in blocks]
    return sum(p.known is not None for p in (*points, *along))


def _block_of(read: str) -> str:
    """The identifier of the block that an identifier's total stands in (DL/T 645): all tariffs, or all phases."""
    return f"{read[:4]}FF{read[6:]}" if len(read) > _SHORT_DI else f"{read[:3]}F"


def _starter(profile: FrameProfile, address: str, kind: PollClass) -> Callable[[], Dialogue]:
    return lambda: dialogue_of(profile, address, kinds=(kind,))


def check_address(profile: FrameProfile, address: str) -> None:
    """Whether the text is an address of the protocol.

    Raises:
        ValueError: it is none; the message says what is allowed.
    """
    if profile.protocol == "dlt645":
        dlt645_address(address)
    elif profile.protocol == "cjt188":
        cjt188_address(address)
    else:
        mbus.parse_address(address)


def dialogue_of(
    profile: FrameProfile, address: str, *, kinds: tuple[PollClass, ...] = ("fast", "slow", "once")
) -> Dialogue:
    """The conversation that reads a meter's points of these poll classes.

    Raises:
        ValueError: no address of the protocol.
    """
    if profile.protocol == "cjt188":
        return cjt188.read(address, profile.meter_type, di_order=profile.di_order)
    if profile.protocol == "mbus":
        return mbus.read(address)
    points = [p for p in profile.points if p.poll in kinds]
    return dlt645.read(address, identifiers_of(points), edition=profile.edition)


def identifiers_of(points: list[FramePoint]) -> list[int]:
    """The identifiers to ask for, each once, in the points' order."""
    return [int(text, 16) for text in dict.fromkeys(p.read for p in points if p.read)]


ProtocolError = (Dlt645Error, Cjt188Error, MbusError)
