"""Before the page is served: whether there are accounts, and the first one."""

from __future__ import annotations

from alerts.records import Records
from alerts.users.users import users_of
from alerts.values import Actor
from aquavolt.config.settings import Settings
from aquavolt.setup import ProgramError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_START = Actor("system", "first start")


def open_door(records: Records, settings: Settings) -> str | None:
    """Make the first administrator where there is no account; what to tell the user then.

    Raises:
        ProgramError: the page is to be served on other than this machine's own address, and there is no account.
    """
    accounts = users_of(records.database).accounts
    if settings.host not in _LOOPBACK and not accounts.are_there():
        raise ProgramError(
            f"host {settings.host}: there are no accounts yet, so only {', '.join(_LOOPBACK)} are allowed; "
            "make one with `aquavolt user add NAME --role admin`"
        )
    made = accounts.make_first_admin(_START)
    if made is None:
        return None
    name, password = made
    return (
        f"no accounts yet: made the administrator {name} with the one-time password {password}\n"
        "sign in on the page and set a password of your own; this one is shown only now "
        f"(lost: aquavolt user password {name})"
    )
