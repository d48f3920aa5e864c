"""What must hold of every decoder, whatever the bytes: one function a family, from bytes to nothing.

It returns where the bytes were refused by the decoder's own error, or where what they state is sound: finite numbers
that become a batch of readings. Anything else is raised: an error of another kind, or an AssertionError. The names of
`TARGETS` are what `fuzz --only` takes; `SEEDS` are right frames to begin with, from the profiles' own vectors.
"""

# ruff: noqa: S101 - these are checks, as in tests

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from math import isfinite

import numpy as np

from collector.cjt188.frame import build as build_cjt188
from collector.counts import Counts
from collector.decode_payload import DecodeError, decode_payload
from collector.dlt645.frame import build as build_dlt645
from collector.frames import FrameError, decode_frames
from collector.line.plan import ProtocolError, dialogue_of
from collector.mbus.frame import build as build_mbus
from collector.modbus.frame import ModbusError, ReadRequest, crc16, find_rtu, parse_request, split_tcp
from collector.modbus.framing import Framing, RtuFraming, TcpFraming
from collector.modbus.payload import parse_frame
from collector.mqtt.burst import Burst
from collector.mqtt.frame import FrameError as PacketError
from collector.mqtt.frame import Publish, split_packets
from collector.mqtt.routes import Routes, route_of
from collector.read_value import ReadValue
from collector.reading import moments
from device_profiles import FrameProfile, MessageProfile, ModbusProfile, Profile, list_profiles, load_profile
from metering.batch import batch_of
from metering.entries import EntryError, decode_entry, encode_entry
from metering.site import Meter

_NOW_MS = 1_772_323_200_000
_CODECS_OF_BYTES = ("dragino-sw3l", "axioma-w1", "kamstrup-lorawan", "milesight")


@cache
def profiles() -> dict[str, Profile]:
    """All of them."""
    return {name: load_profile(name, allow_low_confidence=True) for name in list_profiles()}


def _of(kind: type, *, protocol: str = "", codecs: Iterable[str] = ()) -> list[Profile]:
    found = [p for p in profiles().values() if isinstance(p, kind) and (not protocol or p.protocol == protocol)]
    return [p for p in found if not codecs or getattr(p, "codec", "") in codecs]


def _sound(values: Iterable[ReadValue]) -> None:
    """Numbers are finite, names are there, and all of it becomes readings."""
    told = list(values)
    for value in told:
        assert value.quantity, "a value without a name"
        assert isinstance(value.value, str | int | float), f"{value.quantity} is {type(value.value).__name__}"
        assert isinstance(value.value, str) or isfinite(value.value), f"{value.quantity} is {value.value}"
        value.as_dict()
    for moment in moments(told, medium="water"):
        batch_of(("m",), np.zeros(len(moment.codes)), moment.codes, np.datetime64(_NOW_MS, "ms"), moment.values)


def _decoded(profile: Profile, data: bytes, **given: str | int | bool | None) -> None:
    try:
        _sound(decode_payload(profile, data, **given).values)  # type: ignore[arg-type]
    except DecodeError:
        return


# -- Modbus ----------------------------------------------------------------------------------------------


def modbus_frames(data: bytes) -> None:
    """Streams and single frames, TCP and RTU."""
    for read in (split_tcp, parse_frame, parse_request):
        try:
            read(data)
        except ModbusError:
            continue
    for frame in find_rtu(data):
        assert frame in data, "a frame that did not come"
    request = ReadRequest(data[0] if data else 1, 3 + (data[1] & 1 if len(data) > 1 else 0), 0, 2)
    for framing in (TcpFraming(), RtuFraming()):
        _heard(framing, request, data)


def _heard(framing: Framing, request: ReadRequest, data: bytes) -> None:
    framing.encode(request)
    half = len(data) // 2
    try:
        for part in (data[:half], data[half:]):
            framing.feed(part)
    except ModbusError:
        return
    framing.complaint()


def modbus_profiles(data: bytes) -> None:
    """[profile, address of a point, registers]: a right frame with these registers, by any profile."""
    if len(data) < 3:
        return
    known = _of(ModbusProfile)
    profile = known[data[0] % len(known)]
    assert isinstance(profile, ModbusProfile)
    point = profile.points[data[1] % len(profile.points)]
    words = data[2:252]
    words = words[: len(words) // 2 * 2]
    body = bytes([1, point.function, len(words)]) + words
    frame = body + crc16(body).to_bytes(2, "little")
    _decoded(profile, frame, at=f"{point.function}:{point.address}")


# -- frames of DL/T 645, CJ/T 188, M-Bus -----------------------------------------------------------------


def dlt645(data: bytes) -> None:
    """As they are, and (where they begin with a control code) as a frame with the right sum."""
    for profile in _of(FrameProfile, protocol="dlt645"):
        _decoded(profile, data)
        if 1 <= len(data) <= 201:
            _decoded(profile, build_dlt645("202600000001", data[0], data[1:]))


def cjt188(data: bytes) -> None:
    """As they are, and as [type, control, data] in a frame with the right sum."""
    for profile in _of(FrameProfile, protocol="cjt188"):
        _decoded(profile, data)
        if 2 <= len(data) <= 200:
            _decoded(profile, build_cjt188(data[0], "20260000000001", data[1], data[2:]))


def mbus(data: bytes) -> None:
    """As they are, and as [CI, data] in a frame with the right sum."""
    for profile in _of(FrameProfile, protocol="mbus"):
        _decoded(profile, data)
        if 1 <= len(data) <= 252:
            _decoded(profile, build_mbus(0x08, 1, data[0], data[1:]))


def one_byte_wrong(data: bytes) -> None:
    """[frame 2, place, change]: a right frame with one wrong byte states nothing."""
    if len(data) != 4 or not data[3]:
        return
    known = _whole_frames()
    profile, frame = known[int.from_bytes(data[:2], "big") % len(known)]
    place = data[2] % len(frame)
    broken = frame[:place] + bytes([frame[place] ^ data[3]]) + frame[place + 1 :]
    try:
        told = decode_frames(profile, broken)
    except FrameError:
        return
    assert not told.values, f"{profile.id}: {broken.hex(' ')} states {told.values}"


@cache
def _whole_frames() -> list[tuple[FrameProfile, bytes]]:
    found = []
    for profile in _of(FrameProfile):
        assert isinstance(profile, FrameProfile)
        found += [(profile, bytes.fromhex(t.frame)) for t in profile.tests if t.frame]
    return found


def answers_on_a_line(data: bytes) -> None:
    """Bytes as answers to what the pollers ask, one after the other."""
    addresses = {"dlt645": "202600000001", "cjt188": "20260000000001", "mbus": "1"}
    for profile in _of(FrameProfile):
        assert isinstance(profile, FrameProfile)
        dialogue = dialogue_of(profile, addresses[profile.protocol])
        try:
            question = next(dialogue)
            for _ in range(64):
                question = dialogue.send(question.find(data))
        except StopIteration as end:
            _sound(end.value.values)
        except (*ProtocolError, AttributeError) as error:
            # A poller never goes on with None where an answer is not optional.
            if isinstance(error, AttributeError) and "NoneType" not in str(error):
                raise


# -- payloads of MQTT and LoRaWAN ------------------------------------------------------------------------


def lorawan(data: bytes) -> None:
    """[port, payload] by every maker's layout."""
    for profile in _of(MessageProfile, codecs=_CODECS_OF_BYTES):
        assert isinstance(profile, MessageProfile)
        _decoded(profile, data[1:], port=profile.f_port if data[:1] == b"\0" else (data[0] if data else None))


def uplinks(data: bytes) -> None:
    """Envelopes of ChirpStack and The Things Stack."""
    for profile in _of(MessageProfile, codecs=("uplink", *_CODECS_OF_BYTES)):
        _decoded(profile, data)


def sparkplug(data: bytes) -> None:
    """Sparkplug B."""
    for profile in _of(MessageProfile, codecs=("sparkplug-b",)):
        _decoded(profile, data, topic="spBv1.0/g/DDATA/n/d")


def csv(data: bytes) -> None:
    """CSV lines."""
    for profile in _of(MessageProfile, codecs=("csv",)):
        _decoded(profile, data)


def shelly(data: bytes) -> None:
    """Shelly's first generation: a topic a value, and a document of all."""
    for profile in _of(MessageProfile, codecs=("shelly-gen1",)):
        for topic in (None, "shellies/s/emeter/0/power", "shellies/s/relay/0/energy", "shellies/s/announce"):
            _decoded(profile, data, topic=topic)


def json(data: bytes) -> None:
    """JSON objects, by paths and by our names."""
    for profile in profiles().values():
        if profile.protocol == "mqtt-json":
            _decoded(profile, data)


def any_payload(data: bytes) -> None:
    """What a person pastes into `decode`: hex or not, whatever the profile."""
    for profile in profiles().values():
        for is_hex in (False, True):
            _decoded(profile, data, is_hex=is_hex, at="3:0")


def messages(data: bytes) -> None:
    """One message to meters of every profile that MQTT reads: the others' readings must not suffer."""
    routes, topics = _routes()
    burst = Burst(routes, Counts(), _NOW_MS, {}, lambda _: None)
    burst.add_all([Publish(topic, data, 1, is_retained=False) for topic in topics])
    burst.add_all([Publish(topics[0], b'{"water_volume": 1.5}', 1, is_retained=False)])
    batch = burst.batch()
    encode_entry(batch)
    assert np.isfinite(batch.value).all()


@cache
def _routes() -> tuple[Routes, list[bytes]]:
    names = ["json-plain", *(p.id for p in profiles().values() if not isinstance(p, ModbusProfile))]
    routes = [
        route_of(Meter(f"m{i}", profiles()[name].medium, profile=name, connection=f"mqtt://h:1883/t/{i}"))
        for i, name in enumerate(names)
    ]
    return Routes(routes), [route.topic.encode() for route in routes]


def packets(data: bytes) -> None:
    """MQTT packets in a stretch of bytes."""
    for is_v5 in (False, True):
        try:
            split = split_packets(data, is_v5=is_v5)
        except PacketError:
            continue
        assert 0 <= split.used <= len(data), "more used than came"


def journal_entries(data: bytes) -> None:
    """Entries of the journal and of pushes."""
    try:
        entry = decode_entry(data)
    except EntryError:
        return
    decode_entry(encode_entry(entry))


# -- the list --------------------------------------------------------------------------------------------

TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__.replace("_", "-"): target
    for target in (
        modbus_frames, modbus_profiles, dlt645, cjt188, mbus, one_byte_wrong, answers_on_a_line, lorawan, uplinks,
        sparkplug, csv, shelly, json, any_payload, messages, packets, journal_entries,
    )
}  # fmt: skip


def seeds() -> list[bytes]:
    """Right frames and payloads, bare and as hex text, from all profiles' vectors; short ones first."""
    found: set[bytes] = {b"", b"\0", b"{}", b"[]", b"68"}
    for profile in profiles().values():
        for test in profile.tests:
            found |= {bytes.fromhex(text) for text in (test.frame, test.request) if text}
            if test.payload:
                found |= {test.payload.encode(), *_bytes_of_hex(test.payload)}
            for words in test.registers.values():
                found.add(bytes([0, 0]) + b"".join(word.to_bytes(2, "big") for word in words))
    found |= {frame[9:] for frame in found if frame[:1] == b"\x68"}
    return sorted(found, key=lambda data: (len(data), data))


def _bytes_of_hex(text: str) -> list[bytes]:
    try:
        return [bytes.fromhex(text), b"\0" + bytes.fromhex(text)]
    except ValueError:
        return []
