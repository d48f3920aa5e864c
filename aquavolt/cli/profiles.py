"""`profiles`: which meters are known, what one of them says, and a new one from a data sheet's table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from aquavolt.cli.failure import Failure, told

app = typer.Typer(help="Device profiles: the meters that are known, and new ones.", no_args_is_help=True)


@app.command("list")
def list_all(
    search: Annotated[str, typer.Argument(help="Words that must stand in id, maker, model, protocol or medium.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List the profiles."""
    from dataclasses import asdict

    from device_profiles.catalogue import catalogue

    entries = [e for e in catalogue() if e.matches(search)]
    if as_json:
        typer.echo(json.dumps([asdict(e) for e in entries], ensure_ascii=False))
        return
    for entry in entries:
        flag = "  (low confidence: needs --allow-low-confidence)" if entry.confidence == "low" else ""
        models = ", ".join(entry.models)
        typer.echo(f"{entry.id:<28} {entry.protocol:<10} {entry.medium:<12} {entry.manufacturer}: {models}{flag}")


@app.command()
def show(profile: Annotated[str, typer.Argument(help="Profile id, e.g. eastron-sdm630.")]) -> None:
    """Show one profile: serial settings, sources, and every value with its place."""
    from device_profiles import ProfileError, load_profile
    from device_profiles.catalogue import full_text

    with told(ProfileError):
        typer.echo(full_text(load_profile(profile, allow_low_confidence=True)))


@app.command()
def new(
    table: Annotated[
        Path, typer.Argument(help="CSV or Excel: a row a value; columns name, address, type, unit, scale.")
    ],
    profile: Annotated[str, typer.Option("--id", help="maker-model in lower case with hyphens.")],
    manufacturer: Annotated[str, typer.Option(help="The maker.")],
    model: Annotated[str, typer.Option(help="The model, as printed on the meter.")],
    out: Annotated[Path, typer.Option(help="The file to write; an existing one is kept.")],
    word_order: Annotated[Literal["msw_first", "lsw_first"], typer.Option(help="Which word of a value comes first.")],
    medium: Annotated[
        Literal["electricity", "water", "gas", "heat", "other"], typer.Option(help="What it measures.")
    ] = "electricity",
    base: Annotated[
        int, typer.Option(min=0, help="The number the maker gives to wire address 0: 0, 1, 40001, ...")
    ] = 0,
    function: Annotated[int, typer.Option(min=3, max=4, help="Function code where the table has none.")] = 3,
    skip_faulty: Annotated[
        bool, typer.Option("--skip-faulty", help="Leave out the rows that cannot be right, and tell them.")
    ] = False,
) -> None:
    """Begin a profile from a data sheet's table. Every row that cannot be right is told."""
    from device_profiles.drafting import Draft, draft_profile
    from device_profiles.sheet import SheetError, read_sheet

    draft = Draft(profile, manufacturer, model, medium, word_order, base, function)
    with told(SheetError, ending="" if skip_faulty else "\nnothing is written; --skip-faulty leaves these rows out"):
        tell = (lambda fault: typer.echo(f"left out: {fault}", err=True)) if skip_faulty else None
        text = draft_profile(read_sheet(table), draft, table.name, on_left_out=tell)
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Failure(f"{out}: cannot be written: {error.strerror}") from error
    points = text.count("\n  - {")
    typer.echo(
        f"{out}: {points} values. Compare each with the display: aquavolt probe --decode-all helps; add a vector."
    )
