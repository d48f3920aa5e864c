"""`user`: accounts, from the machine itself. It works while the program runs, and when nobody can sign in any more."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alerts.users.roles import WHOLE_SITE, Role
from aquavolt.cli.failure import Failure, told

if TYPE_CHECKING:
    from alerts.users.users import Users
    from alerts.users.values import Account
    from alerts.values import Actor
    from aquavolt.config.settings import Settings

_SHOWN = 20
app = typer.Typer(help="Accounts: who may sign in, in which role, to which part of the site.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The account's name.")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings; none: aquavolt.yaml, if there is one.")
]
Data = Annotated[Path | None, typer.Option(help="The program's data folder.")]
HandTo = Annotated[str | None, typer.Option(help="Who takes over its open alerts; none: nobody has them any more.")]


@app.command()
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the account may do.")],
    node: Annotated[list[str] | None, typer.Option(help="A part of the site, with all below; none: all of it.")] = None,
    settings: SettingsFile = None,
    data: Data = None,
) -> None:
    """Make an account and print its one-time password; it is changed at the first sign-in."""
    with _users(settings, data) as (users, actor, found):
        if node:
            _check_nodes(found, node)
        _tell_password(name, users.accounts.add(name, role, node or [WHOLE_SITE], actor))


@app.command("list")
def list_accounts(
    settings: SettingsFile = None,
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Print the accounts: role, parts of the site, state, last sign-in, open alerts it has."""
    with _users(settings, data) as (users, _, _):
        rows = [_row(account, users) for account in users.accounts.list(with_deleted=True)]
    for row in rows if not as_json else ():
        parts = ", ".join(row["nodes"]).replace(WHOLE_SITE, "whole site")
        seen = row["signed_in_at"] or "never signed in"
        held = f"{len(row['open_alerts'])} open alerts"
        typer.echo("  ".join((row["name"], row["role"], parts, row["state"], seen, held)))
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))


def _row(account: Account, users: Users) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role.value,
        "nodes": list(account.nodes),
        "state": account.state.value,
        "must_change_password": account.must_change,
        "signed_in_at": account.signed_in_at.isoformat() if account.signed_in_at else None,
        "open_alerts": [alert.id for alert in users.leaving.held_by(account.name)],
    }


@app.command()
def disable(name: Name, hand_to: HandTo = None, settings: SettingsFile = None, data: Data = None) -> None:
    """Let the account in no more: its sessions and tokens end, its open alerts are handed on."""
    from alerts.users.values import AccountState

    _leave(name, AccountState.DISABLED, hand_to, settings, data)


@app.command()
def delete(name: Name, hand_to: HandTo = None, settings: SettingsFile = None, data: Data = None) -> None:
    """The same for good. The name stays in the audit trail and is never given again."""
    from alerts.users.values import AccountState

    _leave(name, AccountState.DELETED, hand_to, settings, data)


@app.command()
def enable(name: Name, settings: SettingsFile = None, data: Data = None) -> None:
    """Let a disabled account in again, with a new one-time password."""
    with _users(settings, data) as (users, actor, _):
        _tell_password(name, users.leaving.enable(name, actor))


@app.command()
def password(name: Name, settings: SettingsFile = None, data: Data = None) -> None:
    """Give the account a new one-time password; it is signed out everywhere."""
    with _users(settings, data) as (users, actor, _):
        _tell_password(name, users.leaving.give_password(name, actor))


@app.command()
def token(
    name: Name,
    scope: Annotated[list[str], typer.Option(help="What it opens, e.g. alerts.read; may be given several times.")],
    label: Annotated[str, typer.Option(help="What it is for.")] = "made on the command line",
    days: Annotated[int, typer.Option(help="How long it is good.")] = 365,
    settings: SettingsFile = None,
    data: Data = None,
) -> None:
    """Make an API token of the account and print it, this once."""
    with _users(settings, data) as (users, actor, _):
        secret, _info = users.tokens.make(name, label, scope, days, actor)
    typer.echo(secret)


def _leave(name: str, to: str, hand_to: str | None, settings: Path | None, data: Path | None) -> None:
    from alerts.users.values import AccountState

    with _users(settings, data) as (users, actor, found):
        held = users.leaving.held_by(name)
        if hand_to:
            _check_heir(users, name, hand_to, found)
        users.leaving.leave(name, AccountState(to), actor, heir=hand_to)
    whose = f"now {hand_to}'s" if hand_to else "nobody's again"
    typer.echo(f"{name}: {to}" + (f"; {len(held)} open alerts are {whose}" if held else ""))


def _check_heir(users: Users, name: str, heir: str, settings: Settings) -> None:
    """As on the page: one who does not see an alert must not get it. Without a site file the place is not asked."""
    from alerts.users.able import heirs_of
    from alerts.users.errors import AccountRefusedError, Refusal
    from aquavolt.config.documents import ConfigError, load_site

    if not settings.site.exists():
        return
    with told(ConfigError):
        site, _ = load_site(settings.site)
    leaving, held = users.accounts.get(name), users.leaving.held_by(name)
    if users.accounts.get(heir).name not in {a.name for a in heirs_of(leaving, held, users.accounts.list(), site)}:
        raise AccountRefusedError(Refusal.HEIR, name=heir)


def _tell_password(name: str, given: str) -> None:
    typer.echo(f"{name}: one-time password {given} (to be changed at the first sign-in)")


def _check_nodes(settings: Settings, nodes: list[str]) -> None:
    from aquavolt.config.documents import ConfigError, load_site

    with told(ConfigError):
        site, _ = load_site(settings.site)
    if unknown := [n for n in nodes if n not in site.nodes]:
        raise Failure(
            f"{settings.site} has no node {', '.join(unknown)}; it has: {', '.join(list(site.nodes)[:20])} ..."
        )


@contextmanager
def _users(settings: Path | None, data: Path | None) -> Iterator[tuple[Users, Actor, Settings]]:
    """The accounts in the records database, who acts, and the settings."""
    from alerts.errors import RecordsError
    from alerts.records import Records
    from alerts.users.errors import AccountError
    from alerts.users.users import users_of
    from alerts.values import Actor
    from aquavolt.config.documents import ConfigError
    from aquavolt.config.settings import load_settings

    with told(ConfigError):
        found = load_settings(settings, data=data)
    with told(RecordsError, AccountError, OSError):
        if found.records is None:
            found.data.mkdir(parents=True, exist_ok=True)
        records = Records(found.records_url)
        try:
            records.migrate()
            yield users_of(records.database), Actor(f"cli:{getpass.getuser()}", "command line"), found
        finally:
            records.close()
