"""Frames of a profile's protocol in a payload, whatever wraps them. Pure."""

from __future__ import annotations

from collector.cjt188 import decode as cjt188
from collector.cjt188.frame import Cjt188Error
from collector.dlt645 import decode as dlt645
from collector.dlt645.frame import Dlt645Error
from collector.mbus import decode as mbus
from collector.mbus.frame import MbusError
from collector.mqtt.wrapped import candidates
from collector.statement import Statement
from device_profiles.kinds import FrameProfile

FrameError = (Dlt645Error, Cjt188Error, MbusError)
_DECODERS = {"dlt645": dlt645.decode, "cjt188": cjt188.decode, "mbus": mbus.decode}


def decode_frames(profile: FrameProfile, payload: bytes) -> Statement:
    """What the frames in a payload state: bare, as hex or base64 text, or inside a JSON object.

    Raises:
        ValueError: none is right; the message is about the likeliest.
    """
    decode = _DECODERS[profile.protocol]
    first: ValueError | None = None
    for data in candidates(payload):
        try:
            return decode(data)
        except FrameError as error:
            first = first or error
    raise first or Dlt645Error("an empty payload")
