"""`head-counts`: beds and people of places, from a CSV file a term into the records."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer

from aquavolt.cli.failure import Failure, told

app = typer.Typer(help="Beds and people of places, dated, from a CSV file each term.", no_args_is_help=True)


@app.command("import")
def import_counts(
    file: Annotated[Path, typer.Argument(help="CSV: node,from,beds,people (UTF-8 or GBK).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and write nothing.")] = False,
    site: Annotated[Path | None, typer.Option(help="The site file; none: what the settings say.")] = None,
    settings: Annotated[Path | None, typer.Option(help="Settings; none: aquavolt.yaml, if there is one.")] = None,
    data: Annotated[Path | None, typer.Option(help="The program's data folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as a JSON object.")] = False,
) -> None:
    """Take head-counts, also while the program runs. Each bad row is named with its line; the others are taken."""
    from alerts.errors import AlertError, RecordsError
    from alerts.head_counts import HeadCountBook
    from alerts.records import Records
    from alerts.values import Actor
    from api.head_counts.taking import take, taken_document
    from api.head_counts.words import fault_text
    from aquavolt.config.documents import ConfigError, load_site
    from aquavolt.config.settings import load_settings
    from metering.head_counts import read_count_table

    with told(ConfigError, RecordsError, AlertError, OSError):
        found = load_settings(settings, site=site, data=data)
        checked, _ = load_site(found.site)
        table = read_count_table(file.read_bytes(), checked.nodes)
        if found.records is None:
            found.data.mkdir(parents=True, exist_ok=True)
        records = Records(found.records_url)
        try:
            records.migrate()
            actor = None if dry_run else Actor(f"cli:{getpass.getuser()}", "command line")
            taken = take(HeadCountBook(records.database), table, actor, file.name)
        finally:
            records.close()
    for fault in taken.faults:
        column = f"{fault.column}: " if fault.column else ""
        typer.echo(f"{file}:{fault.line}: {column}{fault_text(fault)}", err=True)
    if as_json:
        typer.echo(json.dumps(taken_document(taken, checked), ensure_ascii=False))
    else:
        said = "would change" if dry_run else "taken"
        typer.echo(f"{file}: {len(taken.changes)} {said}, {taken.unchanged} as before, {len(taken.faults)} refused")
    if taken.faults and not table.rows:
        raise Failure(f"{file}: no row could be taken")


def register(app_: typer.Typer) -> None:
    """Add the commands."""
    app_.add_typer(app, name="head-counts")
