"""`aquavolt check`: are the files right, before anything starts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aquavolt.cli.failure import told

if TYPE_CHECKING:
    from aquavolt.config.settings import Settings


def check(
    site: Annotated[Path | None, typer.Option(help="The site file; none: what the settings say.")] = None,
    rules: Annotated[Path | None, typer.Option(help="The rules file.")] = None,
    settings: Annotated[Path | None, typer.Option(help="Settings; none: aquavolt.yaml, if there is one.")] = None,
) -> None:
    """Check settings, site, rules and playbook files: every fault with file, line, key and what is allowed."""
    from aquavolt.config.documents import ConfigError, load_playbook, load_rules, load_site
    from aquavolt.config.doubts import doubts
    from aquavolt.config.settings import load_settings
    from aquavolt.pulling.sources import doubts_of
    from aquavolt.repair.trial import mapping_doubts
    from aquavolt.sign_in.places import unknown_places

    with told(ConfigError):
        found = load_settings(settings, site=site, rules=rules)
        checked, _ = load_site(found.site)
        load_rules(found.rules, checked)
        load_playbook(found.playbook)
        if faults := list(unknown_places(found, checked)):
            raise ConfigError("\n".join(faults))
    media = Counter(m.medium for m in checked.meters.values())
    typer.echo(f"{found.site}: {len(checked.nodes)} places, {len(checked.meters)} meters ({_counted(media)})")
    connected = sum(m.connection is not None for m in checked.meters.values())
    typer.echo(f"{connected} meters have a connection and will be read")
    if lonely := [m.id for m in checked.meters.values() if m.node is None]:
        typer.echo(f"without a place (alerts cannot say where): {', '.join(lonely[:10])}{' ...' * (len(lonely) > 10)}")  # noqa: PLR2004
    if found.sign_in:
        _tell_ways(found)
    platform = found.repair_platform
    for doubt in [*doubts(checked), *([] if platform is None else mapping_doubts(platform, checked))]:
        typer.echo(f"look at this: {doubt}")
    for doubt in doubts_of(found.pull, checked):
        typer.echo(f"look at this: {doubt}")
    typer.echo("everything is in order")


def _tell_ways(settings: Settings) -> None:
    """Where people may sign in. A provider that is down is no fault of the files: it is said, and no more."""
    from aquavolt.sign_in.ways import unreachable

    for way, trouble in unreachable(settings):
        typer.echo(f"sign-in with {way}: {trouble or 'answers'}")


def _counted(media: Counter[str]) -> str:
    return ", ".join(f"{count} {medium}" for medium, count in media.most_common())


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)
