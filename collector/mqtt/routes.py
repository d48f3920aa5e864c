"""Which messages belong to which meter: exact topics, and `+` for one level of a topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from collector.connection import parse_connection
from collector.mqtt.decode import Decode, payload_decoder
from collector.mqtt.listen import Listen, listener
from device_profiles.kinds import FrameProfile, MessageProfile
from device_profiles.loader import load_profile
from device_profiles.schema import JsonProfile, ModbusProfile
from metering.site import Meter

_PLAIN = "json-plain"
_CACHED_TOPICS = 100_000


class RouteError(ValueError):
    """A meter that cannot be read by MQTT as the site file has it; the message names the meter."""


@dataclass(frozen=True, slots=True)
class Route:
    """Messages on `topic` (a filter) are read by `decode` or `listen` into readings of `meter`.

    period_s  how often the meter sends, in seconds, where the site file says so
    channel   input of a pulse counter
    protocol  the profile's, where the meter tells of alarms
    """

    topic: str
    meter: str
    decode: Decode | None
    period_s: float | None = None
    channel: int = 0
    listen: Listen | None = None
    protocol: str = ""


def route_of(meter: Meter, zone: tzinfo | None = None) -> Route:
    """The route of a meter whose connection is mqtt:// or mqtts://; `zone` is the site's.

    `{address}` in the topic stands for the meter's device address. Without a topic in the connection the
    profile's own counts. A device address `address/2` chooses input 2 of a pulse counter.

    Raises:
        RouteError: no topic, a topic that is none, or a profile that is not for MQTT.
        ProfileError: the profile cannot be used.
    """
    profile = load_profile(meter.profile or _PLAIN)
    if isinstance(profile, ModbusProfile):
        raise RouteError(
            f"meter {meter.id!r} has the profile {profile.id!r}, which is for {profile.protocol}, not MQTT"
        )
    address, _, channel = (meter.device_address or "").partition("/")
    if channel and not channel.isdecimal():
        raise RouteError(
            f"meter {meter.id!r}: device_address {meter.device_address!r}; allowed: address or address/input"
        )
    try:
        topic = topic_of(parse_connection(meter.connection or "").path, profile, address)
    except RouteError as error:
        raise RouteError(f"meter {meter.id!r} {error}") from error
    if isinstance(profile, FrameProfile | MessageProfile):
        listen = listener(profile, medium=meter.medium, multiplier=meter.multiplier, zone=zone, address=address)
        return Route(topic, meter.id, None, meter.poll_s, int(channel or 0), listen, profile.protocol)
    decode = payload_decoder(
        profile, medium=meter.medium, multiplier=meter.multiplier, channel=int(channel or 0), zone=zone
    )
    return Route(topic, meter.id, decode, meter.poll_s, int(channel or 0))


def routes_by_broker(
    meters: Iterable[Meter], zone: tzinfo | None = None
) -> tuple[dict[str, list[Route]], dict[str, str]]:
    """Routes of all meters that are read by MQTT, by broker (`mqtt://host:port`), and what is wrong with others.

    Returns (routes by broker, fault by meter); a meter with a fault is left out, the others go on.
    """
    found: dict[str, list[Route]] = {}
    faults: dict[str, str] = {}
    owners: dict[tuple[str, str, str], str] = {}
    for meter in meters:
        if not (meter.connection or "").startswith(("mqtt://", "mqtts://")):
            continue
        try:
            broker, route = parse_connection(meter.connection or "").endpoint, route_of(meter, zone)
        except ValueError as error:  # RouteError, ProfileError, ConnectionTextError
            faults[meter.id] = str(error)
            continue
        owner = owners.setdefault((broker, route.topic, _share(meter, route)), meter.id)
        if owner == meter.id:
            found.setdefault(broker, []).append(route)
        else:
            faults[meter.id] = f"meter {meter.id!r} takes the messages of {route.topic!r}, which are {owner!r}'s"
    return found, faults


def _share(meter: Meter, route: Route) -> str:
    """What part of a topic's messages is the meter's: a pulse input, or the frames of its address."""
    return meter.device_address or "" if route.listen is not None else str(route.channel)


def topic_of(stated: str, profile: JsonProfile | FrameProfile | MessageProfile, address: str) -> str:
    """The filter of a meter: as its connection states it, else as its profile does, `{address}` filled in.

    Raises:
        RouteError: there is none, or it takes more than one meter's messages.
    """
    topic = stated or profile.topic
    if not topic:
        raise RouteError("names no topic; for example mqtt://192.0.2.1:1883/water/dorm1")
    if "{address}" in topic:
        if not address:
            raise RouteError(f"needs an address: its topic is {topic!r}")
        topic = topic.replace("{address}", address)
    if "#" in topic or "\0" in topic:
        raise RouteError(f"has topic {topic!r}; allowed: exact topics, and + for one whole level")
    if any("+" in level and level != "+" for level in topic.split("/")):
        raise RouteError(f"has topic {topic!r}; + must stand for one whole level")
    return topic


class Routes:
    """All routes of one broker. Finding those of a topic seen before is one dictionary look-up."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.all = tuple(routes)
        self._exact: dict[str, tuple[Route, ...]] = {}
        self._patterns: list[tuple[list[str], Route]] = []
        self._cache: dict[bytes, tuple[Route, ...]] = {}
        for route in self.all:
            if "+" in route.topic:
                self._patterns.append((route.topic.split("/"), route))
            else:
                self._exact[route.topic] = (*self._exact.get(route.topic, ()), route)

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe to, each once."""
        return tuple(dict.fromkeys(route.topic for route in self.all))

    @property
    def cache(self) -> Mapping[bytes, Sequence[Route]]:
        """Topics seen so far; for the hot path, before `find`."""
        return self._cache

    def find(self, topic: bytes) -> tuple[Route, ...]:
        """The routes of a topic; empty if no meter has it. An exact topic goes before patterns."""
        found = self._cache.get(topic)
        if found is not None:
            return found
        text = topic.decode("utf-8", "replace")
        found = self._exact.get(text) or self._matching(text)
        if len(self._cache) >= _CACHED_TOPICS:
            self._cache.clear()  # patterns let a broker invent topics without end
        self._cache[topic] = found
        return found

    def _matching(self, topic: str) -> tuple[Route, ...]:
        if topic.startswith("$"):
            return ()
        levels = topic.split("/")
        return tuple(route for pattern, route in self._patterns if _matches(pattern, levels))


def _matches(pattern: Sequence[str], levels: Sequence[str]) -> bool:
    return len(pattern) == len(levels) and all(p in ("+", level) for p, level in zip(pattern, levels, strict=True))
