"""Replies gathered for a moment and then decoded together, all meters in one batch. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from collector.last_seen import Raw
from collector.modbus.polls import BlockForm, Question
from collector.read_value import ReadValue
from metering.batch import ReadingBatch, empty_batch


class Harvest:
    """Replies waiting to be decoded, by block form: a hundred meters that are alike cost one numpy call.

    Of the last `take`:

    raws  registers by meter, by the rank of what they hold
    said  what meters said of themselves: (meter, time in ms, alarms on or off)
    """

    def __init__(self) -> None:
        self._waiting: dict[BlockForm, list[tuple[str, int, bytes, int]]] = {}
        self._replies = 0
        self.raws: dict[int, dict[str, Raw]] = {}
        self.said: list[tuple[str, int, list[ReadValue]]] = []

    def __len__(self) -> int:
        return self._replies

    def add(self, meter: str, question: Question, registers: bytes, time_ms: int) -> None:
        """A reply's register bytes, taken at `time_ms` (Unix, UTC)."""
        self._waiting.setdefault(question.form, []).append((meter, question.row, registers, time_ms))
        self._replies += 1

    def take(self) -> ReadingBatch:
        """All readings so far in one batch, ordered by form and arrival; the harvest is empty afterwards."""
        waiting, self._waiting, self._replies = self._waiting, {}, 0
        self.said = [word for form, replies in waiting.items() if form.alarms for word in _words(form, replies)]
        waiting = {form: replies for form, replies in waiting.items() if len(form.quantities)}
        if not waiting:
            return empty_batch()
        index: dict[str, int] = {}
        self.raws = {form.rank: {} for form in waiting}
        for form, replies in waiting.items():
            self.raws[form.rank] |= {meter: (registers, form.raw_text) for meter, _, registers, _ in replies}
        parts = [_columns(form, replies, index) for form, replies in waiting.items()]
        meter, quantity, time, value, quality = (np.concatenate(column) for column in zip(*parts, strict=True))
        return ReadingBatch(tuple(index), meter, quantity, time.view("datetime64[ms]"), value, quality)


def _words(form: BlockForm, replies: list[tuple[str, int, bytes, int]]) -> Iterator[tuple[str, int, list[ReadValue]]]:
    """What one form's replies say of their meters, in the order of arrival."""
    raw = np.frombuffer(b"".join(registers for _, _, registers, _ in replies), np.uint8).reshape(len(replies), -1)
    for (meter, _, _, time_ms), values in zip(replies, form.said(raw), strict=True):
        yield meter, time_ms, values


def _columns(
    form: BlockForm, replies: list[tuple[str, int, bytes, int]], index: dict[str, int]
) -> tuple[np.ndarray, ...]:
    """The batch columns of one form's replies, without what the meters do not mean."""
    meters, rows, data, times = zip(*replies, strict=True)
    raw = np.frombuffer(b"".join(data), np.uint8).reshape(len(replies), -1)
    values, valid, quality = form.readings(raw, np.array(rows, np.intp))
    width = values.shape[1]
    places = np.array([index.setdefault(m, len(index)) for m in meters], np.int32)
    keep = valid.ravel() & np.isfinite(values).ravel()
    columns = (
        np.repeat(places, width),
        np.tile(form.quantities, len(replies)),
        np.repeat(np.array(times, np.int64), width),
        values.ravel(),
        quality.ravel(),
    )
    return columns if keep.all() else tuple(column[keep] for column in columns)
