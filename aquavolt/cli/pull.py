"""`pull`: a source of the settings, read once to see what it gives."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aquavolt.cli.failure import Failure, told

if TYPE_CHECKING:
    from collector.pull.form import PulledReading
    from collector.pull.source import Fault

_NAMED = 20


def pull(
    name: Annotated[str, typer.Argument(help="The source, as the settings name it under `pull`.")],
    rows: Annotated[int, typer.Option(min=1, help="About how many rows are looked at.")] = 10_000,
    shown: Annotated[int, typer.Option(min=0, help="How many readings are printed.")] = 10,
    site: Annotated[Path | None, typer.Option(help="The site file; none: what the settings say.")] = None,
    settings: Annotated[Path | None, typer.Option(help="Settings; none: aquavolt.yaml, if there is one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Read a source from its beginning and show what it gives. Nothing is stored, and no position is moved."""
    from aquavolt.config.documents import ConfigError, load_site
    from aquavolt.config.settings import load_settings
    from aquavolt.pulling.sources import doubts_of, form_of, source_of
    from collector.pull.puller import try_once
    from collector.pull.source import SourceError

    with told(ConfigError, SourceError, OSError):
        found = load_settings(settings, site=site)
        checked, _ = load_site(found.site)
        sources = found.pull.sources()
        if name not in sources:
            raise Failure(
                f"the settings have no source {name!r} under `pull`; they have: {', '.join(sources) or 'none'}"
            )
        form = form_of(sources[name], checked)
        readings, faults, looked = try_once(source_of(sources[name], form), form, datetime.now(UTC), rows)
    for doubt in doubts_of(found.pull, checked):
        typer.echo(f"look at this: {doubt}", err=True)
    for fault in faults[:_NAMED]:
        typer.echo(f"{fault.where}: {fault.message}", err=True)
    lines = [_line(reading) for reading in readings[:shown]]
    said = {"source": name, "rows": looked, "readings": len(readings), "bad": len(faults)}
    if as_json:
        typer.echo(json.dumps({**said, "first": lines, "faults": _told(faults)}, ensure_ascii=False))
    else:
        for line in lines:
            typer.echo("  ".join(map(str, line.values())))
        typer.echo(
            f"{name}: {looked:,} rows give {len(readings):,} readings, {len(faults):,} faults; nothing is stored"
        )
    if faults and not readings:
        raise Failure(f"{name}: no reading could be taken")


def _line(reading: PulledReading) -> dict[str, Any]:
    from metering.quantities import BY_CODE

    kind = BY_CODE[reading.code]
    time = datetime.fromtimestamp(reading.ms / 1000, UTC).isoformat()
    return {"meter": reading.meter, "quantity": kind.name, "time": time, "value": reading.value, "unit": kind.unit}


def _told(faults: list[Fault]) -> list[dict[str, str]]:
    return [{"where": f.where, "kind": f.kind, "message": f.message} for f in faults[:_NAMED]]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(pull)
