"""From the site's meters to what is asked for when: compiled once, so that a poll costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from collector.connection import Connection, ConnectionTextError, parse_connection
from collector.last_seen import best_rank
from collector.modbus.decode import BlockDecoder, Bytes
from collector.modbus.frame import ReadRequest
from collector.modbus.openers import MODBUS_SCHEMES
from collector.modbus.plan import Block, plan_blocks
from collector.modbus.serial_settings import LineTiming, line_timing
from collector.read_value import ReadValue
from device_profiles import ModbusPoint, ModbusProfile, Profile, ProfileError
from device_profiles.binding import Output, bind_points
from device_profiles.schema import PollClass
from metering.batch import Float64, Mask, Quality, UInt8, UInt16
from metering.site import Meter

DEFAULT_POLL_S = 60.0
# Values that change slowly or matter little: a quarter of an hour, and once a day.
_LEAST_PERIOD_S: dict[PollClass, float] = {"fast": 0.0, "slow": 900.0, "once": 86_400.0}
_UNITS = 256


class UnpollableError(ValueError):
    """A meter that cannot be polled as the site file has it; the message says why and what is allowed."""


@dataclass(eq=False)
class BlockForm:
    """One block of registers and the readings it gives; shared by all meters that are alike.

    Quantities and ranges have one entry a reading; `factors` has a row a meter, for multipliers differ. `alarms` are
    the decoder's columns that are status words, with their points.
    """

    block: Block
    decoder: BlockDecoder
    columns: npt.NDArray[np.intp]
    quantities: UInt8
    low: Float64
    high: Float64
    alarms: tuple[tuple[int, ModbusPoint], ...] = ()
    rows: list[list[float]] = field(default_factory=list)
    _factors: Float64 | None = None

    def add_meter(self, factors: Sequence[float]) -> int:
        """Row of a meter with these factors."""
        self.rows.append(list(factors))
        self._factors = None
        return len(self.rows) - 1

    def said(self, replies: Bytes) -> list[list[ReadValue]]:
        """What each reply's status words say: every alarm of theirs, on or off."""
        values, valid = self.decoder.values(replies)
        return [
            [
                ReadValue(code, bool(int(row[column]) >> bit & 1), "")
                for column, point in self.alarms
                if good[column]
                for bit, code in point.alarms.items()
            ]
            for row, good in zip(values, valid, strict=True)
        ]

    @cached_property
    def rank(self) -> int:
        """How well its best quantity stands for a meter; see `last_seen`."""
        return best_rank(self.quantities.tolist())

    def raw_text(self, registers: bytes) -> str:
        """The registers of that quantity, as `function:address = words`."""
        best = next(i for i, code in enumerate(self.quantities.tolist()) if best_rank([code]) == self.rank)
        point = self.decoder.points[self.columns[best]]
        start = 2 * (point.address - self.block.address)
        words = registers[start : start + 2 * point.registers].hex(" ", 2)
        return f"{self.block.function}:{point.address:#06x} = {words}"

    def readings(self, replies: Bytes, rows: npt.NDArray[np.intp]) -> tuple[Float64, Mask, UInt16]:
        """Values, which of them the meter means, and their quality: (replies x readings) each.

        A value outside the profile's plausible range is kept and held for review.
        """
        if self._factors is None:
            self._factors = np.array(self.rows, np.float64)
        values, valid = self.decoder.values(replies)
        values = values[:, self.columns]
        quality = np.where((values < self.low) | (values > self.high), np.uint16(Quality.HELD), np.uint16(0))
        return values * self._factors[rows], valid[:, self.columns], quality.astype(np.uint16)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One request of one meter."""

    request: ReadRequest
    form: BlockForm
    row: int


@dataclass(slots=True, eq=False)
class Poll:
    """What is asked of one meter each `period_s`.

    spread_s    the meter's own period, over which first polls are spread
    expected    how many readings one poll gives
    definition  what must be the same for a running poll to stay as it is
    endpoint    the line, the same for all meters on it
    is_busy     while it waits or is asked
    """

    meter: str
    connection: Connection
    timing: LineTiming
    unit: int
    period_s: float
    spread_s: float
    questions: tuple[Question, ...]
    probe: Question
    expected: int
    min_gap_s: float
    definition: tuple[object, ...]
    endpoint: str = field(init=False)
    is_busy: bool = False

    def __post_init__(self) -> None:
        self.endpoint = self.connection.endpoint  # asked for with every poll


def parse_address(text: str | None) -> tuple[int, int]:
    """Unit and channel of a device address: `7`, or `7/2` for input 2 of a pulse counter.

    Raises:
        UnpollableError: it is neither.
    """
    unit, _, channel = (text if text is not None else "1").partition("/")
    is_number = unit.isdecimal() and (channel or "0").isdecimal()
    if not is_number or int(unit) >= _UNITS or int(channel or 0) >= _UNITS:
        raise UnpollableError(f"device_address {text!r} is no Modbus unit; allowed: 0 to 255, or unit/channel as 1/0")
    return int(unit), int(channel or 0)


class PollCompiler:
    """Makes the polls of meters; forms are shared among meters that are alike."""

    def __init__(self, load: Callable[[str], Profile]) -> None:
        self._load = load
        self._forms: dict[tuple[object, ...], BlockForm] = {}

    def compile(self, meter: Meter) -> list[Poll]:
        """The polls of a meter, one for each poll class its profile has.

        Raises:
            UnpollableError: profile, connection or address do not make a Modbus meter.
        """
        profile, connection = self._profile(meter), _endpoint(meter)
        unit, channel = parse_address(meter.device_address)
        outputs = bind_points(profile.points, medium=meter.medium, multiplier=meter.multiplier, channel=channel)
        if not outputs:
            raise UnpollableError(
                f"profile {profile.id} has no value that meter {meter.id!r} ({meter.medium}) can give"
            )
        polls = []
        for kind, least_s in _LEAST_PERIOD_S.items():
            chosen = [o for o in outputs if profile.points[o.point].poll == kind]
            questions = self._questions(profile, unit, kind, chosen)
            if not questions:
                continue
            period_s = max(meter.poll_s or DEFAULT_POLL_S, least_s)
            definition = (
                (kind, meter.profile, meter.medium, meter.multiplier, channel, unit, period_s),
                connection.text,
            )
            polls.append(
                Poll(
                    meter=meter.id,
                    connection=connection,
                    timing=line_timing(connection, profile.serial),
                    unit=unit,
                    period_s=period_s,
                    spread_s=meter.poll_s or DEFAULT_POLL_S,
                    questions=questions,
                    probe=_probe(profile, questions[0]),
                    expected=len(chosen),
                    min_gap_s=profile.limits.min_gap_ms / 1000,
                    definition=definition,
                )
            )
        return polls

    def _profile(self, meter: Meter) -> ModbusProfile:
        try:
            profile = self._load(meter.profile or "")
        except ProfileError as error:
            raise UnpollableError(str(error)) from error
        if not isinstance(profile, ModbusProfile):
            raise UnpollableError(f"profile {profile.id} speaks {profile.protocol}, not modbus")
        return profile

    def _questions(
        self, profile: ModbusProfile, unit: int, kind: PollClass, outputs: Sequence[Output]
    ) -> tuple[Question, ...]:
        wanted = {o.point for o in outputs} | {i for i, p in enumerate(profile.points) if p.alarms and p.poll == kind}
        points = profile.with_exponents([profile.points[i] for i in sorted(wanted)])
        questions = []
        for block in plan_blocks(points, profile.limits):
            inside = [o for o in outputs if _is_in(profile.points[o.point], block)]
            form = self._form(profile, block, inside)
            row = form.add_meter([o.factor for o in inside])
            request = ReadRequest(unit, block.function, block.address, block.count)
            questions.append(Question(request, form, row))
        return tuple(questions)

    def _form(self, profile: ModbusProfile, block: Block, outputs: Sequence[Output]) -> BlockForm:
        key = (
            profile.id,
            block.function,
            block.address,
            block.count,
            tuple((o.point, o.quantity.code) for o in outputs),
        )
        if key not in self._forms:
            decoder = BlockDecoder(block.points, block.address, block.count, profile.parameters)
            points = [profile.points[o.point] for o in outputs]
            ranges = np.array([p.valid_range or (-np.inf, np.inf) for p in points])
            columns = np.array([decoder.points.index(p) for p in points], np.intp)
            codes = np.array([o.quantity.code for o in outputs], np.uint8)
            low, high = ranges.reshape(-1, 2).T
            alarms = tuple((i, p) for i, p in enumerate(decoder.points) if p.alarms)
            self._forms[key] = BlockForm(block, decoder, columns, codes, low, high, alarms)
        return self._forms[key]


def _probe(profile: ModbusProfile, first: Question) -> Question:
    """The cheapest question that shows life: the first value alone. Its answer is not used."""
    block = plan_blocks(first.form.block.points[:1], profile.limits)[0]
    request = ReadRequest(first.request.unit, block.function, block.address, block.count)
    return Question(request, first.form, first.row)


def _is_in(point: ModbusPoint, block: Block) -> bool:
    return point.function == block.function and block.address <= point.address < block.end


def _endpoint(meter: Meter) -> Connection:
    try:
        connection = parse_connection(meter.connection or "")
    except ConnectionTextError as error:
        raise UnpollableError(str(error)) from error
    if connection.scheme not in MODBUS_SCHEMES:
        allowed = ", ".join(f"{scheme}://" for scheme in MODBUS_SCHEMES)
        raise UnpollableError(f"connection {connection.text!r}: Modbus is polled over {allowed}")
    return connection
