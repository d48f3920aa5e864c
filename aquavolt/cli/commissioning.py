"""`scan` and `probe`: who is on a line, and what a register means."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from aquavolt.cli.failure import Failure, told
from aquavolt.cli.meters import AsJson, Connect, SecondMaster, note
from aquavolt.cli.progress import Advance, shown

if TYPE_CHECKING:
    from collector.modbus.guesses import Guess
    from collector.modbus.openers import Approach
    from collector.modbus.scan import FoundUnit

_UNITS = re.compile(r"\d{1,3}(-\d{1,3})?(,\d{1,3}(-\d{1,3})?)*")
_LAST_UNIT = 247
_NOBODY = "; look at the baud rate, the parity, A and B the right way round, and give them more time by --timeout"
_AT = re.compile(r"([34]):(0[xX][0-9a-fA-F]{1,4}|\d{1,5})")


def parse_units(text: str) -> list[int]:
    """Unit numbers from `1-32,40`.

    Raises:
        Failure: it says something else.
    """
    units: list[int] = []
    for part in text.split(",") if _UNITS.fullmatch(text) else [""]:
        first, _, last = part.partition("-")
        if not first or not 1 <= int(first) <= int(last or first) <= _LAST_UNIT:
            raise Failure(f"--units {text!r}; allowed: numbers from 1 to {_LAST_UNIT}, such as 1-32,40")
        units += range(int(first), int(last or first) + 1)
    return list(dict.fromkeys(units))


def scan(
    connect: Connect,
    units: Annotated[str, typer.Option(help="Units to ask, e.g. 1-32,40.")] = "1-247",
    timeout: Annotated[float, typer.Option(min=0.05, help="Seconds to wait for each unit.")] = 0.3,
    second_master: SecondMaster = False,
    profile: Annotated[
        str | None, typer.Option(help="dlt645-2007, dlt645-1997, cjt188-water, cjt188-heat or mbus: their addresses.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the Modbus units on a line or gateway and the profiles that fit; with --profile other meters' addresses."""
    if profile is not None:
        _scan_addresses(connect, profile, timeout, second_master=second_master, as_json=as_json)
        return
    import asyncio

    from collector.connection import ConnectionTextError
    from collector.modbus.frame import ModbusError

    chosen = parse_units(units)
    found: list[FoundUnit] = []

    def tell(unit: FoundUnit) -> None:
        found.append(unit)
        if not as_json:
            typer.echo(f"unit {unit.unit}: {', '.join(unit.profiles) or 'answers, but fits no profile'}")

    with told(ConnectionTextError, ModbusError), shown() as advance:
        progress = lambda done, of: advance("units", done, of)  # noqa: E731
        asyncio.run(_scan(connect, chosen, timeout, second_master, tell, progress))
    if as_json:
        typer.echo(json.dumps([{"unit": f.unit, "profiles": list(f.profiles)} for f in found]))
    else:
        note(f"{len(found)} of {len(chosen)} units answer" + ("" if found else _NOBODY))


def _scan_addresses(connect: str, profile_id: str, timeout_s: float, *, second_master: bool, as_json: bool) -> None:
    import asyncio

    from collector.connection import ConnectionTextError, parse_connection
    from collector.line.scan import scan_addresses
    from collector.line.wire import LineError
    from device_profiles import FrameProfile, ProfileError, load_profile

    addresses: list[str] = []

    async def search(profile: FrameProfile, advance: Advance) -> None:
        where = parse_connection(connect)
        found = scan_addresses(
            profile,
            where,
            timeout_s=timeout_s,
            is_second_master=second_master,
            on_progress=lambda done, of: advance("addresses", done, of),
        )
        async for address in found:
            addresses.append(address)
            if not as_json:
                typer.echo(f"meter {address}: {profile_id}")

    with told(ProfileError, ConnectionTextError, LineError), shown() as advance:
        profile = load_profile(profile_id)
        if not isinstance(profile, FrameProfile):
            raise Failure(f"--profile {profile_id}: units of {profile.protocol} are found without it")
        asyncio.run(search(profile, advance))
    if as_json:
        typer.echo(json.dumps([{"address": a, "profiles": [profile_id]} for a in addresses]))
    else:
        note(f"{len(addresses)} meters answer" + ("" if addresses else _NOBODY))


async def _scan(
    connect: str,
    units: list[int],
    timeout_s: float,
    second_master: bool,
    tell: Callable[[FoundUnit], None],
    progress: Callable[[int, int], None],
) -> None:
    from collector.connection import parse_connection
    from collector.modbus.scan import scan_units
    from device_profiles import ModbusProfile, list_profiles, load_profile
    from device_profiles.schema import Serial

    profiles = [load_profile(name, allow_low_confidence=True) for name in list_profiles()]
    found = scan_units(
        parse_connection(connect),
        units,
        [p for p in profiles if isinstance(p, ModbusProfile)],
        serial=Serial(),
        timeout_s=timeout_s,
        is_second_master=second_master,
        on_progress=progress,
    )
    async for unit in found:
        tell(unit)


def probe(
    connect: Connect,
    at: Annotated[str, typer.Option(help="FC:ADDR, wire address, e.g. 4:0x156 or 3:8192.")],
    address: Annotated[str, typer.Option(help="The unit, e.g. 1.")] = "1",
    count: Annotated[int, typer.Option(min=1, max=4, help="Registers to read: 2 for a pair, 4 for 64 bits.")] = 2,
    decode_all: Annotated[bool, typer.Option("--decode-all", help="Show all types and orders.")] = False,
    expect: Annotated[float | None, typer.Option(help="What the display shows; rows that fit are marked.")] = None,
    quantity: Annotated[
        str | None, typer.Option(help="Quantity of ours; rows in its plausible range are marked.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.05, help="Seconds to wait for the answer.")] = 3.0,
    second_master: SecondMaster = False,
    as_json: AsJson = False,
) -> None:
    """Read a few registers and show what they may mean, in every type and order."""
    import asyncio
    from dataclasses import asdict

    from collector.connection import ConnectionTextError
    from collector.modbus.frame import ModbusError
    from collector.modbus.guesses import all_guesses
    from collector.modbus.openers import Approach
    from collector.modbus.polls import UnpollableError
    from device_profiles.plausible import plausible_range
    from metering.quantities import quantity as quantity_of

    with told(ConnectionTextError, ModbusError, UnpollableError, ValueError):
        plausible = plausible_range(quantity_of(quantity).name) if quantity else None
        registers = asyncio.run(_read(connect, at, address, count, timeout, Approach(is_second_master=second_master)))
    guesses = all_guesses(registers, expected=expect, plausible=plausible) if decode_all else []
    if as_json:
        typer.echo(json.dumps({"registers": registers.hex(" ", 2), "guesses": [asdict(g) for g in guesses]}))
        return
    typer.echo(f"{at} of unit {address}: {registers.hex(' ', 2)}")
    if plausible is not None:
        typer.echo(f"{quantity}: plausible is {plausible[0]:g} to {plausible[1]:g}")
    for guess in guesses:
        typer.echo(_line(guess))


def _line(guess: Guess) -> str:
    mark = f"  <- x {guess.scale:g} = {guess.value * guess.scale:.8g}" if guess.scale is not None else ""
    return (
        f"{guess.dtype:<14} {guess.letters:<9} {guess.word_order:<15} {guess.byte_order:<7} {guess.value:>24.10g}{mark}"
    )


async def _read(connect: str, at: str, address: str, count: int, timeout_s: float, approach: Approach) -> bytes:
    from collector.connection import parse_connection
    from collector.modbus.frame import ReadRequest
    from collector.modbus.link import open_link
    from collector.modbus.polls import parse_address
    from device_profiles.schema import Serial

    match = _AT.fullmatch(at)
    if match is None or (first := int(match[2], 0)) + count > 0x10000:  # noqa: PLR2004
        raise ValueError(f"--at {at!r}; allowed: FUNCTION:ADDRESS such as 4:0x48 or 3:8192")
    async with open_link(parse_connection(connect), Serial(), timeout_s, approach) as link:
        return await link.ask(ReadRequest(parse_address(address)[0], int(match[1]), first, count), timeout_s)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(scan)
    app.command()(probe)
