"""What the API is put together from. Only the program fills this in."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from alerts.playbook import Playbook, shipped_playbook
from alerts.statistics.discovery import UsualDiscovery
from alerts.users.roles import EVERYTHING, TOKEN_SCOPES, WHOLE_SITE, Permission
from api.sign_in import SignInWays
from metering.batch import ReadingBatch
from metering.health import HealthReport
from metering.ports import IntervalStore, ReadingStore
from metering.site import Site

if TYPE_CHECKING:  # a program that only reads settings loads no database library
    from alerts.duty_desk.desk import DutyDesk
    from alerts.records import Records
    from alerts.users.users import Users
    from alerts.users.values import Account, SessionInfo
    from api.platform.parts import RepairPlatform
    from api.stream import EventStream

DEMO_HOSTS = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether history is judged; if not, how far it is (0 to 1, None where unknown) and what is being done."""

    is_ready: bool
    progress: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Prices:
    """What a unit costs, for estimates of loss only: never for bills. `currency` is an ISO 4217 code."""

    water_per_m3: float = 4.2
    electricity_per_kwh: float = 0.6
    currency: str = "CNY"

    def per_unit(self, medium: str) -> float | None:
        """Price of 1 m3 or 1 kWh of the medium; None where there is none."""
        return {"water": self.water_per_m3, "electricity": self.electricity_per_kwh}.get(medium)


@dataclass(frozen=True, slots=True)
class User:
    """Who asks, and what they may.

    name      stands in audits: an account or a token's name
    nodes     parts of the site, or `WHOLE_SITE`
    assignee  sees only alerts that are assigned to this account; None: all alerts of the parts
    account   none: the demo administrator, or a token of the settings
    session   none: a token
    csrf      what a page's changes must carry; empty: nothing, for a token is never sent unasked
    """

    name: str
    permissions: frozenset[Permission] = frozenset()
    nodes: tuple[str, ...] = ()
    assignee: str | None = None
    is_demo: bool = False
    account: Account | None = None
    session: SessionInfo | None = None
    csrf: str = field(default="", repr=False)

    def may(self, permission: str) -> bool:
        """Whether this permission is given."""
        return permission in self.permissions


DEMO_USER = User("demo", EVERYTHING - {Permission.OWN_ACCOUNT}, (WHOLE_SITE,), is_demo=True)


def hash_token(token: str) -> str:
    """The form in which a token is kept: SHA-256 in hex. Tokens are long and random, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Access:
    """How requests are signed in, besides by accounts, their sessions and tokens.

    demo     who is not signed in is the demo administrator, without password; only `hosts` are answered
    tokens   bearer tokens of the settings by name, each as `hash_token` gives it
    scopes   what these tokens open
    """

    demo: bool = False
    tokens: dict[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = DEMO_HOSTS
    scopes: frozenset[Permission] = frozenset(TOKEN_SCOPES)

    def user_of_token(self, token: str) -> User | None:
        """Whose token it is. Compares with every token in constant time."""
        given = hash_token(token)
        found = [name for name, digest in self.tokens.items() if hmac.compare_digest(given, digest)]
        return User(found[0], self.scopes | {Permission.SIGNED_IN}, (WHOLE_SITE,)) if found else None


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, and `per_s` more each second."""

    per_s: float
    burst: int


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What one account may do. A person's page asks a few times a second at most; a program may list all alerts."""

    reading: Rate = Rate(20.0, 200)
    writing: Rate = Rate(5.0, 50)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """Everything the API reads from and writes to.

    site      the site as it is now (it may be reloaded while the program runs)
    health    how collecting goes, now
    submit    takes readings into the journal; done when they are durable
    is_ready  whether history is judged
    playbook  what to do about an alert
    now       the clock, aware
    users     accounts, sessions and tokens; none: made of the records
    limits    how often one account may ask
    sign_in   providers at which people may sign in, besides here
    public_reports  whether who is not signed in may report running water
    public_url  of the pages as people reach them, for what is printed; empty: nobody has said
    repair_platform  the one that there is, the master of orders; None: its operations answer 503
    discovery  when a leak would have been found without the program, for what finding it saved
    duty_desk  roster, routes and silences; None: their operations answer 503
    """

    site: Callable[[], Site]
    readings: ReadingStore
    intervals: IntervalStore
    records: Records
    health: Callable[[], HealthReport]
    submit: Callable[[ReadingBatch], Awaitable[None]]
    stream: EventStream
    is_ready: Callable[[], Readiness]
    access: Access
    prices: Prices = field(default_factory=Prices)
    playbook: Playbook = field(default_factory=shipped_playbook)
    now: Callable[[], datetime] = _now
    users: Users | None = None
    limits: RateLimits = field(default_factory=RateLimits)
    version: str = "0.1.0"
    sign_in: SignInWays = field(default_factory=SignInWays)
    duty_desk: DutyDesk | None = None
    public_reports: bool = True
    public_url: str = ""
    repair_platform: RepairPlatform | None = None
    discovery: UsualDiscovery = field(default_factory=UsualDiscovery)
