"""All of it on one database."""

from __future__ import annotations

from dataclasses import dataclass

from argon2 import PasswordHasher

from alerts.database import Database
from alerts.users.accounts import Accounts
from alerts.users.departures import Departures
from alerts.users.identities import Identities
from alerts.users.leaving import Leaving
from alerts.users.passwords import Passwords
from alerts.users.sessions import Sessions
from alerts.users.tokens import Tokens
from alerts.values import Clock, utc_now


@dataclass(frozen=True, slots=True)
class Users:
    """Accounts, their sessions and tokens, how they leave, and who they are at providers of sign-in."""

    accounts: Accounts
    sessions: Sessions
    tokens: Tokens
    leaving: Leaving
    identities: Identities
    departures: Departures


def users_of(database: Database, clock: Clock = utc_now, hasher: PasswordHasher | None = None) -> Users:
    """The users of a records database, which is migrated already."""
    passwords = Passwords(hasher)
    return Users(
        Accounts(database, passwords, clock),
        Sessions(database, passwords, clock),
        Tokens(database, clock),
        Leaving(database, passwords, clock),
        Identities(database, clock),
        Departures(database, clock),
    )
