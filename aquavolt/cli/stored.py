"""`quarantine` and `move`: what InfluxDB has refused, and everything from the embedded store to InfluxDB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aquavolt.cli.failure import Failure, told
from aquavolt.cli.progress import shown

if TYPE_CHECKING:
    from aquavolt.stores.influx.settings import InfluxSettings
    from aquavolt.stores.refused import Refused
    from metering.site import Site

SiteFile = Annotated[Path | None, typer.Option("--site", help="The site file.")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="Folder of the program's data.")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings; none: aquavolt.yaml, if there is one.")
]

app = typer.Typer(help="Points that InfluxDB has refused for good.", no_args_is_help=True)


def _influx(site: Path | None, data: Path | None, settings: Path | None) -> tuple[InfluxSettings, Path, Site]:
    from aquavolt.config.documents import ConfigError, load_site
    from aquavolt.config.settings import load_settings

    with told(ConfigError):
        found = load_settings(settings, site=site, data=data)
        checked, _ = load_site(found.site)
    influx = found.influx_for(checked.id)
    if influx is None:
        raise Failure("no InfluxDB is given: set AQUAVOLT_INFLUX_URL, _TOKEN and _ORG, or `influx` in the settings")
    return influx, found.data, checked


@app.command("list")
def list_refused(
    site: SiteFile = None,
    data: DataFolder = None,
    settings: SettingsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a point.")] = False,
) -> None:
    """Show what was refused, oldest first, and why."""
    from aquavolt.stores.influx.local_file import LOCAL_FILE
    from aquavolt.stores.refused import refused
    from metering.ports import StoreUnavailableError

    _, folder, _ = _influx(site, data, settings)
    points = 0
    with told(StoreUnavailableError):
        for entry in refused(folder / LOCAL_FILE):
            points += len(entry.points)
            _show(entry, as_json=as_json)
    if not as_json:
        typer.echo(f"{points:,} points are set aside")


def _show(entry: Refused, *, as_json: bool) -> None:
    if not as_json:
        typer.echo(f"#{entry.number} {entry.at}: {len(entry.points):,} of {entry.measurement}: {entry.reason}")
    for point in entry.points:
        if as_json:
            said = {**point, "measurement": entry.measurement, "reason": entry.reason}
            typer.echo(json.dumps(said, ensure_ascii=False))
        else:
            typer.echo("    {meter} {quantity} {time} {value} (quality {quality})".format(**point))


@app.command("replay")
def replay_refused(site: SiteFile = None, data: DataFolder = None, settings: SettingsFile = None) -> None:
    """Write them again, e.g. after a field's type was mended; what is refused once more stays set aside."""
    from aquavolt.stores.refused import replay
    from metering.ports import StoreUnavailableError

    influx, folder, _ = _influx(site, data, settings)
    with told(StoreUnavailableError):
        done = replay(influx, folder)
    typer.echo(f"{done.points - done.left:,} of {done.points:,} points are written; {done.left:,} were refused again")


def move(
    site: SiteFile = None,
    data: DataFolder = None,
    settings: SettingsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Bring everything in the embedded store to InfluxDB, checked stretch by stretch; stopped, it goes on where it was.

    The program must not run meanwhile. The embedded store's file stays as it is.
    """
    from dataclasses import asdict

    from aquavolt.clock import utc_ms
    from aquavolt.moving import MoveError, move_store
    from aquavolt.stores.lock import DataInUseError
    from metering.ports import StoreUnavailableError

    influx, folder, _ = _influx(site, data, settings)
    with told(MoveError, DataInUseError, StoreUnavailableError, FileNotFoundError), shown() as advance:
        report = move_store(folder, influx, utc_ms(), advance)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
        return
    typer.echo("\n".join(report.lines()))


def register(main: typer.Typer) -> None:
    """Add the commands."""
    main.add_typer(app, name="quarantine")
    main.command()(move)
