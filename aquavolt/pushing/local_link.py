"""The line to an intake in the same process."""

from __future__ import annotations

from collections.abc import Sequence

from aquavolt.pushing.intake import BusyError, Intake, RefusedError, StrangerError
from aquavolt.pushing.link import LinkError
from aquavolt.pushing.wire import Hello, Push, PushHeader, Welcome
from collector.journal import JournalError
from metering.entries import Entry


class LocalLink:
    """See `Link`."""

    where = "this program"

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def hello(self, collector: str, hello: Hello) -> Welcome:
        """See `Link`."""
        try:
            return self._intake.hello(collector, hello)
        except (BusyError, RefusedError, JournalError) as error:
            raise LinkError(str(error)) from error

    def push(self, header: PushHeader, entries: Sequence[Entry]) -> Welcome:
        """See `Link`."""
        try:
            return self._intake.push(Push(header, tuple(entries)))
        except (StrangerError, BusyError, JournalError) as error:
            raise LinkError(str(error), is_stranger=isinstance(error, StrangerError)) from error

    def close(self) -> None:
        """Nothing is held."""
