"""One reading of one meter, whatever it speaks: what `aquavolt read` does."""

from __future__ import annotations

from collections.abc import Callable

from collector.connection import parse_connection
from collector.line import once as line
from collector.modbus import once as modbus
from collector.modbus.once import ReadError
from collector.modbus.openers import COLLECTING, Approach
from collector.mqtt import once as mqtt
from collector.mqtt.routes import RouteError
from collector.read_value import ReadValue
from device_profiles import FrameProfile, ModbusProfile, load_profile

_BROKERS = ("mqtt", "mqtts")


async def read_meter(
    profile_id: str,
    connection: str,
    address: str,
    *,
    timeout_s: float = 3.0,
    allow_low_confidence: bool = False,
    on_note: Callable[[str], None] = lambda _: None,
    approach: Approach = COLLECTING,
) -> list[ReadValue]:
    """All that the meter states now; of a broker, all that its next message states.

    `on_note` is told what the meter refused or marked as no value, and that the profile is of low confidence.

    Raises:
        ProfileError: the profile cannot be used.
        ConnectionTextError: the connection string cannot be used.
        UnpollableError: the address is none of this protocol.
        ReadError: no connection, no answer, or a profile that does not go with the connection.
    """
    profile = load_profile(profile_id, allow_low_confidence=allow_low_confidence)
    if profile.confidence == "low":
        on_note(f"profile {profile_id} is of low confidence: no live meter has confirmed it, its values may be wrong")
    where = parse_connection(connection)
    if isinstance(profile, ModbusProfile):
        return await modbus.read_once(profile, where, address, timeout_s=timeout_s, on_note=on_note, approach=approach)
    if isinstance(profile, FrameProfile) and where.scheme not in _BROKERS:
        try:
            return await line.read_once(
                profile, where, address, timeout_s=timeout_s, on_note=on_note, approach=approach
            )
        except line.LineReadError as error:
            raise ReadError(str(error)) from error
    if where.scheme not in _BROKERS:
        raise ReadError(f"profile {profile.id} is read from a broker: mqtt://host:port/topic, not {where.text}")
    try:
        return await mqtt.read_once(profile, where, address, timeout_s=timeout_s, tape=approach.tape)
    except (mqtt.MqttReadError, RouteError) as error:
        raise ReadError(str(error)) from error
