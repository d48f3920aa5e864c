"""Simulated meters that answer in frames, by profile: DL/T 645, CJ/T 188, M-Bus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from collector.cjt188.frame import address_text as cjt188_address
from collector.dlt645.frame import address_text as dlt645_address
from device_profiles import FrameProfile
from simulators.cjt188.meter import Cjt188Meter, Variant
from simulators.dlt645.meter import Dlt645Meter
from simulators.faults import MeterFaults
from simulators.lifelike import Medium
from simulators.line.server import FrameMeter, LineFault
from simulators.mbus.meter import MbusMeter

_USUAL_DELAY_S = 0.02
_LAST_PRIMARY, _IDENTIFICATION_DIGITS = 250, 8
_MBUS_MEDIA: dict[Medium, int] = {"water": 0x07, "electricity": 0x02, "heat": 0x04, "gas": 0x03}
_STATUS_WORDS = {f"running_state_word_{n}": "0x0000" for n in range(1, 8)}


def frame_meter(
    profile: FrameProfile,
    address: str,
    values: Callable[[], Mapping[str, float]],
    faults: MeterFaults,
    *,
    clock: Callable[[], float],
    medium: Medium = "water",
) -> FrameMeter:
    """A meter of that address with a clock of its own, which states local time.

    clock   Unix seconds
    medium  what an M-Bus meter counts

    Raises:
        ValueError: no address of the protocol.
    """

    def own_time() -> datetime:
        return datetime.fromtimestamp(clock() + faults.clock_s, UTC).astimezone()

    meter = _made(profile, address, values, own_time, medium)
    meter.fault = LineFault(
        is_silent=faults.is_silent,
        delay_s=_USUAL_DELAY_S if faults.delay_s is None else faults.delay_s,
        is_half=faults.is_half,
        noise=faults.noise,
        is_wrong_sum=faults.is_crc_wrong,
        is_late=faults.is_late,
        exception=faults.exception,
    )
    return meter


def _made(
    profile: FrameProfile,
    address: str,
    values: Callable[[], Mapping[str, float]],
    own_time: Callable[[], datetime],
    medium: Medium,
) -> FrameMeter:
    if profile.protocol == "dlt645":
        return Dlt645Meter(_plain(dlt645_address(address)), _with_clock(values, own_time), edition=profile.edition)
    if profile.protocol == "cjt188":
        variant = Variant(is_turned=profile.di_order == "1f_90")
        meter_type = profile.meter_type
        return Cjt188Meter(
            _plain(cjt188_address(address)), values, meter_type=meter_type, variant=variant, clock=own_time
        )
    primary, identification = mbus_address(address)
    return MbusMeter(primary, identification, values, medium=_MBUS_MEDIA[medium], clock=own_time)


def _plain(address: str) -> str:
    if not address.isdecimal():
        raise ValueError(f"address {address!r} is none of one meter; allowed: digits")
    return address


def mbus_address(text: str) -> tuple[int, str]:
    """(primary address, identification) of a meter known by the one or the other.

    Raises:
        ValueError: it is neither.
    """
    if text.isdecimal() and len(text) == _IDENTIFICATION_DIGITS:
        return 0, text
    if text.isdecimal() and 1 <= int(text) <= _LAST_PRIMARY:
        return int(text), text.zfill(_IDENTIFICATION_DIGITS)
    raise ValueError(f"address {text!r} is none; allowed: 1 to {_LAST_PRIMARY}, or the 8 digits of an identification")


def _with_clock(
    values: Callable[[], Mapping[str, float]], own_time: Callable[[], datetime]
) -> Callable[[], Mapping[str, float | str]]:
    def told() -> Mapping[str, float | str]:
        now = own_time()
        return {**values(), **_STATUS_WORDS, "date": f"{now:%Y-%m-%d}", "time": f"{now:%H:%M:%S}"}

    return told
