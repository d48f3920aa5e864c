"""Uplinks of the radio meters, as a LoRaWAN network server hands them to the broker (ChirpStack v4, raw bytes)."""

from __future__ import annotations

from collections.abc import Iterator

from metering.batch import to_datetime
from simulators.campus.layout import RADIO_PROFILE
from simulators.campus.live import LiveCampus
from simulators.campus.wiring import device_eui
from simulators.lorawan.envelope import Sent, topic_of, uplink
from simulators.lorawan.payload import milesight

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
        payload = milesight({name: values[name] for name in ("battery", "pulse_count")})
        yield topic_of("chirpstack", eui), uplink("chirpstack", Sent(eui, _PORT, payload), to_datetime(live.taken_at))
