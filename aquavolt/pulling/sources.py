"""The pulled sources that the settings describe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo

from aquavolt.config.pull_settings import FilesPull, PullSettings, SqlPull
from collector.counts import Counts
from collector.journal import Journal
from collector.pull.files import CsvFiles, FileSettings
from collector.pull.form import Form
from collector.pull.puller import Puller
from collector.pull.source import PullSource
from metering.site import Meter, Site


def pullers_of(settings: PullSettings, site: Site, journal: Journal, counts: Counts) -> list[Puller]:
    """One a source; none is started."""
    made = ((name, one, form_of(one, site)) for name, one in settings.sources().items())
    return [Puller(name, source_of(one, form), form, journal, counts, one.every_s) for name, one, form in made]


def form_of(settings: FilesPull | SqlPull, site: Site) -> Form:
    """How the source's rows are read."""
    columns = settings.columns
    zone = site.zone if settings.timezone is None else ZoneInfo(settings.timezone)
    ours = {named: m.id for m in site.meters.values() if (named := _name_of(m, settings.match))}
    given = {theirs: meter for theirs, meter in settings.meters.items() if meter in site.meters}
    return Form(
        meters=ours | given,
        zone=zone,
        meter=columns.meter,
        time=columns.time,
        values={column: name for name, column in columns.values.items()},
        quantity=columns.quantity or "",
        value=columns.value or "",
        quality=columns.quality or "",
        scale=settings.scale,
        time_format=settings.time_format,
    )


def _name_of(meter: Meter, match: str) -> str:
    return str(getattr(meter, match) or "")


def source_of(settings: FilesPull | SqlPull, form: Form) -> PullSource:
    """The source; nothing is opened yet."""
    if isinstance(settings, FilesPull):
        files = FileSettings(settings.path, form.columns)
        return CsvFiles(
            replace(
                files, pattern=settings.pattern, encoding=settings.encoding, delimiter=settings.delimiter,
                settle_s=settings.settle_s,
            )
        )  # fmt: skip
    from aquavolt.pulling.sql import SqlSettings, SqlTable, parse_url  # noqa: PLC0415 - loads a library few need

    password = None if settings.password is None else settings.password.get_secret_value()
    start = settings.start if settings.start.tzinfo else settings.start.replace(tzinfo=form.zone)
    url = parse_url(settings.url.get_secret_value(), password)
    return SqlTable(SqlSettings(url, settings.query, start, settings.overlap), form)


def doubts_of(settings: PullSettings, site: Site) -> Iterator[str]:
    """What of the sources can hardly be meant."""
    for name, one in settings.sources().items():
        if lost := sorted({m for m in one.meters.values() if m not in site.meters}):
            yield f"pull {name}: the site has no meter {', '.join(lost[:10])}"
        shared = [m for m in site.meters.values() if _name_of(m, one.match)]
        if len({_name_of(m, one.match) for m in shared}) < len(shared):
            yield f"pull {name}: several meters have one {one.match}; the last of them is taken"
        if not one.meters and not shared:
            yield f"pull {name}: no meter of the site has a {one.match}"
