"""Long-form files into readings: forms of time and number, file formats, bad rows."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquavolt.longform import LongFormError
from aquavolt.longform.texts import distinct, parse_times, parse_values
from metering.batch import to_ms

HEADER = "meter,quantity,time,value\n"
GOOD = "inlet,water_volume,2025-09-01T00:00:00+08:00,0\n"
Take = Callable[..., Any]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def run(text: str | bytes, name: str = "readings.csv") -> Path:
        data = text if isinstance(text, bytes) else text.encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return run


@pytest.mark.parametrize("name", ["readings.csv", "readings.csv.gz"])
def test_rows_become_columns(take: Take, write: Callable[..., Path], name: str) -> None:
    text = HEADER + "b1,water_volume,2025-09-01T00:15:00+08:00,12.5\nb10,flow_rate,2025-09-01T00:15:00.250Z,-1e-3\n"
    got, report = take(write(text, name))
    assert [got.meters[m] for m in got.meter] == ["b1", "b10"]
    assert got.quantity.tolist() == [50, 51]
    assert got.time.tolist() == np.array(["2025-08-31T16:15", "2025-09-01T00:15:00.250"], "datetime64[ms]").tolist()
    assert got.value.tolist() == [12.5, -0.001]
    assert got.quality.tolist() == [0, 0]
    assert (report.rows, report.faults.count, report.lines()) == (2, 0, [])
    assert (str(report.first), str(report.last)) == ("2025-08-31T16:15:00.000", "2025-09-01T00:15:00.250")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2025-09-01T00:00:00+08:00", "2025-08-31T16:00:00.000"),
        ("2025-09-01 00:00:00+05:45", "2025-08-31T18:15:00.000"),
        ("2025-09-01T00:00:00-0330", "2025-09-01T03:30:00.000"),
        ("2025-09-01T00:00:00+08", "2025-08-31T16:00:00.000"),
        ("2025-09-01T00:00:00Z", "2025-09-01T00:00:00.000"),
        ("2025-09-01T00:00:00.5Z", "2025-09-01T00:00:00.500"),
        ("2025-09-01T00:00:00,1239Z", "2025-09-01T00:00:00.123"),
        ("2025-09-01T00:00:00.123456789+00:00", "2025-09-01T00:00:00.123"),
        ("2025-09-01T00:00+08:00", "2025-08-31T16:00:00.000"),
        ("20250901T000000Z", "2025-09-01T00:00:00.000"),
        ("2024-02-29T23:59:59+08:00", "2024-02-29T15:59:59.000"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999"),
        ("2016-10-30T02:30:00+01:00", "2016-10-30T01:30:00.000"),
    ],
)
def test_forms_of_time(text: str, utc: str) -> None:
    time, is_read = parse_times(np.array([text.encode(), b"2025-09-01T00:00:00+08:00"]))
    assert is_read.all()
    assert str(time[0]) == utc


@pytest.mark.parametrize(
    "text",
    [
        "", "2025-09-01T00:00:00", "2025-09-01", "2025-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2025-09-01T24:30:00Z",
        "2025-09-01T00:00:60Z", "2025-09-01T00:00:00+24:00", "2025-09-01T00:00:00+08:60", "0000-01-01T00:00:00Z",
        "1756684800", "2025-09-01T00:00:00 +08:00", "yesterday", "2025-09-01T00:00:00Z ", "2025/09/01T00:00:00Z",
        "0001-01-01T00:00:00+08:00",
    ],
)  # fmt: skip
def test_what_is_no_time_spoils_no_other(text: str) -> None:
    good = b"2025-09-01T00:00:00+08:00"
    time, is_read = parse_times(np.array([good, text.encode(), good]))
    assert is_read.tolist() == [True, False, True]
    assert str(time[2]) == "2025-08-31T16:00:00.000"


@given(
    st.lists(
        st.builds(
            lambda moment, minutes, digits: moment.replace(
                microsecond=moment.microsecond // 1000 * 1000 * digits, tzinfo=timezone(timedelta(minutes=minutes))
            ),
            st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)),  # noqa: DTZ001 - the offset is drawn apart
            st.integers(-1439, 1439),
            st.integers(0, 1),
        ),
        min_size=1,
    )
)
def test_times_are_what_python_says(moments: list[datetime]) -> None:
    time, is_read = parse_times(np.array([m.isoformat().encode() for m in moments]))
    assert is_read.all()
    assert time.tolist() == [to_ms(m.astimezone(UTC)).tolist() for m in moments]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_come_through_exactly(numbers: list[float]) -> None:
    values, is_read = parse_values(np.array([repr(n).encode() for n in numbers]))
    assert is_read.all()
    assert values.tolist() == numbers


@pytest.mark.parametrize(
    "text", ["", "nan", "NaN", "inf", "-Infinity", "1e999", "1_000", "0x10", "12,5", "12.5 ", "1.2.3", "--1", "e5", "+"]
)
def test_what_is_no_number_spoils_no_other(text: str) -> None:
    values, is_read = parse_values(np.array([b"1.5", text.encode(), b"2"]))
    assert is_read.tolist() == [True, False, True]
    assert values[[0, 2]].tolist() == [1.5, 2.0]


@given(st.lists(st.binary(max_size=24).map(lambda b: b.replace(b"\0", b"0"))))
def test_distinct_texts_and_back(texts: list[bytes]) -> None:
    found, which = distinct(np.array(texts, "S24"))
    assert found[which].tolist() == texts
    assert len(found) == len(set(texts))


def test_each_bad_row_is_named_and_the_good_ones_are_taken(take: Take, write: Callable[..., Path]) -> None:
    rows = [
        GOOD,
        "b11,water_volume,2025-09-01T00:00:00+08:00,1\n",
        "b1,water,2025-09-01T00:00:00+08:00,1\n",
        "b1,water_volume,2025-09-01T00:00:00,1\n",
        "b1,water_volume,2025-09-31T00:00:00+08:00,1\n",
        "b1,water_volume,2025-09-01T00:00:00+08:00,NaN\n",
        "b1,water_volume,2025-09-01T00:00:00+08:00,\n",
        "\n",
        "b1,water_volume,2025-09-01T00:00:00+08:00\n",
        "b1,water_volume,2025-09-01T00:00:00+08:00,1,2\n",
        f"{'x' * 300},water_volume,2025-09-01T00:00:00+08:00,1\n",
        "b1,water_volume,2025-09-01T00:15:00+08:00,7",
    ]
    path = write(HEADER + "".join(rows))
    got, report = take(path)
    assert got.value.tolist() == [0, 7]
    lines = report.lines()
    assert [line.removeprefix(f"{path}:").split(":")[0] for line in lines] == [
        str(n) for n in (3, 4, 5, 6, 7, 8, 10, 11, 12)
    ]
    expected = {
        3: "meter 'b11': no meter of the site, which has b1, b10 (2 of 4)",
        4: "quantity 'water': no quantity; allowed: active_energy_import, ",
        5: "time '2025-09-01T00:00:00': has no offset from UTC; allowed: ISO 8601 with offset",
        6: "time '2025-09-31T00:00:00+08:00': no ISO 8601 time",
        7: "value 'NaN': no finite number",
        8: "value '': is missing",
        10: "line 'b1,water_volume,2025-09-01T00:00:00+08:00': has 3 fields; allowed: 4 (meter,quantity,time,value)",
        11: "has 5 fields; allowed: 4",
        12: "300 bytes long; allowed: 200",
    }
    for line, (place, text) in zip(lines, expected.items(), strict=True):
        assert f"{path}:{place}: " in line
        assert text in line
    assert report.faults.count == 9
    assert report.faults.by_column == {"line": 2, "meter": 2, "quantity": 1, "time": 2, "value": 2}


def test_bad_rows_beyond_the_limit_are_counted(take: Take, write: Callable[..., Path]) -> None:
    path = write(HEADER + "b1,water_volume,never,1\n" * 50 + GOOD)
    got, report = take(path, limit=3)
    assert len(got) == 1
    assert report.faults.count == 50
    assert report.lines()[-1] == f"{path}: 47 more bad rows"
    assert len(report.lines()) == 4


def test_strict_refuses_the_file_and_takes_nothing(take: Take, write: Callable[..., Path], site: Any) -> None:
    path = write(HEADER + GOOD * 5 + "b1,water_volume,never,1\n")
    with pytest.raises(LongFormError, match=rf"{path} is refused: bad rows: 1\n{path}:7: time 'never'"):
        take(path, is_strict=True)
    got, report = take(write(HEADER + GOOD * 5), is_strict=True)
    assert (len(got), report.rows) == (5, 5)


@pytest.mark.parametrize(
    ("first_line", "message"),
    [
        (
            "meter,quantity,time\n",
            "1: no column 'value' among meter,quantity,time; a long-form file has the columns meter,",
        ),
        ("", "1: no column 'meter' among nothing"),
        ("Meter,quantity,time,value\n", "1: no column 'meter' among Meter,"),
        ("meter,quantity,time,value,unit\n", "1: unknown column 'unit'"),
        ("meter,quantity,time,value,time\n", "1: the column 'time' stands twice"),
        ("\x80\n", "1: the first line is no CSV header"),
    ],
)
def test_a_file_without_the_columns_is_refused(
    take: Take, write: Callable[..., Path], first_line: str, message: str
) -> None:
    path = write(first_line.encode("latin-1") + GOOD.encode())
    if not first_line:
        path.write_bytes(b"")
    with pytest.raises(LongFormError) as caught:
        take(path)
    assert f"{path}:{message}" in str(caught.value)


def test_columns_may_stand_in_any_order_with_quality(take: Take, write: Callable[..., Path]) -> None:
    got, report = take(
        write(
            "value,time,quality,meter,quantity\n5,2025-09-01T00:00:00Z,65,b1,flow_rate\n6,2025-09-01T00:00:00Z,256,b1,flow_rate\n"
        )
    )
    assert (got.value.tolist(), got.quality.tolist()) == ([5], [65])
    assert "quality '256': no quality bits; allowed: a whole number from 0 to 255" in report.lines()[0]


def test_byte_order_mark_and_windows_line_ends(take: Take, write: Callable[..., Path]) -> None:
    got, report = take(write("\ufeff" + (HEADER + GOOD + "\n" + GOOD).replace("\n", "\r\n")))
    assert (len(got), report.faults.count) == (2, 0)


def test_quoted_fields(take: Take, write: Callable[..., Path]) -> None:
    rows = [
        '"宿舍,3#",water_volume,2025-09-01T00:00:00+08:00,1\n',
        '"b1","water_volume","2025-09-01T00:00:00+08:00","2"\r\n',
        'b1,water_volume,2025-09-01T00:00:00+08:00,"3\n',
        "宿舍,3#,water_volume,2025-09-01T00:00:00+08:00,4\n",
        GOOD,
    ]
    path = write(HEADER + "".join(rows))
    got, report = take(path)
    assert [(got.meters[m], v) for m, v in zip(got.meter, got.value.tolist(), strict=True)] == [
        ("宿舍,3#", 1),
        ("b1", 2),
        ("inlet", 0),
    ]
    assert [line.split(" ")[0] for line in report.lines()] == [f"{path}:4:", f"{path}:5:"]
    assert "a quotation mark is not closed" in report.lines()[0]


def test_bytes_that_are_no_utf8_are_an_unknown_meter(take: Take, write: Callable[..., Path]) -> None:
    got, report = take(write((HEADER + GOOD).encode() + b"\xff\xfe\x00,water_volume,2025-09-01T00:00:00Z,1\n"))
    assert len(got) == 1
    assert "no meter of the site" in report.lines()[0]


def test_blocks_do_not_show(take: Take, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"b1,water_volume,2025-09-01T00:{i // 60 % 60:02}:{i % 60:02}+08:00,{i}\n" for i in range(500)]
    rows[321] = "b1,water_volume,never,1\n"
    rows[322] = '"b10",water_volume,2025-09-01T00:05:22+08:00,322\n'
    path = write(HEADER + "".join(rows))
    for size in (7, 100, 1000, 1 << 20):
        monkeypatch.setattr("aquavolt.longform.csv_file.BLOCK_BYTES", size)
        got, report = take(path, is_in_time_order=False)
        assert got.value.tolist() == [i for i in range(500) if i != 321]
        assert report.lines()[0].startswith(f"{path}:323: time 'never'")


def test_time_order_is_stable_and_file_order_is_kept(
    take: Take, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aquavolt.longform.staged.BATCH_ROWS", 64)
    order = random.Random(4)  # noqa: S311
    seconds = [order.randrange(60) for _ in range(1000)]
    path = write(HEADER + "".join(f"b1,water_volume,2025-09-01T00:00:{s:02}Z,{i}\n" for i, s in enumerate(seconds)))
    as_written, _ = take(path, is_in_time_order=False)
    assert as_written.value.tolist() == list(range(1000))
    sorted_, report = take(path)
    assert sorted_.value.tolist() == sorted(range(1000), key=lambda i: seconds[i])
    assert report.rows == 1000


def test_progress_ends_at_the_whole(take: Take, write: Callable[..., Path]) -> None:
    path = write(HEADER + GOOD * 300, "readings.csv.gz")
    seen: list[tuple[str, int, int]] = []
    take(path, progress=lambda *step: seen.append(step))
    size = path.stat().st_size
    assert seen[-2:] == [("reading", size, size), ("taking", 300, 300)]


@pytest.mark.parametrize("cut", [30, -4])
def test_a_gzip_file_that_breaks_off_is_named(take: Take, write: Callable[..., Path], cut: int) -> None:
    path = write(HEADER + GOOD * 300, "readings.csv.gz")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(LongFormError, match=f"{path}: cannot be read to its end"):
        take(path)


def test_files_that_are_something_else(take: Take, write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(LongFormError, match=r"Allowed endings: \.csv, \.csv\.gz, \.parquet"):
        take(write(HEADER, "readings.xlsx"))
    with pytest.raises(LongFormError, match="cannot be read to its end"):
        take(tmp_path / "absent.csv")
    with pytest.raises(LongFormError, match="cannot be read to its end"):
        take(write(HEADER, "plain.parquet"))
    plain = tmp_path / "plain.csv.gz"
    plain.write_text(HEADER)
    with pytest.raises(LongFormError, match="cannot be read to its end"):
        take(plain)


WRONG_ROWS = [
    ("b1", "flow_rate", "2025-09-01T00:00:00", 1.0),
    (None, "flow_rate", "2025-09-01T00:00:00Z", 1.0),
    ("b1", "flow_rate", "2025-09-01T00:00:00Z", float("nan")),
    ("b1", "flow_rate", "2025-09-01T00:00:00Z", None),
]
GOOD_ROWS = [("inlet", "water_volume", "2025-09-01T00:00:00+08:00", 0.0)] * 2 + [
    ("宿舍,3#", "flow_rate", "2025-09-01T00:00:01.5+08:00", 0.1)
]


@pytest.fixture
def parquet(tmp_path: Path) -> Callable[..., Path]:
    """Writes the rows with these columns, each an SQL expression."""

    def run(columns: str, rows: list[Any] = GOOD_ROWS) -> Path:
        path = tmp_path / "it's.parquet"
        with duckdb.connect() as connection:
            connection.execute("SET VARIABLE path = ?", [str(path)])
            connection.execute("CREATE TABLE t (meter VARCHAR, quantity VARCHAR, time VARCHAR, value DOUBLE)")
            connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
            query = f"SELECT {columns} FROM t"  # noqa: S608 - the tests' own
            connection.execute(f"COPY ({query}) TO (getvariable('path')) (FORMAT parquet, ROW_GROUP_SIZE 2)")
        return path

    return run


@pytest.mark.parametrize("time", ["time", "time::TIMESTAMPTZ AS time"])
def test_parquet(take: Take, parquet: Callable[..., Path], time: str) -> None:
    got, report = take(parquet(f"value, {time}, quantity, meter"))
    assert [got.meters[m] for m in got.meter] == ["inlet", "inlet", "宿舍,3#"]
    assert str(got.time[2]) == "2025-08-31T16:00:01.500"
    assert got.value.tolist() == [0, 0, 0.1]
    assert (report.rows, report.faults.count) == (3, 0)


def test_parquet_rows_that_are_bad(take: Take, parquet: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aquavolt.longform.parquet_file._BLOCK_ROWS", 2)
    path = parquet("*", GOOD_ROWS + WRONG_ROWS)
    got, report = take(path)
    assert len(got) == 3
    expected = [
        "4: time '2025-09-01T00:00:00': has no offset from UTC; allowed: ISO 8601 with offset",
        "5: meter '': is missing",
        "6: value 'nan': no finite number",
        "7: value '': is missing; a reading that is not there has no row",
    ]
    for line, start in zip(report.lines(), expected, strict=True):
        assert line.startswith(f"{path}:{start}")


def test_parquet_columns_that_are_wrong(take: Take, parquet: Callable[..., Path]) -> None:
    with pytest.raises(LongFormError, match="no column 'value' among meter,quantity,time;"):
        take(parquet("meter, quantity, time"))
    with pytest.raises(LongFormError, match=r"'time' is of type TIMESTAMP; allowed: text in ISO 8601 with offset, or"):
        take(parquet("meter, quantity, now()::TIMESTAMP AS time, value"))
