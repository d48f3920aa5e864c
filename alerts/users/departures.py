"""Browsers that were sent to a provider to sign in, until they are back. Each comes back once, within ten minutes.

Thread-safe; every write is one transaction.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, func, select

from alerts.database import Database
from alerts.rows import ms_of
from alerts.users.models import DepartureRow
from alerts.users.sessions import digest_of
from alerts.values import Clock

LONGEST = timedelta(minutes=10)
_LONGEST_MS = LONGEST // timedelta(milliseconds=1)
_MOST = 5_000  # at once; whoever only presses the button again and again drives out the oldest
_LONGEST_BACK = 2_000


@dataclass(frozen=True, slots=True)
class Departure:
    """One sign-in that is under way at a provider.

    state     comes back in the address: letters and digits, because WeCom takes nothing else
    browser   comes back in the cookie, so that nobody else's answer is taken
    nonce     comes back in the ID token
    verifier  proves to the provider that the code is ours (PKCE, RFC 7636)
    back      where the person wanted to go
    account   whose account it is to be linked with; None: the person signs in
    """

    provider: str
    back: str
    account: int | None = None
    browser: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    state: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)


class Departures:
    """What is kept of them: state and browser as digests only."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def keep(self, departure: Departure) -> None:
        """Remember it until the browser is back."""
        now_ms = ms_of(self._clock())
        with self._database.writing() as session:
            session.execute(delete(DepartureRow).where(DepartureRow.at_ms < now_ms - _LONGEST_MS))
            if (session.scalar(select(func.count()).select_from(DepartureRow)) or 0) >= _MOST:
                oldest = select(DepartureRow.state).order_by(DepartureRow.at_ms).limit(_MOST // 10)
                session.execute(delete(DepartureRow).where(DepartureRow.state.in_(oldest)))
            back = departure.back if len(departure.back) <= _LONGEST_BACK else "/"
            session.add(
                DepartureRow(
                    state=digest_of(departure.state), browser=digest_of(departure.browser),
                    provider=departure.provider, account_id=departure.account, nonce=departure.nonce,
                    verifier=departure.verifier, back=back, at_ms=now_ms,
                )
            )  # fmt: skip

    def take(self, provider: str, state: str, browser: str) -> Departure | None:
        """The one that is back, forgotten with this; None: there is none, or no longer, or it was another browser's."""
        now_ms = ms_of(self._clock())
        # Somebody else's answer leaves it there: else whoever sees a state could spoil the sign-in.
        ours = (
            DepartureRow.state == digest_of(state),
            DepartureRow.browser == digest_of(browser),
            DepartureRow.provider == provider,
        )
        with self._database.writing() as session:
            taken = session.execute(delete(DepartureRow).where(*ours).returning(DepartureRow)).scalar_one_or_none()
            if taken is None or taken.at_ms < now_ms - _LONGEST_MS:
                return None
            return Departure(provider, taken.back, taken.account_id, browser, state, taken.nonce, taken.verifier)
