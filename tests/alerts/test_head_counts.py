"""The book of head-counts: what changes, what is kept of it, and what the rules are told."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from alerts.errors import RefusedError
from alerts.head_counts import HeadCountBook
from alerts.values import Actor
from metering.head_counts import HeadCount

LI, WANG = Actor("li", "127.0.0.1"), Actor("wang")
NOW = np.datetime64("2026-11-20T09:00:00", "ms")
AUTUMN, SPRING = date(2026, 9, 1), date(2027, 2, 22)


@pytest.fixture
def book(records: Any, clock: Any) -> HeadCountBook:
    return HeadCountBook(records.database, clock)


def count(node: str = "r1", first: date = AUTUMN, beds: int | None = 4, people: int | None = 4) -> HeadCount:
    return HeadCount(node, first, beds, people)


def test_only_what_changes_is_taken_and_a_look_writes_nothing(book):
    rows = [(2, count()), (3, count("r2", people=None))]
    assert [(c.line, c.before) for c in book.compare(rows)] == [(2, None), (3, None)]
    assert book.on(AUTUMN) == {}
    assert len(book.bring(rows, LI, "秋季.csv")) == 2
    assert book.bring(rows, WANG) == ()
    (change,) = book.bring([*rows, (4, count(people=3))], WANG)
    assert (change.line, change.corrects, change.before.count.people) == (4, True, 4)
    assert [row.counts for row in book.imports()] == [1, 2]


def test_a_term_is_followed_by_the_next_and_all_of_it_is_kept(book, clock):
    book.bring([(1, count())], LI, "秋季.csv")
    clock.forward(60)
    book.bring([(1, count(first=SPRING, people=2))], WANG, "春季.csv")
    assert [book.on(day)["r1"].count.people for day in (AUTUMN, date(2027, 2, 21), SPRING)] == [4, 4, 2]
    assert book.on(date(2026, 8, 31)) == {}
    assert [(b.count.first, b.who, b.source) for b in book.history("r1")] == [
        (SPRING, "wang", "春季.csv"), (AUTUMN, "li", "秋季.csv")
    ]  # fmt: skip


def test_a_count_as_in_the_term_before_is_kept_for_the_next_one(book):
    book.bring([(1, count())], LI)
    book.bring([(1, count(first=SPRING))], LI)
    book.bring([(1, count(people=1))], WANG)
    assert book.on(SPRING)["r1"].count.people == 4, "a correction of the autumn does not reach into the spring"


def test_the_rules_are_told_each_import_once_in_order(book):
    book.bring([(1, count()), (2, count("r2"))], LI)
    (first,) = book.give_out(0, NOW)
    assert (first.id, first.time, first.counts) == (1, NOW, (count(), count("r2")))
    book.bring([(1, count(people=1))], LI)
    later = NOW + np.timedelta64(1, "h")
    assert [(e.id, e.time) for e in book.give_out(1, later)] == [(2, later)]
    assert book.give_out(2, later) == ()
    assert [e.time for e in book.given_out()] == [NOW, later]


def test_who_brings_them_has_a_name_and_a_file_name_has_an_end(book):
    with pytest.raises(RefusedError):
        book.bring([(1, count())], Actor(""))
    with pytest.raises(RefusedError):
        book.bring([(1, count())], LI, "x" * 300)
    assert book.imports() == ()
