"""`collect`, `watch` and `serve`: the services that share one InfluxDB."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aquavolt.cli.failure import Failure, told
from aquavolt.cli.service import Data, Port, SettingsFile, stopped_by_signals

if TYPE_CHECKING:
    import socket

    from aquavolt.setup import Setup

SiteFile = Annotated[Path | None, typer.Option("--site", help="The site file; the same for all services.")]
RulesFile = Annotated[Path | None, typer.Option(help="The rules file; none: the documented defaults.")]


def collect(
    site: SiteFile = None,
    data: Data = None,
    name: Annotated[str | None, typer.Option(help="This collector's name; each of a site has its own.")] = None,
    node: Annotated[list[str] | None, typer.Option(help="Read the meters of this node and below; none: all.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Read meters into the journal, and hand them on to InfluxDB and to `watch`."""
    from aquavolt.services.collect import Collect

    setup = _setup(settings, site=site, data=data, collector=_given(name=name, nodes=node or None))
    with _opened():
        program = Collect(setup)
    typer.echo(f"collector {program.name}: journal in {program.setup.settings.data}")
    _run(program.run, program.close)


def watch(
    site: SiteFile = None,
    data: Data = None,
    listen: Annotated[
        str | None, typer.Option(help="HOST:PORT for collectors and `serve`; none: as in the URL.")
    ] = None,
    rules: RulesFile = None,
    settings: SettingsFile = None,
    forget: Annotated[
        list[str] | None, typer.Option(help="Free the meters of a collector that will not return, and end.")
    ] = None,
) -> None:
    """Judge what collectors push, and tell people."""
    from aquavolt import http_server
    from aquavolt.services.footing import watch_of
    from aquavolt.services.watch import Watch

    setup = _setup(settings, site=site, data=data, rules=rules, watch=_given(listen=listen))
    if forget:
        _forget(setup, forget)
        return
    with _opened():
        listening = http_server.listen(*watch_of(setup).address, "--listen")
        program = Watch(setup)
    _run(program.run, program.close, listening)


def _forget(setup: Setup, collectors: list[str]) -> None:
    from aquavolt.services import forgetting

    with _opened():
        found = forgetting.forget(setup, collectors)
    for collector, was_known in found.items():
        typer.echo(f"collector {collector}: {'its meters are free' if was_known else 'not known here'}")


def serve(
    site: SiteFile = None,
    data: Data = None,
    port: Port = None,
    host: Annotated[str | None, typer.Option(help="Loopback only, until there are accounts.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Serve the API and the pages."""
    from aquavolt.door import open_door
    from aquavolt.http_server import listen
    from aquavolt.services.serve import Serve

    setup = _setup(settings, site=site, data=data, port=port, host=host)
    with _opened():
        listening = listen(setup.settings.host, setup.settings.port)
        program = Serve(setup)
    try:
        with _opened():
            said = open_door(program.records, setup.settings)
    except Failure:
        program.close()
        listening.close()
        raise
    if said:
        typer.echo(said)
    _run(program.run, program.close, listening, "page: http://{}")


def _given(**values: Any) -> dict[str, Any] | None:
    return {key: value for key, value in values.items() if value is not None} or None


def _setup(settings: Path | None, **given: Any) -> Setup:
    from aquavolt.config.documents import ConfigError, load_playbook, load_rules, load_site
    from aquavolt.config.settings import load_settings
    from aquavolt.setup import Setup

    with told(ConfigError):
        found = load_settings(settings, **given)
        site, _ = load_site(found.site)
        return Setup(found, site, load_rules(found.rules, site), load_playbook(found.playbook))


@contextmanager
def _opened() -> Iterator[None]:
    from alerts.errors import RecordsError
    from aquavolt.logs import set_up_logs
    from aquavolt.setup import ProgramError
    from aquavolt.stores.lock import DataInUseError
    from collector.journal import JournalError
    from metering.ports import StoreUnavailableError

    set_up_logs()
    with told(ProgramError, DataInUseError, StoreUnavailableError, RecordsError, JournalError):
        yield


Run = Callable[..., Coroutine[Any, Any, None]]


def _run(
    run: Run, close: Callable[[], None], listening: socket.socket | None = None, told_at: str = "listening on {}"
) -> None:
    """Run a service until a signal; where it listens, it says so."""
    import uvloop

    from aquavolt.notify import notify

    def ready() -> None:
        notify("READY=1")
        typer.echo("ready")

    async def main() -> None:
        stop = stopped_by_signals(lambda: notify("STOPPING=1"))
        await run(stop, *([] if listening is None else [listening]), on_ready=ready)

    if listening is not None:
        host, port = listening.getsockname()[:2]
        typer.echo(told_at.format(f"[{host}]:{port}" if ":" in host else f"{host}:{port}"))
    try:
        uvloop.run(main())
    finally:
        close()
    typer.echo("stopped; everything taken is saved")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (collect, watch, serve):
        app.command()(command)
