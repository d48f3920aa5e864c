"""`simulate`: a campus as files, or one meter on a socket."""

from __future__ import annotations

import asyncio
import signal
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from aquavolt.cli.failure import told
from aquavolt.cli.progress import shown

app = typer.Typer(help="Simulated campuses and meters, for trials and development.", no_args_is_help=True)
_PARTS = 1000
_SIMULATED = ("tcp", "rtu+tcp", "rtu", "listen")


@app.command()
def campus(
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same campus, bit for bit.")],
    days: Annotated[int, typer.Option(min=1, help="Length in days.")],
    out: Annotated[Path, typer.Option(help="Folder to write: site.yaml, readings.csv.gz, labels.csv, truth.json.")],
    start: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day.")] = None,
) -> None:
    """Write a simulated campus with hidden faults as files for import and backtest."""
    from simulators.campus.export import DEFAULT_START, simulate_campus

    first = start.date() if start else DEFAULT_START
    with told(ValueError, OSError), shown() as advance:
        made = simulate_campus(seed, days, out, first, lambda share: advance("campus", int(share * _PARTS), _PARTS))
    typer.echo(f"{out}: {len(made.meters)} meters, {days} days from {first}, {len(made.faults)} faults in truth.json")


@app.command()
def meter(
    profile: Annotated[str, typer.Option(help="Profile id, e.g. eastron-sdm630.")],
    listen: Annotated[
        str,
        typer.Option(
            help="Where to answer: tcp://, rtu+tcp://; rtu:///pty makes a pseudo-terminal; listen:// dials in there."
        ),
    ] = "tcp://127.0.0.1:1502",
    address: Annotated[int, typer.Option(min=1, max=247, help="Modbus unit.")] = 1,
) -> None:
    """Serve one simulated meter with lifelike values, until told to stop."""
    from collector.connection import ConnectionTextError
    from device_profiles import ProfileError

    with told(ProfileError, ConnectionTextError, ValueError, OSError):
        asyncio.run(_serve(profile, listen, address))


async def _serve(profile: str, listen: str, unit: int) -> None:
    from collector.connection import parse_connection
    from device_profiles import ModbusProfile, load_profile
    from simulators.modbus.meter import serve_line

    found, where = load_profile(profile, allow_low_confidence=True), parse_connection(listen)
    if not isinstance(found, ModbusProfile) or where.scheme not in _SIMULATED:
        allowed = ", ".join(f"{scheme}://" for scheme in _SIMULATED)
        raise ValueError(f"{profile} over {where.scheme}:// is not simulated; allowed: Modbus profiles over {allowed}")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    end, told_by = await serve_line(found, where.scheme, where.host, where.port, unit, where.options.get("id", ""))
    typer.echo(f"{profile}, unit {unit}, on {told_by}; Ctrl+C ends it")
    await stop.wait()
    await end()
