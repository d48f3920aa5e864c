"""What a simulated meter publishes at a moment: topics and payloads, by profile. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from device_profiles import FrameProfile, JsonProfile, MessageProfile
from simulators.lorawan.envelope import Sent, topic_of, uplink
from simulators.lorawan.payload import encode_payload as encode_lorawan
from simulators.mqtt import sparkplug
from simulators.mqtt.payload import encode_payload

Source = Callable[[datetime], Mapping[str, float]]
Envelope = Literal["chirpstack", "tts", "raw"]
Message = tuple[str, bytes]
PublishedProfile = JsonProfile | MessageProfile | FrameProfile

_LORAWAN = ("milesight", "dragino-sw3l", "axioma-w1", "kamstrup-lorawan")
_TOPIC_PARTS = "campus"  # what stands where a topic leaves a level open
_WATT_HOURS = 1000.0
_SHELLY_PHASES = 3


@dataclass(frozen=True, slots=True)
class Publication:
    """Where and how a meter publishes. `topic` is one of its own, or empty for the profile's.

    frames  of a meter that answers in frames: what a gateway that asks it passes on
    """

    profile: PublishedProfile
    address: str = ""
    topic: str = ""
    envelope: Envelope = "chirpstack"
    frames: Callable[[], list[bytes]] = list


def default_topic(publication: Publication) -> str:
    """The topic on which the meter publishes; open levels are filled in.

    Raises:
        ValueError: neither its connection nor its profile names one.
    """
    topic = publication.topic
    if not topic and _is_uplink(publication.profile) and publication.envelope == "tts":
        topic = topic_of("tts", publication.address)
    topic = (topic or publication.profile.topic).replace("{address}", publication.address)
    if not topic:
        raise ValueError(f"{publication.profile.id} has no topic of its own; give one: mqtt://host:port/topic")
    return topic


def messages(publication: Publication, source: Source, moment: datetime) -> list[Message]:
    """All that the meter publishes at a moment (aware).

    Raises:
        ValueError: no topic, or the profile knows none of the values.
    """
    profile, topic = publication.profile, default_topic(publication)
    if isinstance(profile, FrameProfile):
        return [(_filled(topic), frame.hex(" ").upper().encode()) for frame in publication.frames()]
    values = source(moment)
    if not values:
        return []
    if isinstance(profile, JsonProfile):
        return [(_filled(topic), encode_payload(profile, values, moment))]
    if profile.codec == "shelly-gen1":
        return _shelly(topic, values)
    if profile.codec == "sparkplug-b":
        return _sparkplug(topic, values, moment)
    if profile.codec == "csv":
        return [(_filled(topic), _csv(values, moment))]
    return [(_filled(topic), _uplink(publication, source, moment))]


def _filled(topic: str) -> str:
    return "/".join(_TOPIC_PARTS if level == "+" else level for level in topic.split("/"))


def _is_uplink(profile: PublishedProfile) -> bool:
    return isinstance(profile, MessageProfile) and profile.codec in {*_LORAWAN, "uplink"}


def _uplink(publication: Publication, source: Source, moment: datetime) -> bytes:
    profile, envelope = publication.profile, publication.envelope
    assert isinstance(profile, MessageProfile)  # noqa: S101 - told apart before
    if profile.codec == "uplink":
        server = "tts" if profile.id.startswith("tts") else "chirpstack"
        return uplink(server, Sent(publication.address, 1, decoded=source(moment)), moment)  # type: ignore[arg-type]
    port, payload = encode_lorawan(profile, source, moment)
    if envelope == "raw":
        return payload
    return uplink(envelope, Sent(publication.address, port, payload), moment)


def _csv(values: Mapping[str, float], moment: datetime) -> bytes:
    stamp = moment.isoformat(timespec="milliseconds")
    return f"time,{','.join(values)}\n{stamp},{','.join(f'{v:.6g}' for v in values.values())}\n".encode()


def _shelly(topic: str, values: Mapping[str, float]) -> list[Message]:
    """A topic a value, as a 3EM: the load is spread evenly over its phases."""
    kwh, kw = values.get("active_energy_import", 0.0), values.get("active_power", 0.0)
    said = {
        "power": kw * _WATT_HOURS / _SHELLY_PHASES,
        "voltage": values.get("voltage_l1", 230.0),
        "current": values.get("current_l1", 0.0),
        "total": kwh * _WATT_HOURS / _SHELLY_PHASES,
        "total_returned": 0.0,
    }
    head = topic.removesuffix("/+/+")
    return [
        (f"{head}/{phase}/{field}", f"{value:.2f}".encode())
        for field, value in said.items()
        for phase in range(_SHELLY_PHASES)
    ]


def _sparkplug(topic: str, values: Mapping[str, float], moment: datetime) -> list[Message]:
    """A birth, so that a reader who comes late knows the names, then data. `+` stands for group, message and node."""
    open_levels = iter(("campus", "{message}", "gateway"))
    where = "/".join(next(open_levels, _TOPIC_PARTS) if level == "+" else level for level in topic.split("/"))
    time_ms = round(moment.timestamp() * 1000)
    said = (("DBIRTH", sparkplug.birth(values, time_ms)), ("DDATA", sparkplug.data(values, time_ms, 1)))
    return [(where.replace("{message}", kind), payload) for kind, payload in said]
