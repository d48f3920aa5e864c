"""Uplinks as network servers publish them by MQTT: ChirpStack v4 and The Things Stack v3. Pure.

After chirpstack/chirpstack-docs events.md and TheThingsIndustries/lorawan-stack-docs integrations/mqtt.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Server = Literal["chirpstack", "tts"]
_APPLICATION = "campus"
_HERTZ, _BANDWIDTH, _SPREADING = 470_300_000, 125_000, 9  # CN470
_GATEWAY = "a400000000ff0001"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a device sent: its bytes on a port, or None where the server publishes only the object it decoded."""

    device: str
    port: int
    payload: bytes | None = None
    decoded: Mapping[str, Any] | None = None


def uplink(server: Server, sent: Sent, moment: datetime) -> bytes:
    """The message of a server that heard it at that moment (aware)."""
    made = _chirpstack(sent, moment) if server == "chirpstack" else _things_stack(sent, moment)
    return json.dumps(made, separators=(",", ":"), ensure_ascii=False).encode()


def topic_of(server: Server, device: str) -> str:
    """The topic on which the server publishes a device's uplinks."""
    if server == "chirpstack":
        return f"application/{_APPLICATION}/device/{device}/event/up"
    return f"v3/{_APPLICATION}@simulated/devices/{device}/up"


def _chirpstack(sent: Sent, moment: datetime) -> dict[str, Any]:
    counter = int(moment.timestamp())
    made: dict[str, Any] = {
        "deduplicationId": f"{zlib.crc32(f'{sent.device} {counter}'.encode()):08x}-0000-4000-8000-{counter:012x}",
        "time": moment.astimezone(UTC).isoformat(timespec="milliseconds"),
        "deviceInfo": {"applicationName": _APPLICATION, "deviceName": sent.device, "devEui": sent.device},
        "devAddr": f"{zlib.crc32(sent.device.encode()):08x}",
        "dr": 3,
        "fPort": sent.port,
        "rxInfo": [{"gatewayId": _GATEWAY, "rssi": -87, "snr": 7.5}],
        "txInfo": {
            "frequency": _HERTZ,
            "modulation": {"lora": {"bandwidth": _BANDWIDTH, "spreadingFactor": _SPREADING, "codeRate": "CR_4_5"}},
        },
    }
    if sent.payload is not None:
        made["data"] = base64.b64encode(sent.payload).decode()
    if sent.decoded is not None:
        made["object"] = dict(sent.decoded)
    return made


def _things_stack(sent: Sent, moment: datetime) -> dict[str, Any]:
    stamp = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message: dict[str, Any] = {
        "f_port": sent.port,
        "rx_metadata": [{"gateway_ids": {"gateway_id": "simulated", "eui": _GATEWAY}, "rssi": -87, "snr": 7.5}],
        "settings": {
            "data_rate": {"lora": {"bandwidth": _BANDWIDTH, "spreading_factor": _SPREADING}},
            "frequency": str(_HERTZ),
        },
        "received_at": stamp,
    }
    if sent.payload is not None:
        message["frm_payload"] = base64.b64encode(sent.payload).decode()
    if sent.decoded is not None:
        message["decoded_payload"] = dict(sent.decoded)
    ids = {"device_id": sent.device, "application_ids": {"application_id": _APPLICATION}, "dev_eui": sent.device}
    return {"end_device_ids": ids, "received_at": stamp, "uplink_message": message}
