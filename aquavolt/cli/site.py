"""`site`: a campus's list of meters into its site file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aquavolt.cli.failure import Failure, told

if TYPE_CHECKING:
    from aquavolt.meter_list.importing import Imported

app = typer.Typer(help="The site file: a campus's list of meters into it.", no_args_is_help=True)


@app.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="The list: Excel or CSV, a row a meter.")],
    into: Annotated[
        Path | None, typer.Option(help="The site file; made where it is not there. Without it nothing is written.")
    ] = None,
    skip_faulty: Annotated[
        bool, typer.Option("--skip-faulty", help="Write the rows that are right though others are not.")
    ] = False,
    site_id: Annotated[str, typer.Option(help="Of a new site file.")] = "campus",
    name: Annotated[str, typer.Option(help="Of a new site file.")] = "校园",
    timezone: Annotated[str, typer.Option(help="Of a new site file.")] = "Asia/Shanghai",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as a JSON object.")] = False,
) -> None:
    """Take over a campus's list of meters. Every cell that cannot be right is told, with sheet, row and column.

    What stands in the site file stays, comments too; meters that are there get what the list says otherwise.
    """
    from aquavolt.config.documents import ConfigError
    from aquavolt.meter_list.importing import NewSite, write_site
    from aquavolt.meter_list.importing import import_list as read
    from device_profiles.table import TableError

    with told(TableError, ConfigError, OSError):
        imported = read(file, into, NewSite(site_id, name, timezone))
        is_written = into is not None and (skip_faulty or not imported.faults)
        if is_written and into is not None:
            write_site(imported, into)
    if as_json:
        typer.echo(_json(imported, is_written=is_written))
    else:
        _tell(imported, file)
    if imported.faults and not is_written:
        raise Failure(f"{file}: {len(imported.faults)} faults; nothing is written")
    if not as_json:
        typer.echo(_sum(imported) + (f": {into}" if is_written else "; nothing is written, for want of --into"))


def _tell(imported: Imported, file: Path) -> None:
    for fault in imported.faults:
        typer.echo(f"{file.name} {fault}", err=True)
    for note in imported.notes:
        typer.echo(f"{file.name} {note}", err=True)


def _sum(imported: Imported) -> str:
    return (
        f"{imported.new_meters} meters and {imported.new_nodes} places new, {imported.changed_meters} meters changed, "
        f"{imported.unchanged_meters} as they were"
    )


def _json(imported: Imported, *, is_written: bool) -> str:
    said = asdict(imported)
    said.pop("text")
    return json.dumps({**said, "written": is_written}, ensure_ascii=False)


@app.command()
def template(
    out: Annotated[Path, typer.Argument(help="The file to write, .xlsx or .csv; an existing one is kept.")],
    english: Annotated[bool, typer.Option("--english", help="English columns; without it Chinese ones.")] = False,
) -> None:
    """Write an empty meter list to fill in."""
    from aquavolt.meter_list.template import write_template

    with told(OSError):
        write_template(out, is_english=english)
    typer.echo(f"{out}: fill it in, then: aquavolt site import {out} --into site.yaml")
