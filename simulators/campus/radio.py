"""Uplinks of the radio meters, as a LoRaWAN network server hands them to the broker (ChirpStack v4)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from simulators.campus.layout import RADIO_PROFILE
from simulators.campus.live import LiveCampus
from simulators.campus.site_file import topic_of
from simulators.campus.wiring import device_eui

_PORT = 85  # of the maker's uplinks


def uplinks(live: LiveCampus) -> Iterator[tuple[str, bytes]]:
    """Topic and payload of every radio meter that answers, at the live time."""
    layout = live.campus.layout
    for row, meter in enumerate(layout.meters):
        if meter.profile != RADIO_PROFILE:
            continue
        values = live.values(row)
        if not values:
            continue
        eui = device_eui(layout, row)
        stamp = f"{np.datetime_as_string(live.taken_at, unit='ms')}+00:00"
        payload = {
            "time": stamp,
            "deviceInfo": {"devEui": eui, "deviceName": meter.id},
            "fPort": _PORT,
            "object": {"battery": round(values["battery"]), "pulse": int(values["pulse_count"])},
        }
        yield topic_of(eui), json.dumps(payload, separators=(",", ":")).encode()
