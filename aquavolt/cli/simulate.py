"""`simulate`: a campus as files, or one meter on a socket."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from aquavolt.cli.failure import told
from aquavolt.cli.progress import shown

app = typer.Typer(help="Simulated campuses and meters, for trials and development.", no_args_is_help=True)
_PARTS = 1000


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
