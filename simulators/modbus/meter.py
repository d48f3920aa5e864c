"""Simulated Modbus meters of a profile, with what is wrong with them."""

from __future__ import annotations

import random

from device_profiles.dtypes import WordOrder
from device_profiles.schema import ModbusPoint, ModbusProfile
from simulators.faults import MeterFaults
from simulators.modbus.image import ProfileImage, ValueSource
from simulators.modbus.server import Fault, SimulatedUnit

_TURNED = {
    WordOrder.MSW_FIRST: WordOrder.LSW_FIRST,
    WordOrder.LSW_FIRST: WordOrder.MSW_FIRST,
    WordOrder.PAIRS_SWAPPED: WordOrder.HALVES_SWAPPED,
    WordOrder.HALVES_SWAPPED: WordOrder.PAIRS_SWAPPED,
}


def modbus_unit(profile: ModbusProfile, values: ValueSource, faults: MeterFaults, seed: int = 0) -> SimulatedUnit:
    """A unit that answers as the profile says; `seed` fixes the noise."""
    spoken = with_turned_words(profile) if faults.is_word_order_wrong else profile
    fault = Fault(
        is_silent=faults.is_silent,
        delay_s=faults.delay_s or 0.0,
        exception=faults.exception,
        transaction_shift=faults.stale,
        noise=random.Random(seed).randbytes(faults.noise),
        is_half=faults.is_half,
        is_crc_wrong=faults.is_crc_wrong,
        is_late=faults.is_late,
    )
    return SimulatedUnit(ProfileImage(spoken, values), fault)


def with_turned_words(profile: ModbusProfile) -> ModbusProfile:
    """The same map with the words of each value the other way round, as an installer may have set the meter."""
    return profile.model_copy(update={"points": tuple(_turned(p) for p in profile.points)})


def _turned(point: ModbusPoint) -> ModbusPoint:
    if point.registers == 1 or point.type.family in {"text", "parts"}:
        return point
    return point.model_copy(update={"word_order": _TURNED[point.word_order or WordOrder.MSW_FIRST]})
