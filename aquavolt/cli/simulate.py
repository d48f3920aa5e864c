"""`simulate`: a campus as files, or meters of one profile on a line or at a broker."""

from __future__ import annotations

import signal
import socket
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aquavolt.cli.failure import told
from aquavolt.cli.progress import shown

if TYPE_CHECKING:
    from simulators.wanted import Wanted

app = typer.Typer(help="Simulated campuses and meters, for trials and development.", no_args_is_help=True)
_PARTS = 1000


class Medium(StrEnum):
    """What a meter counts."""

    WATER = "water"
    ELECTRICITY = "electricity"
    HEAT = "heat"
    GAS = "gas"


class Envelope(StrEnum):
    """What a network server puts around a LoRaWAN device's bytes."""

    CHIRPSTACK = "chirpstack"
    TTS = "tts"
    RAW = "raw"


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
    profile: Annotated[str, typer.Option(help="Profile id, e.g. eastron-sdm630; `aquavolt profiles list` has all.")],
    listen: Annotated[
        str,
        typer.Option(
            help="Where: tcp://host:port, tls://..?cert=F&key=F, rtu+tcp://host:port?baud=9600, rtu:///pty or "
            "serial:///pty (a pseudo-terminal; another path becomes a link to it), listen://host:port?id=WORD "
            "(dials in there as a modem), mqtt://host:port[/topic] (publishes there). Port 0 takes a free one."
        ),
    ] = "tcp://127.0.0.1:1502",
    address: Annotated[
        list[str] | None, typer.Option(help="Unit, digits or device id; again for each further meter on the line.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="KIND[=NUMBER][@ADDRESS], again for each; `aquavolt simulate faults` has the list."),
    ] = None,
    medium: Annotated[
        Medium, typer.Option(help="What a meter of a profile for any device counts (M-Bus, plain JSON, CSV, ...).")
    ] = Medium.WATER,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between messages (mqtt).")] = 15.0,
    envelope: Annotated[Envelope, typer.Option(help="Around a LoRaWAN device's bytes (mqtt).")] = Envelope.CHIRPSTACK,
    heartbeat: Annotated[str, typer.Option(help="What a modem says now and then: a word, or 0x.. bytes.")] = "0xFE",
    heartbeat_s: Annotated[float, typer.Option(min=0, help="Seconds between heartbeats; 0 for none.")] = 30.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same values at the same time.")] = 0,
) -> None:
    """Serve simulated meters of one profile with lifelike values, and faults if wanted, until told to stop."""
    import asyncio

    from collector.connection import ConnectionTextError, parse_connection
    from device_profiles import ProfileError, load_profile
    from simulators.faults import FaultTextError, parse_fault
    from simulators.modem import Modem, said_bytes
    from simulators.wanted import Wanted

    with told(ProfileError, ConnectionTextError, FaultTextError, ValueError, OSError):
        wanted = Wanted(
            load_profile(profile, allow_low_confidence=True),
            parse_connection(_with_free_port(listen)),
            tuple(dict.fromkeys(address or ())),
            tuple(parse_fault(text) for text in fault or ()),
            seed,
            medium.value,
            every,
            envelope.value,
            Modem(heartbeat=said_bytes(heartbeat), every_s=heartbeat_s),
        )
        asyncio.run(_serve(wanted))


@app.command("repair-platform")
def repair_platform(
    secret: Annotated[str, typer.Option(help="`repair_platform.secret` of the settings: signs both ways.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens; 0 takes a free port.")] = 8091,
    to: Annotated[str, typer.Option(help="Where its events go.")] = "http://127.0.0.1:8000/api/v1/platform/events",
) -> None:
    """Serve a small repair platform with a page of its own, until told to stop."""
    import threading

    from simulators.repair_platform.server import RepairPlatform
    from simulators.repair_platform.state import Platform

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with told(OSError):
        server = RepairPlatform(Platform(secret, to), port)
    server.start()
    typer.echo(f"orders are taken at {server.url}, its page is {server.base}; Ctrl+C ends it")
    stop.wait()
    server.stop()


@app.command()
def faults() -> None:
    """List the faults that a simulated meter may have."""
    from simulators.faults import KINDS

    for kind in KINDS.values():
        form = kind.name if kind.usual is None else f"{kind.name}[={kind.usual:g}]"
        unit = f" ({kind.unit})" if kind.unit else ""
        typer.echo(f"{form:<16} {kind.meaning}{unit}; {', '.join(kind.ways)}")


def _with_free_port(text: str) -> str:
    """A connection whose port 0 is a free one, as it can be told only to who listens."""
    head, mark, rest = text.partition("://127.0.0.1:0")
    if not mark or head in {"listen", "mqtt"} or rest[:1] not in {"", "?"}:
        return text
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"{head}://127.0.0.1:{probe.getsockname()[1]}{rest}"


async def _serve(wanted: Wanted) -> None:
    import asyncio

    from simulators.serving import serve

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    end, where = await serve(wanted)
    typer.echo(f"{wanted.profile.id}, {len(wanted.meters)} simulated; Ctrl+C ends it. To read it:")
    for address in wanted.meters:
        typer.echo(f"  aquavolt read --profile {wanted.profile.id} --connect '{where}' --address {address}")
    await stop.wait()
    await end()
