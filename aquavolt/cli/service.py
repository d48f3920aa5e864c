"""`run` and `demo`: the program on a site of one's own, and on a simulated campus."""

from __future__ import annotations

import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aquavolt.cli.failure import Failure, told
from aquavolt.cli.progress import shown

if TYPE_CHECKING:
    import asyncio

    from aquavolt.program import Program, Setup

Port = Annotated[int | None, typer.Option(help="Port of the page; 8000 if nothing says otherwise.")]
Data = Annotated[Path | None, typer.Option(help="Folder for everything that is kept.")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings; none: aquavolt.yaml, if there is one.")
]


def run(
    site: Annotated[Path | None, typer.Option(help="The site file.")] = None,
    data: Data = None,
    port: Port = None,
    host: Annotated[str | None, typer.Option(help="Loopback only, until there are accounts.")] = None,
    rules: Annotated[Path | None, typer.Option(help="The rules file; none: the documented defaults.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Read the site's meters, judge what they say and serve the page, until told to stop."""
    from aquavolt.config.documents import ConfigError, load_playbook, load_rules, load_site
    from aquavolt.config.settings import load_settings
    from aquavolt.program import Setup

    with told(ConfigError):
        found = load_settings(settings, site=site, data=data, port=port, host=host, rules=rules)
        checked, _ = load_site(found.site)
        judged = load_rules(found.rules, checked)
        plays = load_playbook(found.playbook)
    _serve(Setup(found, checked, judged, plays), None)


def demo(
    data: Annotated[Path, typer.Option(help="Folder of the demo campus; kept for the next start.")] = Path("demo-data"),
    port: Annotated[int, typer.Option(help="Port of the page.")] = 8000,
    seed: Annotated[int, typer.Option(min=0, help="Which campus; only for a new folder.")] = 1,
    rules: Annotated[Path | None, typer.Option(help="The rules file; none: rules.yaml in the demo's folder.")] = None,
    mqtt_port: Annotated[
        int | None,
        typer.Option(envvar="AQUAVOLT_DEMO_MQTT_PORT", help="A broker on 127.0.0.1; none: one of the demo's."),
    ] = None,
    login: Annotated[bool, typer.Option("--login", help="Ask for accounts, as `run` does.")] = False,
) -> None:
    """Show a simulated campus with 35 days of history and hidden faults, live, on http://127.0.0.1:8000."""
    from aquavolt.child import ChildError
    from aquavolt.config.documents import ConfigError
    from aquavolt.config.settings import influx_only, load_settings
    from aquavolt.demo import Demo
    from aquavolt.program import ProgramError, listen
    from aquavolt.stores.lock import DataInUseError

    with told(ConfigError, ProgramError):
        found = load_settings(environment=influx_only(), data=data.resolve(), port=port, host="127.0.0.1", rules=rules)
        listening = listen("127.0.0.1", port)
    typer.echo(f"AquaVolt demo: simulated campus, seed {seed}, data in {data}")
    with told(ChildError, ConfigError, DataInUseError, OSError):
        made = Demo(found, seed, mqtt_port=mqtt_port, is_open=not login)
    try:
        with shown() as advance:
            _serve(made.setup, made.prologue(advance), listening)
    finally:
        made.close()


def stopped_by_signals(told: Callable[[], object] = lambda: None) -> asyncio.Event:
    """Set by SIGTERM or SIGINT; the running loop hears them."""
    import asyncio

    stop = asyncio.Event()

    def on_signal() -> None:
        told()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop


def _serve(
    setup: Setup,
    prologue: Callable[[Program], Awaitable[None]] | None,
    listening: socket.socket | None = None,
) -> None:
    import uvloop

    from alerts.errors import RecordsError
    from aquavolt.door import open_door
    from aquavolt.logs import set_up_logs
    from aquavolt.program import Program, ProgramError, listen
    from aquavolt.stores.lock import DataInUseError
    from collector.journal import JournalError
    from metering.ports import StoreUnavailableError

    set_up_logs()
    settings = setup.settings
    with told(ProgramError, DataInUseError, StoreUnavailableError, RecordsError, JournalError, OSError):
        listening = listening or listen(settings.host, settings.port)
        program = Program(setup)
    try:
        with told(ProgramError):
            said = None if setup.access is not None else open_door(program.records, settings)
    except Failure:
        program.close()
        listening.close()
        raise
    page = f"http://{settings.host}:{listening.getsockname()[1]}"
    typer.echo(f"page: {page}")
    if said:
        typer.echo(said)

    def ready() -> None:
        counts = program.records.count_alerts()
        typer.echo(f"history is judged; {counts.active} open alerts: {page}/")

    async def main() -> None:
        await program.run(stopped_by_signals(), listening, prologue=prologue, on_ready=ready)

    try:
        uvloop.run(main())
    finally:
        program.close()
    typer.echo("stopped; everything taken is saved")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(demo)
    app.command()(run)
