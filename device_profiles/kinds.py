"""Profiles of meters that answer in whole frames or publish messages of their own form, and all kinds by protocol."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from device_profiles.schema import JsonProfile, ModbusProfile, Point, PollClass, ProfileHead, Serial

FrameProtocol = Literal["dlt645", "cjt188", "mbus"]
Codec = Literal[
    "milesight", "dragino-sw3l", "axioma-w1", "kamstrup-lorawan", "uplink", "shelly-gen1", "csv", "sparkplug-b"
]


class FramePoint(Point):
    """A value that the meter states in a frame; the protocol itself says how it is laid out.

    read  the data identifier to ask for, as digits (DL/T 645); of points with the same one only one is asked
    """

    read: str | None = Field(default=None, pattern=r"^[0-9A-F]{4}([0-9A-F]{4})?$")
    poll: PollClass = "fast"


class FrameProfile(ProfileHead):
    """A meter that states values in frames of its protocol: DL/T 645, CJ/T 188, M-Bus.

    edition      of DL/T 645: 2007 or 1997
    meter_type   of CJ/T 188: the type to ask for, AA for any
    di_order     of CJ/T 188: the wire order of the identifier in requests
    answer_ms    how long the meter takes to answer, at most
    gap_ms       the line's rest between an answer and the next question
    topic        where a gateway publishes the meter's frames by MQTT, `{address}` standing for the device address
    """

    protocol: FrameProtocol
    edition: Literal[2007, 1997] = 2007
    meter_type: int = Field(default=0x10, ge=0, le=0xFF)
    di_order: Literal["90_1f", "1f_90"] = "90_1f"
    serial: Serial = Serial(baud=2400, parity="E")
    answer_ms: float = Field(default=500, gt=0, le=10_000)
    gap_ms: float = Field(default=20, ge=0, le=10_000)
    topic: str = ""
    lateness_s: float = Field(default=900, ge=0)
    points: tuple[FramePoint, ...] = Field(min_length=1)


class MessageProfile(ProfileHead):
    """A meter that publishes by MQTT in a form that takes more than paths into a JSON object.

    codec       what reads the payload
    f_port      LoRaWAN port of readings, where the device uses one
    points      what the meter may state, for the list of meters and for simulated ones; the codec names values itself
    lateness_s  how long data may come after the time it states
    """

    protocol: Literal["mqtt-message"]
    codec: Codec
    f_port: int | None = Field(default=None, ge=1, le=255)
    topic: str = ""
    lateness_s: float = Field(default=900, ge=0)
    points: tuple[Point, ...] = ()


Profile = ModbusProfile | JsonProfile | FrameProfile | MessageProfile
PROTOCOLS: dict[str, type[Profile]] = {
    "modbus": ModbusProfile,
    "mqtt-json": JsonProfile,
    "mqtt-message": MessageProfile,
    "dlt645": FrameProfile,
    "cjt188": FrameProfile,
    "mbus": FrameProfile,
}
