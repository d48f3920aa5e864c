"""Meters as instruments: how wrong they are, how fine they count, what they showed on the first day.

Gains are those of meters that passed their test and have been in service for a few years: a class 2 water meter
(OIML R 49: at most 2 % wrong in its upper range, 4 % tolerated in service) has 0.8 % at one sigma, a class 1
electricity meter (IEC 62053-21) 0.35 %, a class 0.5 one 0.2 %. No gain lies beyond the class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.campus.randomness import normal, stream_number, uniform


@dataclass(frozen=True, slots=True)
class Size:
    """A size of meter: register in m3 or kWh with so many digits before the point, largest rate in m3/h or kW.

    missing  the share of its readings that get lost on the way
    """

    counts_per_unit: int
    register_digits: int
    accuracy_class: str
    gain_sigma: float
    gain_limit: float
    first_low: float
    first_high: float
    maximum_rate: float
    missing: float = 0.005


# Pulse weights as sold: 1 L for DN25-40 with an electronic head, 10 L for DN80, 100 L for a DN150 inlet.
# Registers of electricity stay below 60,000 kWh, where a float32 on the wire is finer than 0.01 kWh.
SIZES: dict[str, Size] = {
    "inlet": Size(10, 6, "2", 0.006, 0.02, 60_000, 160_000, 300.0, 0.004),
    "main": Size(100, 6, "2", 0.008, 0.02, 9_000, 40_000, 60.0),
    "floor": Size(1000, 6, "2", 0.008, 0.02, 700, 5_000, 10.0, 0.007),
    "feeder": Size(100, 6, "0.5", 0.002, 0.005, 20_000, 40_000, 630.0, 0.004),
    "board": Size(100, 6, "0.5", 0.002, 0.005, 8_000, 40_000, 160.0),
    "common": Size(100, 6, "1", 0.0035, 0.01, 4_000, 15_000, 26.0),
    "room": Size(100, 6, "1", 0.0035, 0.01, 1_200, 9_000, 8.8, 0.006),
}


@dataclass(frozen=True, slots=True)
class Instrument:
    """One physical meter. The register is first_register + gain x true quantity, counted in 1 / counts_per_unit.

    delay_s   how long after the full quarter of an hour its reading is taken, at most (clock jitter of the poll)
    """

    size: Size
    gain: float
    first_register: float
    delay_s: float

    @property
    def resolution(self) -> float:
        """The smallest step of the register, in its unit."""
        return 1.0 / self.size.counts_per_unit


def draw_gain(seed: int, meter: str, size: Size, life: int = 0) -> float:
    """The gain of a meter's n-th life in this place."""
    error = float(normal(seed, stream_number("gain"), stream_number(meter), life)) * size.gain_sigma
    return 1.0 + float(np.clip(error, -size.gain_limit, size.gain_limit))


def draw_instrument(seed: int, meter: str, size_name: str) -> Instrument:
    """The instrument that stands at a meter's place on the campus's first day."""
    size = SIZES[size_name]
    draw = uniform(seed, stream_number("instrument"), stream_number(meter), np.arange(2))
    first = size.first_low * (size.first_high / size.first_low) ** float(draw[0])
    counts = round(first * size.counts_per_unit)
    return Instrument(size, draw_gain(seed, meter, size), counts / size.counts_per_unit, 0.5 + 3.5 * float(draw[1]))
