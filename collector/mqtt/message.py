"""Payloads of meters with a form of their own: by codec, into what they state. Pure but for births and sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from collector.lorawan import axioma, dragino, kamstrup, milesight
from collector.lorawan.uplink import Uplink, UplinkError, read_uplink
from collector.mqtt.csv_lines import CsvError, read_lines
from collector.mqtt.shelly_gen1 import PhaseSums, ShellyError, read_document, read_topic
from collector.mqtt.sparkplug import Births, SparkplugError
from collector.read_value import ReadValue
from collector.statement import Statement
from device_profiles.kinds import MessageProfile
from metering.quantities import BY_NAME

MessageError = (UplinkError, CsvError, ShellyError, SparkplugError)
Read = Callable[[bytes, str | None, int | None], Statement]
# Members of a decoded object as makers' decoders name them, where that is not our name.
_DECODED = {"pulse": "pulse_count", "water": "water_volume", "volume": "water_volume", "total_pulse": "pulse_count",
            "Total_pulse": "pulse_count", "TempC_SHT": "temperature"}  # fmt: skip
_UNITS = {"rssi": "dBm", "snr": "dB"}


def reader(profile: MessageProfile) -> Read:
    """The function that reads this meter's payloads: (payload, topic, LoRaWAN port) to what they state.

    It keeps what a later message needs of an earlier one (names of a birth, phases of a sum). It raises one of
    `MessageError`.
    """
    if profile.codec == "csv":
        return lambda data, _topic, _port: Statement(tuple(read_lines(data)))
    if profile.codec == "sparkplug-b":
        births = Births()
        return lambda data, topic, _port: _sparkplug(births, data, topic)
    if profile.codec == "shelly-gen1":
        sums = PhaseSums()
        return lambda data, topic, _port: _shelly(sums, data, topic)
    return lambda data, _topic, port: _lorawan(profile, data, port)


def _sparkplug(births: Births, data: bytes, topic: str | None) -> Statement:
    if topic is not None and (topic.startswith("spBv1.0/STATE") or "/NDEATH/" in topic or "/DDEATH/" in topic):
        return Statement(meaning="a state or death message: no values")
    return Statement(tuple(births.read(data)))


def _shelly(sums: PhaseSums, data: bytes, topic: str | None) -> Statement:
    values = read_topic(topic, data) if topic is not None else []
    if topic is None or (not values and data.lstrip().startswith(b"{")):
        values = read_document(data)
    totals = sums.add(values)
    meaning = "" if values else f"topic {topic} carries no measurement"
    return Statement((*values, *totals), meaning)


# -- LoRaWAN ---------------------------------------------------------------------------------------------


def _lorawan(profile: MessageProfile, data: bytes, port: int | None) -> Statement:
    uplink = read_uplink(data, port)
    if uplink.told:
        return Statement(uplink.told)
    if profile.codec == "uplink":
        return Statement(tuple(_plain(uplink)))
    if uplink.payload:
        told = _codec(profile, uplink.payload, uplink.port)
        return Statement(tuple(_timed(v, uplink) for v in told.values), told.meaning)
    if uplink.decoded is not None:
        return Statement(tuple(_timed(v, uplink) for v in _decoded(uplink.decoded)))
    return Statement(meaning=f"an uplink without a payload, port {uplink.port}")


def _codec(profile: MessageProfile, payload: bytes, port: int | None) -> Statement:
    if profile.codec == "dragino-sw3l":
        return dragino.decode(payload, port)
    if profile.codec == "axioma-w1":
        return axioma.decode(payload, port)
    if profile.f_port is not None and port is not None and port != profile.f_port:
        raise UplinkError(f"port {port}: readings of {profile.id} come on port {profile.f_port}")
    return kamstrup.decode(payload) if profile.codec == "kamstrup-lorawan" else milesight.decode(payload)


def _timed(value: ReadValue, uplink: Uplink) -> ReadValue:
    """A value without a time of its own was taken when the server heard it."""
    return ReadValue(value.quantity, value.value, value.unit, value.time or uplink.time, uplink.device)


def _decoded(document: Any) -> list[ReadValue]:
    """Numbers, truths and texts of a server's decoded object, our names where they are ours."""
    values = []
    for key, value in document.items():
        name = _DECODED.get(key, key)
        if isinstance(value, int | float | str):
            values.append(ReadValue(name, value, BY_NAME[name].unit if name in BY_NAME else ""))
    return values


def _plain(uplink: Uplink) -> list[ReadValue]:
    """All that an envelope says of itself, and the object that the server decoded."""
    if uplink.is_bare:
        raise UplinkError("no uplink of ChirpStack or The Things Stack")
    values = [ReadValue("device_id", uplink.device, "")] if uplink.device else []
    if uplink.stamp is not None:
        values.append(ReadValue(*uplink.stamp, "", uplink.time))
    if uplink.port is not None:
        values.append(ReadValue("f_port", uplink.port, ""))
    if uplink.payload is not None:
        values.append(ReadValue("raw_bytes_hex", uplink.payload.hex().upper(), ""))
        text = uplink.payload.decode("ascii", "replace")
        values += [ReadValue("raw_bytes_ascii", text, "")] if text and text.isascii() and text.isprintable() else []
    values += [ReadValue(name, value, _UNITS[name]) for name, value in uplink.radio.items()]
    return values + [_timed(v, uplink) for v in _decoded(uplink.decoded or {})]
