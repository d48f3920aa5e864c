"""Meters of one profile, served as a connection string says: what `aquavolt simulate meter` does.

tcp, tls            Modbus TCP; frames of DL/T 645, CJ/T 188, M-Bus as they are (tcp)
rtu+tcp             a converter that passes bytes on at the line's rate
rtu, serial         a pseudo-terminal; `/pty` takes a free name, another path becomes a link to it
listen              a modem that dials in there, registers and sends heartbeats
mqtt                publishes to that broker
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

from collector.connection import Connection
from device_profiles import FrameProfile, ModbusProfile, Profile
from simulators.faults import MeterFaults, Way, check_addresses, faults_of
from simulators.frame_meter import frame_meter
from simulators.lifelike import At, lifelike_at, points_of, with_faults
from simulators.line.server import FrameMeter, SimulatedLine
from simulators.modbus.meter import modbus_unit
from simulators.modbus.rtu import RtuLine
from simulators.modbus.server import ModbusServer, SimulatedUnit
from simulators.modem import keep_dialling, said_bytes
from simulators.publishing import publisher_of
from simulators.wanted import BROKERS, Wanted

Stop = Callable[[], Awaitable[None]]
_ANY_NAME = "/pty"
_LAST_UNIT = 247
_BROKER_S = 5.0
_LINES = ("rtu+tcp", "rtu", "serial", "listen")


async def serve(wanted: Wanted) -> tuple[Stop, str]:
    """Serve until stopped: how to end it, and the connection by which a collector reads it.

    Raises:
        ValueError: what does not go together: profile, connection, address, fault. The message says what is allowed.
        OSError: a port or file is in use, or not ours to take.
    """
    way = way_of(wanted.profile, wanted.where)
    check_addresses(wanted.faults, wanted.meters)
    each = {a: faults_of(wanted.faults, a, way) for a in wanted.meters}
    if way == "mqtt":
        return await _publish(wanted, each)
    if way == "modbus-tcp":
        return await _serve_modbus_tcp(wanted, _units(wanted, each))
    if way == "modbus-rtu":
        return await _serve_line(wanted, RtuLine(_units(wanted, each), baud=_baud(wanted)))
    return await _serve_line(wanted, SimulatedLine(_frame_meters(wanted, each), baud=_baud(wanted), seed=wanted.seed))


def way_of(profile: Profile, where: Connection) -> Way:
    """How such meters are reached there.

    Raises:
        ValueError: not at all; the message says what is allowed.
    """
    if isinstance(profile, ModbusProfile):
        allowed: dict[str, Way] = {"tcp": "modbus-tcp", "tls": "modbus-tcp"}
        allowed |= dict.fromkeys(("rtu+tcp", "rtu", "listen"), "modbus-rtu")
    elif isinstance(profile, FrameProfile):
        allowed = {"tcp": "frames", **dict.fromkeys(_LINES, "frames"), **dict.fromkeys(BROKERS, "mqtt")}
    else:
        allowed = dict.fromkeys(BROKERS, "mqtt")
    if where.scheme not in allowed:
        forms = ", ".join(f"{scheme}://" for scheme in allowed)
        raise ValueError(f"{profile.id} over {where.scheme}:// is not simulated; allowed: {forms}")
    return allowed[where.scheme]


def _shown(wanted: Wanted, number: int, faults: MeterFaults) -> At:
    at = lifelike_at(wanted.profile, wanted.seed + number, wanted.medium)
    return with_faults(at, points_of(wanted.profile, wanted.medium), faults, wanted.clock())


def _units(wanted: Wanted, each: dict[str, MeterFaults]) -> dict[int, SimulatedUnit]:
    assert isinstance(wanted.profile, ModbusProfile)  # noqa: S101 - its way was found by it
    units = {}
    for number, (address, faults) in enumerate(each.items()):
        if not address.isdecimal() or not 1 <= int(address) <= _LAST_UNIT:
            raise ValueError(f"address {address!r} is none of a Modbus meter; allowed: 1 to {_LAST_UNIT}")
        at = _shown(wanted, number, faults)
        units[int(address)] = modbus_unit(wanted.profile, _now(at, wanted), faults, wanted.seed)
    return units


def _frame_meters(wanted: Wanted, each: dict[str, MeterFaults]) -> list[FrameMeter]:
    assert isinstance(wanted.profile, FrameProfile)  # noqa: S101
    meters = []
    for number, (address, faults) in enumerate(each.items()):
        at = _shown(wanted, number, faults)
        meters.append(
            frame_meter(wanted.profile, address, _now(at, wanted), faults, clock=wanted.clock, medium=wanted.medium)
        )
    return meters


def _now(at: At, wanted: Wanted) -> Callable[[], dict[str, float]]:
    return lambda: at(wanted.clock())


async def _publish(wanted: Wanted, each: dict[str, MeterFaults]) -> tuple[Stop, str]:
    shown = {address: _shown(wanted, number, faults) for number, (address, faults) in enumerate(each.items())}
    meters = _frame_meters(wanted, each) if isinstance(wanted.profile, FrameProfile) else []
    publisher, topics = publisher_of(wanted, each, shown, meters)
    await _see_broker(wanted.where)
    publisher.start()

    async def stop() -> None:
        await asyncio.to_thread(publisher.stop)

    return stop, f"mqtt://{wanted.where.host}:{wanted.where.port}/{topics[0]}"


async def _see_broker(where: Connection) -> None:
    """A publisher waits for its broker without a word; who has just started one wants to know.

    Raises:
        OSError: nobody listens there.
    """
    try:
        async with asyncio.timeout(_BROKER_S):
            _, writer = await asyncio.open_connection(where.host, where.port)
    except OSError as error:  # TimeoutError is one
        raise OSError(f"no broker on {where.host}:{where.port}: {error.strerror or 'no answer'}") from error
    writer.close()
    await writer.wait_closed()


async def _serve_modbus_tcp(wanted: Wanted, units: dict[int, SimulatedUnit]) -> tuple[Stop, str]:
    where = wanted.where
    server = ModbusServer(units)
    port = await server.start(where.host, where.port, _tls(where) if where.scheme == "tls" else None)
    return server.stop, f"{where.scheme}://{where.host}:{port}"


def _tls(where: Connection) -> ssl.SSLContext:
    if "cert" not in where.options:
        raise ValueError(f"{where.text} needs a certificate: tls://host:port?cert=FILE&key=FILE")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(where.options["cert"], where.options["key"])
    return context


def _baud(wanted: Wanted) -> int:
    """How fast bytes go on the line; behind a plain socket at once."""
    if wanted.where.scheme == "tcp" or not isinstance(wanted.profile, ModbusProfile | FrameProfile):
        return 0
    return int(wanted.where.options.get("baud", wanted.profile.serial.baud))


async def _serve_line(wanted: Wanted, line: RtuLine | SimulatedLine) -> tuple[Stop, str]:
    where, baud = wanted.where, _baud(wanted)
    if where.scheme in {"rtu", "serial"}:
        return _on_terminal(wanted, line)
    if where.scheme == "listen":
        return _through_modem(wanted, line)
    port = await line.start_tcp(where.host, where.port)
    return line.stop, f"{where.scheme}://{where.host}:{port}" + (f"?baud={baud}" if baud else "")


def _on_terminal(wanted: Wanted, line: RtuLine | SimulatedLine) -> tuple[Stop, str]:
    """A pseudo-terminal under its own name, or under the one that is asked for."""
    name = Path(wanted.where.path)
    if wanted.where.path != _ANY_NAME and name.is_symlink() | name.exists():
        raise FileExistsError(17, "is there already; a simulated line needs a name of its own", str(name))
    device = line.start_pty()
    if wanted.where.path != _ANY_NAME:
        name.symlink_to(device)
        device = str(name)

    async def stop() -> None:
        with contextlib.suppress(FileNotFoundError):
            if wanted.where.path != _ANY_NAME:
                os.unlink(name)  # noqa: PTH108 - a link, gone in no time
        await line.stop()

    return stop, f"{wanted.where.scheme}://{device}?baud={_baud(wanted)}"


def _through_modem(wanted: Wanted, line: RtuLine | SimulatedLine) -> tuple[Stop, str]:
    where = wanted.where
    modem = dataclasses.replace(wanted.modem, registration=said_bytes(where.options.get("id", "")))
    dialling = asyncio.create_task(keep_dialling(line, where.host, where.port, modem))

    async def stop() -> None:
        dialling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await dialling
        await line.stop()

    return stop, where.text
