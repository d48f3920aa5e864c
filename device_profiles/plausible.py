"""The range in which a value lies at nearly any meter: what tells a right decoding from a wrong one."""

from __future__ import annotations

from metering.quantities import BY_NAME

_BY_UNIT: dict[str, tuple[float, float]] = {
    "V": (50.0, 480.0), "A": (0.0, 6_000.0), "Hz": (45.0, 65.0), "kW": (-5_000.0, 5_000.0), "kvar": (-5_000.0, 5_000.0),
    "kVA": (0.0, 5_000.0), "kWh": (0.0, 1e9), "kvarh": (0.0, 1e9), "m3": (0.0, 1e8), "m3/h": (-5_000.0, 5_000.0),
    "degC": (-40.0, 200.0), "%": (0.0, 100.0), "bar": (0.0, 100.0), "pulse": (0.0, 4_294_967_295.0), "": (-1.0, 1.0),
}  # fmt: skip


def plausible_range(quantity: str) -> tuple[float, float]:
    """Lower and upper end, in the quantity's unit.

    Raises:
        KeyError: no quantity of ours.
    """
    return _BY_UNIT[BY_NAME[quantity].unit]
