"""Head-counts as offices send them: their own columns and encodings, and bad rows named one by one."""

from __future__ import annotations

from datetime import date

import pytest

from metering.head_counts import HeadCount, read_count_rows, read_count_table

NODES = {"d1-101", "d1-102", "三号楼-301"}
AUTUMN = date(2026, 9, 1)


def told(content: bytes | str) -> list[tuple[int, str, str]]:
    table = read_count_table(content.encode() if isinstance(content, str) else content, NODES)
    return [(f.line, f.column, f.reason) for f in table.faults]


def counts(content: bytes | str) -> list[HeadCount]:
    table = read_count_table(content.encode() if isinstance(content, str) else content, NODES)
    return [count for _, count in table.rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_a_file_of_an_office_is_read_as_it_is(encoding):
    file = "房间,起始日期,床位,人数\r\n三号楼-301,2026/9/1,6,5\r\n\r\nd1-101,2026-09-01,4,\r\n".encode(encoding)
    assert counts(file) == [HeadCount("三号楼-301", AUTUMN, 6, 5), HeadCount("d1-101", AUTUMN, 4, None)]
    assert told(file) == []


def test_every_bad_row_is_named_and_stops_no_other():
    file = (
        "node,from,beds,people\n"
        "d9-999,2026-09-01,4,4\n"
        "d1-101,2026-02-30,4,4\n"
        "d1-101,yesterday,4,4\n"
        "d1-101,2026-09-01,-4,4\n"
        "d1-101,2026-09-01,4,four\n"
        "d1-101,2026-09-01,4,1e3\n"
        "d1-101,2026-09-01,,\n"
        "d1-101,2026-09-01,4,4,4\n"
        '"d1-101,2026-09-01,4,4\n'
        "d1-102,2026-09-01,4,4\n"
        "d1-102,2026-09-01,4,4\n"
        "d1-102,2026-09-01,4,3\n"
        "d1-101,2026-09-01,4,9999999\n"
    )
    assert counts(file) == [HeadCount("d1-102", AUTUMN, 4, 4)]
    assert told(file) == [
        (2, "node", "unknown_node"), (3, "from", "no_day"), (4, "from", "no_day"), (5, "beds", "no_count"),
        (6, "people", "no_count"), (7, "people", "no_count"), (8, "people", "nothing_said"), (9, "", "columns"),
        (10, "node", "unknown_node"), (13, "node", "twice"), (14, "people", "no_count"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "header", ["node,beds,people", "node,from", "node,from,beds,beds", "node,from,beds,rooms", "", "PK\x03\x04"]
)
def test_a_file_with_other_columns_is_refused_as_a_whole(header):
    file = f"{header}\nd1-101,2026-09-01,4,4\n"
    assert counts(file) == []
    assert [reason for _, _, reason in told(file)] == ["header"]


def test_what_is_no_text_of_ours_is_said_to_be_so():
    assert told("node,from,beds\n".encode("utf-16")) == [(1, "", "encoding")]
    assert [reason for _, _, reason in told(b"\x00\xff\x00\xd8\x00" * 30)] == ["header"]


def test_rows_of_json_are_read_by_the_same_rules():
    table = read_count_rows(
        [{"node": "d1-101", "from": "2026-09-01", "people": 4}, {"node": "x"}, {"node": "d1-101", "floor": 1}], NODES
    )
    assert [(line, count.people) for line, count in table.rows] == [(1, 4)]
    assert [(f.line, f.reason) for f in table.faults] == [(2, "unknown_node"), (3, "columns")]


def test_a_file_without_end_is_cut(monkeypatch):
    monkeypatch.setattr("metering.head_counts.MOST_ROWS", 2)
    file = "node,from,beds\n" + "d1-101,2026-09-01,4\n" * 5
    assert told(file) == [(4, "", "too_many")]
