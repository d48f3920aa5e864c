"""The commands. Each imports what it needs when it is called, so that `read` does not load a web server."""

from __future__ import annotations

import sys

import typer

from aquavolt.cli import (
    check,
    commissioning,
    data,
    drill,
    head_counts,
    meters,
    platform,
    profiles,
    pull,
    recording,
    service,
    simulate,
    site,
    split,
    stored,
    user,
)
from aquavolt.cli.failure import Failure

app = typer.Typer(
    name="aquavolt",
    help="Watches the water and electricity meters of a campus, finds leaks and abnormal consumption, and says where.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (service, split, meters, commissioning, recording, data, stored, check, head_counts, pull):
    module.register(app)
app.add_typer(simulate.app, name="simulate")
app.add_typer(profiles.app, name="profiles")
app.add_typer(site.app, name="site")
app.add_typer(user.app, name="user")
app.add_typer(platform.app, name="platform")
app.add_typer(drill.app, name="drill")


def main() -> None:
    """Run the command line; what a user can mend is one clear message on stderr and exit code 1."""
    try:
        app()
    except Failure as failure:
        print(f"aquavolt: {failure}", file=sys.stderr)  # noqa: T201 - the message to the user
        sys.exit(1)
