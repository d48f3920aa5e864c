"""What the poller needs of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from collector.last_seen import Raw
from metering.batch import ReadingBatch
from metering.entries import Entry


class ReadingSink(Protocol):
    """Where readings go; they count as taken when `append` returns."""

    def is_accepting(self) -> bool:
        """Whether readings may be handed in now; while not, nothing is asked of the meters."""
        ...

    async def append(self, batch: ReadingBatch) -> None:
        """Take all readings of the batch, or raise and take none. Calls are kept in order."""
        ...

    async def append_entry(self, entry: Entry) -> int:
        """Take an entry of another kind: what meters say of themselves."""
        ...


class PollCounts(Protocol):
    """Where it is counted; the unit of a count is one reading. Never raises."""

    def declare(self, meter: str, connection: str, push_period_s: float | None = None) -> None:
        """This meter is polled on that connection."""
        ...

    def expected(self, meter: str, n: int = 1) -> None:
        """`n` readings were due."""
        ...

    def skipped(self, meter: str, n: int = 1) -> None:
        """`n` due readings were not asked for."""
        ...

    def received_batch(self, batch: ReadingBatch) -> None:
        """These readings came and are taken."""
        ...

    def heard(self, raws: Mapping[str, Raw], rank: int = 0) -> None:
        """The bytes that these came in, by meter; `rank` as in `last_seen`."""
        ...

    def ask_when(self, upcoming: Callable[[], Mapping[str, float]]) -> None:
        """`upcoming` says in how many seconds each meter is asked next; called in any thread."""
        ...

    def error(self, meter: str, text: str) -> None:
        """A poll failed."""
        ...

    def breaker(self, meter: str, state: str) -> None:
        """The meter's breaker is `closed`, `open` or `probing`."""
        ...

    def connection(
        self,
        name: str,
        state: str,
        *,
        meters: int | None = None,
        requests: int = 0,
        errors: int = 0,
        reconnects: int = 0,
        error: str | None = None,
    ) -> None:
        """The connection's state, and what to add to its counters."""
        ...

    def forget_connection(self, name: str) -> None:
        """The connection is no longer configured."""
        ...
