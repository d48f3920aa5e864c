"""`platform`: the repair platform's mapping tried out, how its messages stand, and sending again."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aquavolt.cli.failure import Failure, told

if TYPE_CHECKING:
    from alerts.platform.desk import PlatformDesk
    from alerts.values import Actor
    from aquavolt.config.settings import Settings
    from aquavolt.repair.settings import RepairPlatformSettings
    from metering.site import Site

app = typer.Typer(help="The repair platform: its mapping, its messages.", no_args_is_help=True)
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings; none: aquavolt.yaml, if there is one.")
]
Data = Annotated[Path | None, typer.Option(help="The program's data folder.")]


@app.command()
def show(
    event: Annotated[str, typer.Option(help="What happened to the order: created, assigned, done, ...")] = "created",
    read: Annotated[Path | None, typer.Option(help="An event of the platform (JSON): how it would be read.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Print a request as the settings would have it sent; nothing is sent."""
    from alerts.orders.values import OrderAction
    from alerts.values import utc_now
    from aquavolt.repair.trial import example_request, mapping_doubts, read_example

    found, platform, site = _settings(settings)
    if read is not None:
        with told(OSError, ValueError):
            said = read_example(platform, site, read.read_bytes())
        typer.echo(json.dumps(asdict(said), ensure_ascii=False, default=str, indent=2))
        return
    if event not in {action.value for action in OrderAction}:
        raise Failure(f"{event!r} is no event of an order; allowed: {', '.join(OrderAction)}")
    headers, body = example_request(platform, lambda: site, OrderAction(event), utc_now())
    typer.echo(f"POST {platform.shown}")
    for name, value in headers.items():
        typer.echo(f"{name}: {value}")
    typer.echo(f"\n{body}\n")
    typer.echo(f"events come to {found.page_url}/api/v1/platform/events")
    for doubt in mapping_doubts(platform, site):
        typer.echo(f"look at this: {doubt}", err=True)


@app.command()
def status(
    settings: SettingsFile = None,
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Print how many messages wait, since when, and what came in."""
    with _desk(settings, data) as (desk, _):
        figures = desk.figures()
    said = {
        "messages": {state.value: count for state, count in figures.sent.items()},
        "oldest_waiting": figures.oldest_waiting and figures.oldest_waiting.isoformat(),
        "events": {placing.value: count for placing, count in figures.received.items()},
    }
    if as_json:
        typer.echo(json.dumps(said))
        return
    typer.echo("messages: " + ", ".join(f"{n} {state.value}" for state, n in figures.sent.items()))
    if figures.oldest_waiting is not None:
        typer.echo(f"the oldest waits since {figures.oldest_waiting.isoformat()}")
    typer.echo("events: " + ", ".join(f"{n} {placing.value}" for placing, n in figures.received.items()))


@app.command()
def replay(
    message: Annotated[str | None, typer.Option(help="One message, by its id.")] = None,
    order: Annotated[int | None, typer.Option(help="Everything of this order, what was never told too.")] = None,
    since: Annotated[datetime | None, typer.Option(help="What was written from here on (the site's time) ...")] = None,
    until: Annotated[datetime | None, typer.Option(help="... up to here.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Of a range only what was refused for good.")] = False,
    settings: SettingsFile = None,
    data: Data = None,
) -> None:
    """Send messages again, with the ids they had; the running program sends them."""
    from alerts.errors import AlertError
    from alerts.platform.values import SentState

    if sum((message is not None, order is not None, since is not None and until is not None)) != 1:
        raise Failure("say one of --message ID, --order NUMBER, or --since TIME --until TIME")
    _, _, site = _settings(settings, data)
    with _desk(settings, data) as (desk, actor), told(AlertError):
        if message is not None:
            desk.replay(message, actor)
            count = 1
        elif order is not None:
            count = desk.replay_order(order, actor)
        else:
            start, end = (moment.replace(tzinfo=site.zone) for moment in (since, until) if moment is not None)
            count = desk.replay_range(start, end, actor, SentState.FAILED if failed else None)
    typer.echo(f"messages that go again: {count}")


def _settings(settings: Path | None, data: Path | None = None) -> tuple[Settings, RepairPlatformSettings, Site]:
    from aquavolt.config.documents import ConfigError, load_site
    from aquavolt.config.settings import load_settings

    with told(ConfigError):
        found = load_settings(settings, data=data)
        site, _ = load_site(found.site)
    if found.repair_platform is None:
        raise Failure("the settings name no `repair_platform`")
    return found, found.repair_platform, site


@contextmanager
def _desk(settings: Path | None, data: Path | None) -> Iterator[tuple[PlatformDesk, Actor]]:
    from alerts.errors import RecordsError
    from alerts.playbook import shipped_playbook
    from alerts.records import Records
    from alerts.values import Actor
    from aquavolt.repair.mirror import PlatformGround, desk_of

    found, platform, site = _settings(settings, data)
    with told(RecordsError, OSError):
        if found.records is None and not (found.data / "records.db").exists():
            raise Failure(f"{found.data}: there are no records here; --data names the program's data folder")
        records = Records(found.records_url)
        try:
            records.migrate()
            ground = PlatformGround(platform, lambda: site, records.database, found.page_url, shipped_playbook())
            yield desk_of(ground), Actor(f"cli:{getpass.getuser()}", "command line")
        finally:
            records.close()
