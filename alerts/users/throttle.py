"""Wrong passwords are slowed down, by account and by address, within one open transaction.

An attempt is counted before its password is looked at, so that many at once are not looked at for the price of one.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alerts.users.errors import ThrottledError
from alerts.users.models import ThrottleRow

FORGOTTEN_MS = 3_600_000  # after an hour without a failure, counting begins again


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many failures are free; each one more shuts the door twice as long, `first_s` to `most_s`."""

    free: int
    first_s: int = 30
    most_s: int = 900

    def shut_ms(self, failures: int) -> int:
        """How long nothing is looked at after so many failures in a row."""
        beyond = failures - self.free
        return 0 if beyond <= 0 else min(self.most_s, self.first_s << min(beyond - 1, 16)) * 1000


# Behind one address there may be a whole office.
OF_ACCOUNT, OF_ADDRESS = Allowance(5), Allowance(30)


def keys_of(account: str, address: str) -> dict[str, Allowance]:
    """What an attempt counts for."""
    return {f"account {account[:100]}": OF_ACCOUNT, f"address {address_block(address)}": OF_ADDRESS}


def address_block(address: str) -> str:
    """What counts as one address. Of IPv6 the network of 64 bits: whoever has one address of it has all."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:60]
    if found.version == 4:  # noqa: PLR2004
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((int(found), 64), strict=False))


def begin(session: Session, keys: dict[str, Allowance], now_ms: int) -> None:
    """Count an attempt.

    Raises:
        ThrottledError: it is not looked at; nothing is counted.
    """
    session.execute(
        delete(ThrottleRow).where(ThrottleRow.last_ms < now_ms - FORGOTTEN_MS, ThrottleRow.until_ms < now_ms)
    )
    # There before it is locked: of two first attempts at once, one would else insert what the other has.
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    fresh = [{"key": key, "failures": 0, "last_ms": now_ms, "until_ms": 0} for key in sorted(keys)]
    session.execute(insert(ThrottleRow).values(fresh).on_conflict_do_nothing())
    locked = select(ThrottleRow).where(ThrottleRow.key.in_(keys)).order_by(ThrottleRow.key).with_for_update()
    rows = session.scalars(locked).all()
    # Of an attempt in the future, the clock was set back since: its count stays, its wait would never end.
    until = max((row.until_ms for row in rows if row.last_ms <= now_ms), default=0)
    if until > now_ms:
        raise ThrottledError(-((now_ms - until) // 1000))
    for row in rows:
        row.failures, row.last_ms = row.failures + 1, now_ms
        row.until_ms = now_ms + keys[row.key].shut_ms(row.failures)


def succeeded(session: Session, keys: dict[str, Allowance]) -> None:
    """The password was right: its account begins anew, its address takes back this one attempt only.

    Else somebody with an account of their own could try others' for ever.
    """
    for key, allowance in keys.items():
        row = session.get(ThrottleRow, key, with_for_update=True)
        if row is None:
            continue
        row.failures = 0 if allowance is OF_ACCOUNT else max(0, row.failures - 1)
        row.until_ms = row.last_ms + allowance.shut_ms(row.failures)
