"""The asyncio side of the journal: appends of many tasks become one commit, at most 20 ms later."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from collector.journal import Journal
from metering.batch import ReadingBatch, concatenate
from metering.entries import Entry

_GROUP_S = 0.02


class JournalSink:
    """Collects what the tasks of one event loop append and commits it as a group, in order.

    Reading batches that follow each other become one entry, so that a hundred meters read in the same moment cost
    one row, not a hundred. The commit runs in a thread of its own; the loop never waits for the disk.
    """

    def __init__(self, journal: Journal, group_s: float = _GROUP_S) -> None:
        self._journal = journal
        self._group_s = group_s
        self._waiting: list[tuple[Entry, asyncio.Future[int]]] = []
        self._commit: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")

    def is_accepting(self) -> bool:
        """Whether readings may be handed in; see `Journal.is_accepting`."""
        return self._journal.is_accepting()

    async def append(self, batch: ReadingBatch) -> None:
        """Returns once the readings are durable. An empty batch is nothing.

        Raises:
            JournalFullError: the disk is full; nothing of this batch was written.
            JournalError: the journal is closed or cannot be written.
        """
        if len(batch):
            await self.append_entry(batch)

    async def append_entry(self, entry: Entry) -> int:
        """Like `append`, for any entry. Returns the sequence of the entry in which it stands."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = loop.create_future()
        self._waiting.append((entry, done))
        if self._commit is None:
            self._commit = loop.create_task(self._commit_groups())
        return await done  # a caller that is cancelled leaves its entry in the group: it may be on the disk already

    async def close(self) -> None:
        """Wait for what is under way. The journal itself stays open."""
        if self._commit is not None:
            await self._commit
        self._thread.shutdown()

    async def _commit_groups(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(self._group_s)
                group, self._waiting = self._waiting, []
                try:
                    await loop.run_in_executor(self._thread, self._write, group, loop)
                except Exception as error:  # noqa: BLE001 - whatever it is, each caller must hear of it
                    _fail(group, error)
        finally:
            self._commit = None

    def _write(self, group: Sequence[tuple[Entry, asyncio.Future[int]]], loop: asyncio.AbstractEventLoop) -> None:
        entries, place = merge_readings([entry for entry, _ in group])
        last = self._journal.append(entries)
        first = last - len(entries) + 1
        loop.call_soon_threadsafe(_resolve, [(done, first + at) for (_, done), at in zip(group, place, strict=True)])


def merge_readings(entries: Sequence[Entry]) -> tuple[list[Entry], list[int]]:
    """Neighbouring reading batches joined; and for each given entry the index of the one that holds it now."""
    merged: list[Entry] = []
    place: list[int] = []
    run: list[ReadingBatch] = []
    for entry in entries:
        if isinstance(entry, ReadingBatch):
            run.append(entry)
            place.append(len(merged))
            continue
        if run:
            merged.append(concatenate(run))
            run = []
        place.append(len(merged))
        merged.append(entry)
    if run:
        merged.append(concatenate(run))
    return merged, place


def _resolve(done: Sequence[tuple[asyncio.Future[int], int]]) -> None:
    for future, seq in done:
        if not future.done():
            future.set_result(seq)


def _fail(group: Sequence[tuple[Entry, asyncio.Future[int]]], error: Exception) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)
            future.exception()  # a cancelled caller never asks
