"""What each meter said last: the one value that stands for it, and the bytes that this came in.

For a person who looks whether a meter is read right. Nothing is formatted before somebody looks: a batch costs a few
vectorised assignments, a reply one entry of a dictionary, whatever the number of its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from metering.batch import ReadingBatch
from metering.quantities import BY_CODE, MAIN_RATE, MAIN_REGISTER

_REGISTERS = {q.code for q in MAIN_REGISTER.values()}
_RATES = {q.code for q in MAIN_RATE.values()}
_NOTHING = 0xFFFF
# Which of a meter's values stands for it: its counter, else its rate, else the first quantity. Lower is better.
RANK = np.array([0 if c in _REGISTERS else c if c in _RATES else 256 + c for c in range(256)], np.uint16)
_LONGEST_TEXT = 160
_LONGEST_BYTES = 48

Text = Callable[[bytes], str]
Raw = tuple[bytes, Text]
"""Bytes as they came, and the function that shows them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One meter's last value and its bytes as text; empty and None where there was none."""

    raw: str = ""
    quantity: str = ""
    value: float | None = None
    quality: int = 0


class LastSeen:
    """By row of the meter (values) and by its id (bytes). The caller locks."""

    def __init__(self) -> None:
        self._value = np.zeros(64)
        self._marks = np.zeros((3, 64), np.uint16)  # rank, quantity, quality
        self._marks[0] = _NOTHING
        self._time = np.full(64, np.iinfo(np.int64).min)
        self._raw: dict[str, Raw] = {}
        self._raw_rank: dict[str, int] = {}  # where it is not 0

    def take(self, rows: npt.NDArray[np.intp], batch: ReadingBatch) -> None:
        """The values of a batch; `rows` are those of `batch.meters`."""
        self._grow(int(rows.max()) + 1)
        place, rank, time = rows[batch.meter], RANK[batch.quantity], batch.time.astype(np.int64)
        chosen = np.flatnonzero((rank <= self._marks[0, place]) & (time >= self._time[place]))
        chosen = chosen[np.lexsort((time[chosen], -rank[chosen].astype(np.int64)))]
        at = place[chosen]  # of a meter that is there twice the last one stays: the best, of those the newest
        self._value[at], self._time[at] = batch.value[chosen], time[chosen]
        self._marks[0, at], self._marks[1, at] = rank[chosen], batch.quantity[chosen]
        self._marks[2, at] = batch.quality[chosen]

    def _grow(self, size: int) -> None:
        more = max(size, 2 * len(self._value)) - len(self._value) if size > len(self._value) else 0
        if more:
            self._value = np.concatenate([self._value, np.zeros(more)])
            fresh = np.zeros((3, more), np.uint16)
            fresh[0] = _NOTHING
            self._marks = np.concatenate([self._marks, fresh], axis=1)
            self._time = np.concatenate([self._time, np.full(more, np.iinfo(np.int64).min)])

    def heard(self, raws: Mapping[str, Raw], rank: int = 0) -> None:
        """Bytes by meter; those of a better rank (see RANK) stay."""
        if rank:
            raws = {meter: raw for meter, raw in raws.items() if meter not in self._raw or rank <= self._rank_of(meter)}
            self._raw_rank.update(dict.fromkeys(raws, rank))
        elif self._raw_rank:
            self._raw_rank.update(dict.fromkeys(raws.keys() & self._raw_rank.keys(), 0))
        self._raw.update(raws)

    def _rank_of(self, meter: str) -> int:
        return self._raw_rank.get(meter, 0)

    def of(self, meter: str, row: int) -> Seen:
        """What the meter said last."""
        kept = self._raw.get(meter)
        raw = kept[1](kept[0]) if kept is not None else ""
        if row >= len(self._value) or self._marks[0, row] == _NOTHING:
            return Seen(raw)
        _, code, quality = (int(mark) for mark in self._marks[:, row])
        return Seen(raw, BY_CODE[code].name, float(self._value[row]), quality)


def best_rank(codes: Iterable[int]) -> int:
    """The rank of the best of these quantities."""
    return min((int(RANK[code]) for code in codes), default=_NOTHING)


def bytes_text(data: bytes) -> str:
    """Bytes in hex, as many as a line holds."""
    return data[:_LONGEST_BYTES].hex(" ") + (" ..." if len(data) > _LONGEST_BYTES else "")


def payload_text(data: bytes) -> str:
    """A message: as text where it is text."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":  # no text, rather than one cut within a character
            return bytes_text(data)
        text = data[: error.start].decode()
    shown = " ".join(text.split())
    return shown[:_LONGEST_TEXT] + (" ..." if len(shown) > _LONGEST_TEXT else "")


def message_raws(payloads: Mapping[str, bytes]) -> dict[str, Raw]:
    """The beginnings of messages, by meter: what is shown of them, and no more is kept."""
    return {meter: (payload[: 2 * _LONGEST_TEXT], payload_text) for meter, payload in payloads.items()}
