"""The hours of a day, by what people do: 24 numbers each, in hundredths, from midnight on.

For events only the proportions count; for loads and presence 100 is all of it.
"""

from __future__ import annotations

import numpy as np

from simulators.campus.randomness import Float64


def _hours(text: str) -> Float64:
    values = np.array(text.split(), dtype=np.float64) / 100
    if len(values) != 24:  # noqa: PLR2004
        raise ValueError(f"a day has 24 hours, not {len(values)}: {text}")
    return values


# Events in dormitories: toilets on days with and without classes, washing and showers, laundry and cleaning.
WC = _hours("42 25 18 15 18 40 180 270 150 90 80 120 190 140 90 90 100 150 160 140 160 220 260 150")
WC_FREE = _hours("70 40 25 17 16 25 60 120 180 200 180 160 170 150 140 130 130 140 150 150 160 200 230 160")
WASHING = _hours("5 1 0 0 0 5 60 100 50 30 30 40 80 60 40 50 80 120 160 220 300 400 320 80")
LAUNDRY = _hours("0 0 0 0 0 0 20 60 80 80 80 80 100 80 60 60 80 100 140 180 220 180 50 5")
HAIR_DRYING = _hours("2 0 0 0 0 0 25 70 15 5 5 10 25 10 5 5 10 20 50 90 150 220 180 30")

# Shares in dormitory rooms: at the desk, light, somebody in, at play.
AT_DESK = _hours("35 14 6 3 2 3 10 25 25 22 22 30 50 40 28 26 30 42 50 62 75 85 85 62")
AT_DESK_FREE = _hours("50 28 14 6 3 3 5 12 25 40 48 50 52 50 48 48 48 50 55 62 72 82 85 70")
LIGHT = _hours("8 2 1 0 0 2 25 30 10 5 5 6 10 6 6 8 15 45 80 90 95 100 85 30")
IN_ROOM = _hours("100 100 100 100 100 100 95 70 35 30 30 45 75 70 45 35 40 50 60 65 80 95 100 100")
PLAYING = _hours("60 30 10 2 0 0 0 0 0 5 10 15 30 30 20 20 25 30 40 70 90 95 95 85")

# Taps and toilets elsewhere.
CLASSES = _hours("0 0 0 0 0 2 30 90 160 190 200 170 70 90 170 190 170 100 70 90 90 80 25 2")
READERS = _hours("0 0 0 0 0 1 5 25 90 110 120 100 80 100 130 130 120 90 110 140 140 120 35 2")
MEALS = _hours("0 0 0 0 10 80 160 160 80 90 140 260 240 120 40 60 140 240 220 100 35 5 0 0")
GATE = _hours("5 3 2 2 3 10 60 100 100 90 90 100 110 90 90 90 100 110 90 70 60 50 30 10")

# Loads of buildings.
TEACHING_LOAD = _hours("5 5 5 5 5 6 20 60 95 100 100 95 75 80 100 100 95 75 65 70 70 60 25 6")
LIBRARY_LOAD = _hours("4 4 4 4 4 4 8 40 85 95 100 100 100 100 100 100 100 95 100 100 100 90 35 5")
KITCHEN_LOAD = _hours("5 5 5 6 15 60 80 75 40 55 95 100 80 40 25 35 85 100 75 35 15 8 5 5")
COMMON_LOAD = _hours("45 35 30 30 30 40 80 90 60 50 50 60 70 60 50 55 65 85 100 100 100 100 90 65")
