"""Whether a line has a master already: listened to before a person's first question."""

from __future__ import annotations

from collector.connection import Connection
from collector.line import scan as line
from collector.line.wire import LineError, Wire
from collector.modbus import scan as modbus
from collector.modbus.frame import ModbusError
from collector.modbus.link import open_link
from collector.modbus.once import ReadError
from collector.modbus.openers import Approach
from device_profiles import FrameProfile, ModbusProfile, Profile

_ALONE = Approach(is_second_master=False)
_LINES = ("rtu", "serial", "rtu+tcp")


async def listen_first(profile: Profile, connection: Connection, timeout_s: float) -> None:
    """Three seconds of silence. A modem that dials in is not listened to: it sends heartbeats; Modbus TCP is no line.

    Raises:
        ReadError: no connection, or another master asks there; the message says how to go on all the same.
    """
    try:
        if isinstance(profile, ModbusProfile) and connection.scheme in _LINES:
            async with open_link(connection, profile.serial, timeout_s, _ALONE) as link:
                await modbus.refuse_company(link, connection)
        elif isinstance(profile, FrameProfile) and connection.scheme in (*_LINES, "tcp", "tls"):
            wire = Wire(connection, profile, approach=_ALONE)
            try:
                await wire.open(timeout_s + 1)
                await line.refuse_company(wire, connection)
            finally:
                await wire.close()
    except (ModbusError, LineError) as error:
        raise ReadError(str(error)) from error
