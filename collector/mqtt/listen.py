"""A meter's messages into readings and events, for profiles that take more than paths into a JSON object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import NamedTuple

from collector.frames import FrameError, decode_frames
from collector.mqtt.decode import PayloadError
from collector.mqtt.message import MessageError, reader
from collector.read_value import ReadValue
from collector.reading import Moment, moments
from collector.statement import Statement
from device_profiles.kinds import FrameProfile, MessageProfile


class Heard(NamedTuple):
    """What a message says: readings by moment, and all of its values, alarms and status words among them."""

    moments: list[Moment]
    values: Sequence[ReadValue]


Listen = Callable[[str, bytes], Heard]


def listener(
    profile: FrameProfile | MessageProfile,
    *,
    medium: str,
    multiplier: float = 1.0,
    zone: tzinfo | None = None,
    address: str = "",
) -> Listen:
    """The function that reads this meter's messages: (topic, payload).

    address  only frames of this sender count, where frames of several meters share a topic; empty for any
    zone     the site's, for clocks that state no offset

    It raises PayloadError for a payload that cannot be read.
    """
    read = _reader(profile)

    def listen(topic: str, payload: bytes) -> Heard:
        try:
            told = read(topic, payload)
        except (*MessageError, *FrameError) as error:
            raise PayloadError(str(error)) from error
        values = [v for v in told.values if _is_of(v, address)] if isinstance(profile, FrameProfile) else told.values
        found = moments(values, medium=medium, multiplier=multiplier, zone=zone)
        return Heard(found, values)

    return listen


def _reader(profile: FrameProfile | MessageProfile) -> Callable[[str, bytes], Statement]:
    if isinstance(profile, FrameProfile):
        return lambda _topic, payload: decode_frames(profile, payload)
    read = reader(profile)
    return lambda topic, payload: read(payload, topic, None)


def _is_of(value: ReadValue, address: str) -> bool:
    """Whether a frame's sender is the meter; digits are compared without the zeros before them."""
    if not address or value.address is None:
        return True
    return value.address.lstrip("0") == address.upper().lstrip("0")
