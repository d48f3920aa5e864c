"""A store that another process owns, through that process's socket: the same ports, the same promises."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aquavolt.stores.interval_rows import check_intervals
from aquavolt.stores.lock import socket_address
from aquavolt.stores.protocol import ProtocolError, Reply, Request, decode_batch, encode_batch, receive, send
from metering.batch import ReadingBatch, Times
from metering.intervals import IntervalBatch
from metering.ports import StoreUnavailableError, UsageSeries


class RemoteStore:
    """ReadingStore and IntervalStore of the process that owns `folder`. One request at a time, from any thread.

    A call that finds the owner gone raises StoreUnavailableError and hangs up; the next one connects anew.

    Raises:
        StoreUnavailableError: nobody answers there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._connected()

    def append_readings(self, batches: Sequence[ReadingBatch], position: int, cursor: str = "live") -> None:
        """See `ReadingStore`."""
        bodies = [body for batch in batches for body in encode_batch(batch)]
        self._call("append_readings", {"position": position, "cursor": cursor}, bodies)

    def position(self, cursor: str = "live") -> int:
        """See `ReadingStore`."""
        return int(self._call("position", {"cursor": cursor})[0])

    def read(
        self, meters: Sequence[str], quantities: Sequence[str], start: np.datetime64, end: np.datetime64
    ) -> ReadingBatch:
        """See `ReadingStore`."""
        asked = {"meters": meters, "quantities": quantities, "start": _ms(start), "end": _ms(end)}
        return decode_batch(self._call("read", asked)[1])

    def latest(self, meters: Sequence[str] | None = None) -> ReadingBatch:
        """See `ReadingStore`."""
        return decode_batch(self._call("latest", {"meters": meters})[1])

    def count(self) -> dict[str, int]:
        """See `ReadingStore`."""
        return dict(self._call("count", {})[0])

    def hourly_counts(
        self, start: np.datetime64 | None = None, end: np.datetime64 | None = None
    ) -> tuple[Times, npt.NDArray[np.int64]]:
        """See `ScannableStore`."""
        asked = {"start": None if start is None else _ms(start), "end": None if end is None else _ms(end)}
        hours, counts = self._call("hourly_counts", asked)[1]
        return np.frombuffer(hours, "<M8[ms]"), np.frombuffer(counts, "<i8")

    def upsert_intervals(self, batch: IntervalBatch) -> None:
        """See `IntervalStore`."""
        check_intervals(batch)
        rows = ReadingBatch(batch.meters, batch.meter, batch.quantity, batch.start, batch.usage, batch.quality)
        self._call("upsert_intervals", {}, encode_batch(rows))

    def usage(self, meters: Sequence[str], quantity: str, edges: Times) -> UsageSeries:
        """See `IntervalStore`."""
        edges = edges.astype("<M8[ms]")
        usage, quality = self._call("usage", {"meters": meters, "quantity": quantity}, [edges.tobytes()])[1]
        shape = (len(edges) - 1, len(meters))
        return UsageSeries(
            tuple(meters),
            edges,
            np.frombuffer(usage, "<f8").reshape(shape).copy(),
            np.frombuffer(quality, "<u2").reshape(shape).copy(),
        )

    def submit(self, batch: ReadingBatch) -> None:
        """Have the owner take these readings as if they had just arrived: journal, store, rules.

        Raises:
            StoreUnavailableError: the owner is gone, or cannot take them now; they may be submitted again.
            ProtocolError: the owner takes no readings from outside.
        """
        self._call("submit", {}, encode_batch(batch))

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._hang_up()

    def _call(self, call: str, arguments: dict[str, Any], bodies: Sequence[bytes] = ()) -> tuple[Any, list[bytes]]:
        with self._lock:
            connection = self._connected()
            try:
                send(connection, Request(call, arguments), bodies)
                answer = receive(connection, Reply)
            except OSError as error:
                self._hang_up()
                raise StoreUnavailableError(f"the process that owns {self._folder} is gone: {error}") from error
            except BaseException:
                self._hang_up()
                raise
            if answer is None:
                self._hang_up()
                raise StoreUnavailableError(f"the process that owns {self._folder} has ended")
        reply, received = answer
        _raise_error(reply)
        return reply.result, received

    def _connected(self) -> socket.socket:
        if self._connection is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                with socket_address(self._folder) as address:
                    connection.connect(address)
            except OSError as error:
                connection.close()
                raise StoreUnavailableError(f"nobody answers for the data folder {self._folder}: {error}") from error
            self._connection = connection
        return self._connection

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _raise_error(reply: Reply) -> None:
    match reply.error:
        case "":
            return
        case "value":
            raise ValueError(reply.result)
        case "unavailable":
            raise StoreUnavailableError(reply.result)
        case _:
            raise ProtocolError(f"the process that owns the data answered: {reply.result}")


def _ms(moment: np.datetime64) -> int:
    return int(moment.astype("datetime64[ms]").astype(np.int64))
