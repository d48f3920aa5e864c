"""`aquavolt watch --forget`: collectors that will not return are given up, whether `watch` runs or not."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from aquavolt.pushing.link import HttpLink, LinkError
from aquavolt.services.footing import link_to, watch_of
from aquavolt.services.watch import FOLDER, Watch
from aquavolt.setup import ProgramError, Setup
from aquavolt.taking import JOURNAL_FILE


def forget(setup: Setup, collectors: Iterable[str]) -> dict[str, bool]:
    """Free these collectors' meters, at the `watch` that runs or else in its folder; which of them were known.

    Raises:
        ProgramError: `watch` says no, or neither it nor its folder is there.
        DataInUseError, StoreUnavailableError, RecordsError, JournalError: its folder cannot be opened.
    """
    names = tuple(collectors)
    with closing(link_to(watch_of(setup))) as link:
        try:
            return _at(link, names)
        except LinkError as error:
            if error.is_answered:
                raise ProgramError(str(error)) from error
            if not (setup.settings.data / FOLDER / JOURNAL_FILE).exists():
                raise ProgramError(f"{error}; and {setup.settings.data / FOLDER} is not its folder") from error
    with closing(Watch(setup)) as program:
        return {name: program.intake.forget(name) for name in names}


def _at(link: HttpLink, names: Iterable[str]) -> dict[str, bool]:
    return {name: link.forget(name) for name in names}
