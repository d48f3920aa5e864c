"""`drill`: drills begun, reported and ended from the machine itself. The program that runs the rules runs them."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aquavolt.cli.failure import Failure, told
from metering.drill_kinds import KINDS, DrillKind
from metering.quantities import WATER

if TYPE_CHECKING:
    from alerts.drills.book import DrillBook
    from alerts.drills.report import AlertReport
    from alerts.drills.values import Drill
    from alerts.values import Actor
    from aquavolt.config.settings import Settings

app = typer.Typer(help="Drills (演练): a simulated fault through the whole chain, and how long people took.",
                  no_args_is_help=True)  # fmt: skip
_LITRES = 1000.0
_LOOK_S = 1.0
_NOBODY = "no program that runs the rules is there"
_SIZES = "Litres per hour of water or kilowatts; none: as usual for the kind."

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings; none: aquavolt.yaml, if there is one.")
]
Data = Annotated[Path | None, typer.Option(help="The program's data folder.")]
SiteFile = Annotated[Path | None, typer.Option("--site", help="The site file; none: what the settings say.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DrillId = Annotated[str | None, typer.Argument(help="The drill's id; none: the one under way, else the latest.")]


@app.command()
def start(
    kind: Annotated[DrillKind, typer.Argument(help="What is simulated.")],
    node: Annotated[str, typer.Argument(help="Id of a place with a meter of the kind's medium.")],
    size: Annotated[float | None, typer.Option(help=_SIZES)] = None,
    speed: Annotated[int, typer.Option(help="Times the clock: 1, 10, 60, 240 or 720; above 1 on past readings.")] = 60,
    after_min: Annotated[int, typer.Option("--after", help="The fault begins after, minutes of the copy.")] = 0,
    lasts_h: Annotated[int | None, typer.Option("--lasts", help="Hours of the copy; none: until repaired.")] = None,
    limit_min: Annotated[int, typer.Option("--limit", help="It ends at the latest after, minutes of the clock.")] = 240,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Until it is over; then print the report.")] = False,
    site: SiteFile = None,
    settings: SettingsFile = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Begin one and print its id. Whoever would be told of a real fault is told, stamped DRILL 演练."""
    from alerts.drills.values import SPEEDS, DrillPlan
    from aquavolt.config.documents import load_site

    if speed not in SPEEDS:
        raise Failure(f"a copy does not run at {speed} times the clock; allowed: {', '.join(map(str, SPEEDS))}")
    limits = KINDS[kind]
    asked = limits.usual if size is None else size / (_LITRES if limits.medium == WATER else 1.0)
    plan = DrillPlan(
        kind=kind, node=node, meter="", medium="", size=asked, speed=speed, after_s=after_min * 60,
        lasts_s=None if lasts_h is None else lasts_h * 3600, limit_s=limit_min * 60, note=note,
    )  # fmt: skip
    with _book(settings, data, site) as (book, actor, found):
        drill = book.ask(plan, load_site(found.site)[0], actor)
        if not book.attendance().is_there:
            typer.echo(f"{_NOBODY}: {drill.id} begins once `aquavolt run` or `aquavolt watch` is", err=True)
            typer.echo(f"{drill.id} ends by itself where that takes longer than 3 minutes", err=True)
        if wait:
            _wait(book, drill.id)
            _print_report(book, drill.id, as_json=as_json)
            return
    typer.echo(json.dumps(_row(drill), ensure_ascii=False) if as_json else drill.id)


@app.command("list")
def list_drills(settings: SettingsFile = None, data: Data = None, as_json: AsJson = False) -> None:
    """Print the latest hundred, newest first, and whether a program is there that runs them."""
    with _book(settings, data) as (book, _, _):
        drills, attendance = book.list(), book.attendance()
    if as_json:
        typer.echo(json.dumps([_row(drill) for drill in drills], ensure_ascii=False))
        return
    for drill in drills:
        typer.echo("  ".join(_line(drill)))
    if not attendance.is_there:
        typer.echo(_NOBODY, err=True)


@app.command()
def report(
    drill: DrillId = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    settings: SettingsFile = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Print how long each step took, and what was allowed; also while it is under way."""
    with _book(settings, data) as (book, _, _):
        _print_report(book, _known(book, drill), as_json=as_json, as_csv=as_csv)


@app.command()
def repair(drill: DrillId = None, settings: SettingsFile = None, data: Data = None) -> None:
    """Say that the fault is mended; it ends once the copy's meters have cleared its alerts."""
    with _book(settings, data) as (book, actor, _):
        typer.echo(f"{book.repair(_known(book, drill), actor).id}: the fault is mended")


@app.command()
def stop(drill: DrillId = None, settings: SettingsFile = None, data: Data = None) -> None:
    """End it; its alerts are closed within seconds."""
    with _book(settings, data) as (book, actor, _):
        ended = book.stop(_known(book, drill), actor)
    typer.echo(f"{ended.id}: {'over' if ended.is_over else 'ends within seconds'}")


def _known(book: DrillBook, drill: str | None) -> str:
    """The one that is meant."""
    if drill is not None:
        return drill
    found = book.current() or next(iter(book.list()), None)
    if found is None:
        raise Failure("there has been no drill yet")
    return found.id


def _wait(book: DrillBook, drill: str) -> None:
    """Until it is over; what changes is said on stderr."""
    said = ""
    while True:
        found = book.get(drill)
        if (state := found.state.value) != said:
            typer.echo(f"{drill}: {state}", err=True)
            said = state
        if found.is_over:
            return
        time.sleep(_LOOK_S)


def _row(drill: Drill) -> dict[str, Any]:
    from api.drills.document import drill_document

    return drill_document(drill)


def _line(drill: Drill) -> tuple[str, ...]:
    plan, row = drill.plan, _row(drill)
    state = drill.state.value if drill.ending is None else drill.ending.value
    return (
        drill.id,
        state,
        plan.kind.value,
        plan.node,
        f"{plan.size:g} {row['unit']}",
        row["asked_at"],
        drill.asked_by,
    )


def _print_report(book: DrillBook, drill: str, *, as_json: bool, as_csv: bool = False) -> None:
    from api.drills.document import STAMP, report_csv, report_document

    found = book.report(drill)
    if as_json:
        typer.echo(json.dumps(report_document(found), ensure_ascii=False))
        return
    if as_csv:
        typer.echo(report_csv(found), nl=False)
        return
    typer.echo(f"{STAMP}  {'  '.join(_line(found.drill))}")
    if found.drill.detail:
        typer.echo(found.drill.detail)
    for one in found.alerts:
        typer.echo("\n".join(_alert_lines(one)))
    if not found.alerts:
        typer.echo("no alert of it was raised")


def _alert_lines(one: AlertReport) -> Iterator[str]:
    yield f"\n{one.alert.id}  {one.alert.node}  {one.alert.rule}  {one.alert.severity.value}"
    if one.detect_event_s is not None:
        yield f"  {'by the copy’s clock':<14} {_span(one.detect_event_s):>12}"
    for step in one.steps:
        allowed = "" if step.allowed_s is None else f"of {_span(step.allowed_s)}{', too late' if step.is_late else ''}"
        yield f"  {step.name:<14} {_span(step.seconds):>12}  {allowed:<24} {step.by}".rstrip()


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


@contextmanager
def _book(
    settings: Path | None, data: Path | None, site: Path | None = None
) -> Iterator[tuple[DrillBook, Actor, Settings]]:
    from alerts.drills.book import DrillBook
    from alerts.errors import AlertError, RecordsError
    from alerts.records import Records
    from alerts.values import Actor
    from aquavolt.config.documents import ConfigError
    from aquavolt.config.settings import load_settings

    with told(ConfigError, RecordsError, AlertError, OSError):
        found = load_settings(settings, site=site, data=data)
        if found.records is None and not (found.data / "records.db").exists():
            raise Failure(f"{found.data}: there are no records here; --data names the program's data folder")
        records = Records(found.records_url)
        try:
            records.migrate()
            yield DrillBook(records.database), Actor(f"cli:{getpass.getuser()}", "command line"), found
        finally:
            records.close()
