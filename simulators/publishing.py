"""Meters that publish by MQTT, made of what is wanted: one publication each, on a grid of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from collector.cjt188.decode import READING
from collector.cjt188.frame import READ as READ_CJT188
from collector.cjt188.frame import encode as encode_cjt188
from collector.dlt645.frame import READ_1997, READ_2007
from collector.dlt645.frame import encode as encode_dlt645
from collector.mbus.frame import ANY_WITH_ANSWER, REQ_UD2, encode_short
from device_profiles import FrameProfile, ModbusProfile
from simulators.faults import MeterFaults
from simulators.lifelike import At
from simulators.line.server import FrameMeter
from simulators.mqtt.messages import Publication, Source, default_topic
from simulators.mqtt.publisher import Publisher, PublishingMeter
from simulators.wanted import Wanted

_SPREAD = 0.618  # of a period from meter to meter, so that they never all speak at once


def publisher_of(
    wanted: Wanted, each: Mapping[str, MeterFaults], shown: Mapping[str, At], meters: Sequence[FrameMeter]
) -> tuple[Publisher, list[str]]:
    """A publisher of all meters wanted, and their topics.

    meters  those that answer in frames, in the addresses' order; empty for others

    Raises:
        ValueError: there is no topic, or several meters would share one.
    """
    profile, where = wanted.profile, wanted.where
    assert not isinstance(profile, ModbusProfile)  # noqa: S101 - its way is never this one
    publishing, topics = [], []
    for number, (address, faults) in enumerate(each.items()):
        frames = _frames_of(profile, address, meters[number]) if isinstance(profile, FrameProfile) else list
        publication = Publication(profile, address, where.path, wanted.envelope, frames)
        topics.append(default_topic(publication))
        phase_s = wanted.clock() % wanted.period_s + wanted.period_s * (_SPREAD * number % 1)
        publishing.append(PublishingMeter(publication, _source(shown[address]), wanted.period_s, phase_s, faults))
    if len(set(topics)) < len(topics) and not isinstance(profile, FrameProfile):
        raise ValueError(f"{len(topics)} meters on topic {topics[0]}; {{address}} in it stands for each one's address")
    return Publisher(where.host, where.port, publishing, wanted.clock), topics


def _source(at: At) -> Source:
    return lambda moment: at(moment.timestamp())


def _frames_of(profile: FrameProfile, address: str, meter: FrameMeter) -> Callable[[], list[bytes]]:
    """What a gateway that asks the meter passes on: a reply to each of its usual questions."""
    questions = _questions(profile, address)
    return lambda: [reply for question in questions if (reply := meter.answer(question))]


def _questions(profile: FrameProfile, address: str) -> list[bytes]:
    if profile.protocol == "cjt188":
        order = "big" if profile.di_order == "90_1f" else "little"
        return [encode_cjt188(profile.meter_type, address, READ_CJT188, READING.to_bytes(2, order) + b"\1")]  # type: ignore[arg-type]
    if profile.protocol == "mbus":
        return [encode_short(REQ_UD2, ANY_WITH_ANSWER)]
    control, width = (READ_2007, 4) if profile.edition == 2007 else (READ_1997, 2)  # noqa: PLR2004
    wanted = dict.fromkeys(p.read for p in profile.points if p.read and p.poll == "fast")
    return [encode_dlt645(address, control, int(di, 16).to_bytes(width, "little")) for di in wanted]
