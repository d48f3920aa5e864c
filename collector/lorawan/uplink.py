"""Uplinks of ChirpStack v4 and The Things Stack v3, or the bare payload: who, when, port, bytes. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from collector.mqtt.paths import compile_path, pick
from collector.read_value import ReadValue

_decode_json = msgspec.json.Decoder().decode
_CHIRPSTACK = {"device_id": "deviceInfo.devEui", "time": "time", "port": "fPort", "data": "data", "object": "object",
               "rssi": "rxInfo[0].rssi", "snr": "rxInfo[0].snr"}  # fmt: skip
_TTS = {"device_id": "end_device_ids.dev_eui", "time": "received_at", "port": "uplink_message.f_port",
        "data": "uplink_message.frm_payload", "object": "uplink_message.decoded_payload",
        "rssi": "uplink_message.rx_metadata[0].rssi", "snr": "uplink_message.rx_metadata[0].snr"}  # fmt: skip
# Where The Things Stack leaves the server's own time out, a gateway may state one.
_TTS_TIMES = ("received_at", "uplink_message.received_at", "uplink_message.rx_metadata[0].time")


class UplinkError(ValueError):
    """What came is no uplink, or its payload is none of the device's. The message says why."""


@dataclass(frozen=True, slots=True)
class Uplink:
    """One message of a device. `payload` is None where the server sent no bytes; `time` None where none is stated.

    told  what the server says besides: link margin, battery as the network layer reports it
    stamp   name and text of the server's time as it stands there
    """

    payload: bytes | None
    port: int | None = None
    time: datetime | None = None
    decoded: Mapping[str, Any] | None = None
    device: str | None = None
    radio: Mapping[str, float] = field(default_factory=dict)
    told: tuple[ReadValue, ...] = ()
    stamp: tuple[str, str] | None = None
    is_bare: bool = False


def read_uplink(data: bytes, port: int | None = None) -> Uplink:
    """The uplink in a message; without an envelope the bytes themselves, as hex text or raw.

    Raises:
        UplinkError: it is JSON but no uplink, or its base64 is none.
    """
    if not data.strip():
        raise UplinkError("an empty payload")
    document = _document(data)
    if document is None:
        return Uplink(_bare(data), port, is_bare=True)
    if "batteryLevel" in document or "margin" in document:
        return _status(document)
    if isinstance(document.get("uplink_message"), dict):
        return _uplink(document, _TTS, port)
    if "deviceInfo" in document or "devEUI" in document or "fPort" in document or "data" in document:
        return _uplink(document, _CHIRPSTACK, port)
    raise UplinkError(f"no uplink of ChirpStack or The Things Stack; it has {', '.join(list(document)[:8])}")


def _document(data: bytes) -> dict[str, Any] | None:
    if not data.lstrip().startswith(b"{"):
        return None
    try:
        document = _decode_json(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _bare(data: bytes) -> bytes:
    """Hex text of a payload, or the payload itself."""
    try:
        text = data.decode("ascii").strip()
        return bytes.fromhex(text.replace(":", " ").replace("-", " "))
    except (UnicodeDecodeError, ValueError):
        return data


def _uplink(document: dict[str, Any], paths: Mapping[str, str], port: int | None) -> Uplink:
    found = {name: pick(document, compile_path(path)) for name, path in paths.items()}
    if paths is _TTS:
        found["time"] = next((t for p in _TTS_TIMES if (t := pick(document, compile_path(p)))), None)
    stated = found["port"]
    decoded = found["object"]
    radio = {k: found[k] for k in ("rssi", "snr") if isinstance(found[k], int | float)}
    return Uplink(
        _base64(found["data"]),
        stated if isinstance(stated, int) else port,
        _time(found["time"]),
        decoded if isinstance(decoded, dict) else None,
        found["device_id"] if isinstance(found["device_id"], str) else None,
        radio,
        stamp=_stamp(document),
    )


def _stamp(document: dict[str, Any]) -> tuple[str, str] | None:
    """A server's time as written, with all its decimals."""
    found = ((name, document.get(name)) for name in ("time", "received_at"))
    return next(((name, text) for name, text in found if isinstance(text, str)), None)


def _base64(text: Any) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise UplinkError(f"its payload is no base64: {str(text)[:40]!r}") from error


def _time(text: Any) -> datetime | None:
    """A server's time; with nine decimals as Go and Rust write them. None where it is none or has no offset."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _status(document: dict[str, Any]) -> Uplink:
    """A device status event of ChirpStack: battery and link margin as the network layer has them."""
    time = _time(document.get("time"))
    told = []
    for key, name, unit in (("batteryLevel", "battery", "%"), ("margin", "link_margin", "dB")):
        value = document.get(key)
        is_missing = key == "batteryLevel" and (
            document.get("batteryLevelUnavailable") or document.get("externalPowerSource")
        )
        if isinstance(value, int | float) and not isinstance(value, bool) and not is_missing:
            told.append(ReadValue(name, value, unit, time))
    device = pick(document, ("deviceInfo", "devEui"))
    return Uplink(None, time=time, device=device if isinstance(device, str) else None, told=tuple(told))
