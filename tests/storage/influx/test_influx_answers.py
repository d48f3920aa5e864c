"""Answers of Flux as columns: the same whatever the cuts between chunks, and as the csv module reads them."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquavolt.stores.influx.annotated_csv import AnswerError, parse
from aquavolt.stores.influx.number_texts import parse_floats

HEAD = ",result,table,_time,_value,meter,quantity\r\n"


def answer(*tables: tuple[str, list[tuple[str, str]]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for number, (meter, rows) in enumerate(tables):
        writer.writerows(["", "_result", number, time, value, meter, "flow_rate"] for time, value in rows)
    return (HEAD + text.getvalue() + "\r\n").encode()


TABLES = (
    ('a,"b"', [("2026-03-01T00:00:00Z", "1.5"), ("2026-03-01T00:00:00.02Z", "-0.30000000000000004")]),
    ("水表 3", [("1999-12-31T23:59:59.999Z", "123456789012345678"), ("2028-02-29T12:00:00.1Z", "0")]),
    ("c", [("2026-12-31T00:00:00.123456789Z", "0." + "0" * 299 + "1")]),
)


@given(st.integers(1, 60))
def test_cuts_between_chunks_do_not_matter(size: int) -> None:
    body = answer(*TABLES)
    got = parse(body[i : i + size] for i in range(0, len(body), size))
    assert got.tags == (('a,"b"', "flow_rate"), ("水表 3", "flow_rate"), ("c", "flow_rate"))
    assert got.series.tolist() == [0, 0, 1, 1, 2]
    assert got.value.tolist() == [1.5, -0.30000000000000004, 123456789012345678.0, 0, 1e-300]
    assert np.datetime_as_string(got.time).tolist() == [
        "2026-03-01T00:00:00.000", "2026-03-01T00:00:00.020", "1999-12-31T23:59:59.999", "2028-02-29T12:00:00.100",
        "2026-12-31T00:00:00.123",
    ]  # fmt: skip


def test_a_block_may_end_within_a_table_and_heads_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aquavolt.stores.influx.annotated_csv._BLOCK", 64)
    other = b",result,table,_value,meter,quantity\r\n,_result,0,7,z,flow_rate\r\n\r\n"
    body = answer(*TABLES) + other
    got = parse(body[i : i + 10] for i in range(0, len(body), 10))
    assert got.value[-1] == 7
    assert got.tags[-1] == ("z", "flow_rate")
    assert len(got.value) == 6
    assert len(got.tags) == 4


def test_nothing_is_no_rows() -> None:
    for body in (b"", b"\r\n", HEAD.encode()):
        assert len(parse([body]).value) == 0


def test_an_error_within_the_answer_is_none_of_the_data() -> None:
    with pytest.raises(AnswerError, match="memory allocation limit"):
        parse([answer(*TABLES), b"error,reference\r\nmemory allocation limit reached,\r\n"])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_decimal_texts_become_the_nearest_float(values: list[float]) -> None:
    texts = [np.format_float_positional(v, trim="-") for v in values]
    ends = np.cumsum([len(t) + 1 for t in texts]) - 1
    text = np.frombuffer((",".join(texts) + ",").encode(), np.uint8)
    starts = ends - [len(t) for t in texts]
    assert parse_floats(text, starts, ends).tolist() == values
