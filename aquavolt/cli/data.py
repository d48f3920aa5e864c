"""`import`, `export`, `backtest`: readings in files."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aquavolt.cli.failure import Failure, told
from aquavolt.cli.progress import shown

if TYPE_CHECKING:
    import numpy as np

    from aquavolt.backtesting import Source
    from aquavolt.stores.influx.settings import InfluxSettings
    from metering.entries import HeadCounts
    from metering.site import Site
    from rules.settings import RulesSettings

SiteFile = Annotated[Path, typer.Option(help="The site file.")]
DataFolder = Annotated[Path, typer.Option(help="Folder of the program's data.")]
Moment = Annotated[str | None, typer.Option(help="ISO 8601 time or day; without an offset on the site's clock.")]


def import_readings(
    file: Annotated[Path, typer.Argument(help="meter,quantity,time,value as .csv, .csv.gz or .parquet.")],
    site: SiteFile = Path("site.yaml"),
    data: DataFolder = Path("data"),
    strict: Annotated[bool, typer.Option("--strict", help="Take nothing if any row is wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Take readings from a file; they are judged like any other. Bad rows are named and left out."""
    from aquavolt.config.documents import ConfigError, load_site
    from aquavolt.config.settings import load_settings
    from aquavolt.importing import journal_of, posted_to
    from aquavolt.longform.faults import LongFormError
    from aquavolt.longform.reading import import_file
    from aquavolt.pushing.link import LinkError
    from aquavolt.setup import ProgramError
    from aquavolt.stores.lock import DataInUseError
    from collector.journal import JournalError
    from metering.ports import StoreUnavailableError

    faults = (ConfigError, LongFormError, StoreUnavailableError, JournalError, DataInUseError, LinkError, ProgramError)
    with told(*faults, OSError):
        checked, _ = load_site(site)
        watch = load_settings().watch
        taker = posted_to(watch) if watch is not None else journal_of(data, _influx(checked))
        with taker as submit, shown() as advance:
            report = import_file(checked, file, submit, advance, is_strict=strict)
    for line in report.lines():
        typer.echo(line, err=True)
    said = {"file": str(file), "readings": report.rows, "bad_rows": report.faults.count}
    typer.echo(
        json.dumps(said) if as_json else f"{file}: {report.rows:,} readings taken, {report.faults.count:,} bad rows"
    )
    if not report.rows and report.faults.count:
        raise typer.Exit(1)


def export_readings(
    out: Annotated[Path, typer.Argument(help="File to write: .csv, .csv.gz or .parquet.")],
    site: SiteFile = Path("site.yaml"),
    data: DataFolder = Path("data"),
    meter: Annotated[list[str] | None, typer.Option(help="Only this meter; may be given several times.")] = None,
    quantity: Annotated[list[str] | None, typer.Option(help="Only this quantity; may be given several times.")] = None,
    start: Moment = None,
    end: Moment = None,
) -> None:
    """Write stored readings to a file, also while the program runs."""
    from aquavolt.config.documents import ConfigError, load_site
    from aquavolt.longform.faults import LongFormError
    from aquavolt.longform.writing import export_file
    from aquavolt.stores.opening import open_stores
    from metering.ports import StoreUnavailableError

    with told(ConfigError, LongFormError, StoreUnavailableError, OSError, ValueError):
        checked, _ = load_site(site)
        with open_stores(data, influx=_influx(checked)) as opened, shown() as advance:
            # A meter that the site no longer has may still have readings.
            if lost := set(meter or ()) - set(checked.meters) - set(opened.store.latest().meters):
                raise Failure(f"no meter of the site or the store: {', '.join(sorted(lost))}")
            report = export_file(
                opened.store,
                out,
                checked.zone,
                meters=meter or None,
                quantities=quantity or None,
                start=_moment(start, checked),
                end=_moment(end, checked),
                progress=advance,
            )
    typer.echo(f"{report.path}: {report.rows:,} readings")


def backtest(
    out: Annotated[Path, typer.Option(help="Alerts, one JSON object a line; with --compare what differs, as JSON.")],
    site: SiteFile = Path("site.yaml"),
    readings: Annotated[Path | None, typer.Option(help="Readings file; none: what is stored in --data.")] = None,
    data: DataFolder = Path("data"),
    rules: Annotated[Path | None, typer.Option(help="The rules file; none: the documented defaults.")] = None,
    findings: Annotated[Path | None, typer.Option(help="Also every finding, one JSON object a line.")] = None,
    compare: Annotated[Path | None, typer.Option(help="Other rules: which alerts appear, disappear, change.")] = None,
    head_counts: Annotated[Path | None, typer.Option(help="CSV of node,from,beds,people: rooms' dated counts.")] = None,
    start: Moment = None,
    end: Moment = None,
) -> None:
    """Judge readings as a live system would have, seeing only the past, and write the alerts it would have raised."""
    from aquavolt.backtesting import Span, stored_or_file, write_backtest
    from aquavolt.config.documents import ConfigError, load_rules, load_site
    from aquavolt.longform.faults import LongFormError
    from metering.ports import StoreUnavailableError

    if compare is not None and findings is not None:
        raise Failure("--findings and --compare do not go together")
    with told(ConfigError, LongFormError, StoreUnavailableError, OSError):
        checked, _ = load_site(site)
        judged = load_rules(rules, checked)
        others = None if compare is None else load_rules(compare, checked)
        span = Span(_moment(start, checked), _moment(end, checked))
        counts = None if head_counts is None else _head_counts(head_counts, checked)
        with shown() as advance, stored_or_file(checked, readings, data, advance, _influx(checked), span) as source:
            source.counts = counts
            if others is None:
                count = write_backtest(checked, judged, source, out, findings)
                said = f"{out}: {count.alerts} alerts of {count.readings:,} readings"
            else:
                said = _compared(checked, (judged, others), (str(rules or "defaults"), str(compare)), source, out)
    for line in source.report():
        typer.echo(line, err=True)
    typer.echo(said)


def _compared(
    site: Site, rules: tuple[RulesSettings, RulesSettings], names: tuple[str, str], source: Source, out: Path
) -> str:
    """The comparison, written and as a table."""
    from rich.console import Console
    from rich.table import Table

    from aquavolt.comparing import write_comparison

    compared = write_comparison(site, rules, names, source, out)
    table = Table("what", "from - to", "rule", "place", "severity", title=f"{names[0]} -> {names[1]}")
    for row in compared.rows():
        table.add_row(*row)
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table)
    drawn = captured.get() if table.row_count else ""
    return f"{drawn}{out}: {compared.headline}"


def _head_counts(file: Path, site: Site) -> HeadCounts:
    """The counts of a file, known before the first reading; bad rows are named and left out."""
    import numpy as np

    from api.head_counts.words import fault_text
    from metering.entries import HeadCounts
    from metering.head_counts import read_count_table

    table = read_count_table(file.read_bytes(), site.nodes)
    for fault in table.faults:
        typer.echo(f"{file}:{fault.line}: {fault_text(fault)}", err=True)
    return HeadCounts(np.datetime64(0, "ms"), 1, tuple(count for _, count in table.rows))


def _influx(site: Site) -> InfluxSettings | None:
    """Where the settings say that InfluxDB is the store: how to reach it."""
    from aquavolt.config.settings import load_settings

    return load_settings().influx_for(site.id)


def _moment(text: str | None, site: Site) -> np.datetime64 | None:
    from metering.batch import to_ms

    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failure(f"{text!r} is no time; write it like 2026-11-01 or 2026-11-01T08:00+08:00") from error
    return to_ms(given if given.tzinfo else given.replace(tzinfo=site.zone))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("import")(import_readings)
    app.command("export")(export_readings)
    app.command()(backtest)
