"""What meters are to be served: profile, connection, addresses, faults."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from collector.connection import Connection
from device_profiles import FrameProfile, ModbusProfile, Profile
from simulators.faults import ChosenFault
from simulators.lifelike import Medium
from simulators.modem import Modem
from simulators.mqtt.messages import Envelope

BROKERS = ("mqtt",)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be served.

    addresses  one meter each; empty: one at the profile's usual address
    faults     what is wrong with them
    medium     what a meter of a profile for any device counts
    period_s   how often a meter publishes (MQTT)
    envelope   in which a LoRaWAN device's bytes are published
    modem      what dials in; its registration is the connection's `id`
    clock      Unix seconds
    """

    profile: Profile
    where: Connection
    addresses: tuple[str, ...] = ()
    faults: tuple[ChosenFault, ...] = ()
    seed: int = 0
    medium: Medium = "water"
    period_s: float = 15.0
    envelope: Envelope = "chirpstack"
    modem: Modem = field(default_factory=Modem)
    clock: Callable[[], float] = time.time

    @property
    def meters(self) -> tuple[str, ...]:
        """The addresses that are served."""
        return self.addresses or (_usual_address(self.profile, self.where),)


def _usual_address(profile: Profile, where: Connection) -> str:
    if isinstance(profile, ModbusProfile):
        return "1"
    if where.scheme in BROKERS and not isinstance(profile, FrameProfile):
        return "a400000000000001"
    widths = {"dlt645": 12, "cjt188": 14}
    return "1".zfill(widths.get(getattr(profile, "protocol", ""), 1))
