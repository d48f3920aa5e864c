"""CSV files as other systems leave them: grown, replaced, half written, of other encodings, damaged, gone."""

from __future__ import annotations

import gzip

import pytest
from pull_bench import HEAD, line

from collector.pull.files import LONGEST_LINE
from collector.pull.source import SourceError

A1, A2, A3 = ("e-a", "10:01", 1.0), ("e-a", "10:02", 2.0), ("e-a", "10:03", 3.0)


def test_a_file_that_grows_is_read_on_and_nothing_comes_twice(bench):
    bench.write("a.csv", HEAD + line(1, 1))
    puller = bench.puller(bench.files())
    assert (puller.turn(), bench.taken()) == (None, [A1])
    assert (puller.turn(), bench.taken()) == (None, [A1])
    bench.forward(60)
    bench.write("a.csv", HEAD + line(1, 1) + line(2, 2))
    puller.turn()
    assert bench.taken() == [A1, A2]
    assert bench.line.state == "connected"


def test_where_it_was_is_known_after_a_restart(bench, reopened):
    bench.write("a.csv", HEAD + line(1, 1))
    bench.puller(bench.files()).turn()
    again = reopened(bench)
    again.forward(60)
    again.write("a.csv", HEAD + line(1, 1) + line(2, 2))
    again.puller(again.files()).turn()
    assert again.taken() == [A1, A2]


@pytest.mark.parametrize(
    "after",
    [HEAD + line(2, 2), HEAD + line(2, 2) + line(3, 3) + line(4, 4), "time,meter,kwh\n2026-11-23 10:02,a,2\n"],
    ids=["shorter", "longer", "other columns"],
)
def test_a_file_that_was_replaced_is_read_anew(bench, after):
    bench.write("a.csv", HEAD + line(1, 1) + line(3, 3))
    puller = bench.puller(bench.files())
    puller.turn()
    bench.forward(60)
    bench.write("a.csv", after)
    puller.turn()
    assert bench.taken()[:3] == [A1, A3, A2]


def test_a_correction_in_the_middle_is_read_though_nothing_grew(bench):
    bench.write("a.csv", HEAD + line(1, 7) + line(2, 2))
    puller = bench.puller(bench.files())
    puller.turn()
    bench.forward(60)
    bench.write("a.csv", HEAD + line(1, 1) + line(2, 2))
    puller.turn()
    assert bench.taken()[2:] == [A1, A2]


def test_a_line_that_is_being_written_waits_for_its_end(bench):
    bench.write("a.csv", HEAD + line(1, 1) + "a,2026-11-23 10:02,2")
    puller = bench.puller(bench.files())
    puller.turn()
    assert bench.taken() == [A1]
    bench.forward(5)
    bench.write("a.csv", HEAD + line(1, 1) + "a,2026-11-23 10:02,234.5\n" + line(3, 3))
    puller.turn()
    assert bench.taken() == [A1, ("e-a", "10:02", 234.5), A3]


def test_a_last_line_that_never_ends_is_taken_when_the_file_stands_still(bench):
    bench.write("a.csv", HEAD + line(1, 1) + line(2, 2).strip())
    puller = bench.puller(bench.files())
    bench.forward(61)
    puller.turn()
    puller.turn()
    assert bench.taken() == [A1, A2]
    bench.write("a.csv", HEAD + line(1, 1) + line(2, 2).strip() + "5\n" + line(3, 3))
    puller.turn()
    assert bench.taken()[2:] == [("e-a", "10:02", 25.0), A3], "it was written on after all: its later value holds"


def test_files_come_by_name_and_one_that_is_new_later(bench):
    bench.write("2.csv", HEAD + line(2, 2))
    bench.write("1.csv", HEAD + line(1, 1))
    bench.write("1.txt", HEAD + line(9, 9))
    puller = bench.puller(bench.files())
    puller.turn()
    bench.write("0.csv", HEAD + line(3, 3))
    puller.turn()
    assert bench.taken() == [A1, A2, A3]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_encodings_of_offices_are_told_apart(bench, encoding):
    bench.write("a.csv", "meter,备注,time,kwh\r\na,电表,2026-11-23 10:01,1\r\n".encode(encoding))
    bench.puller(bench.files()).turn()
    assert (bench.taken(), bench.set_aside) == ([A1], {})


def test_a_file_may_be_ascii_for_a_day_and_then_gbk(bench):
    bench.write("a.csv", "meter,time,kwh,note\n" + line(1, 1))
    puller = bench.puller(bench.files())
    puller.turn()
    bench.forward(60)
    bench.write("a.csv", ("meter,time,kwh,note\n" + line(1, 1) + "a,2026-11-23 10:02,2,换表\n").encode("gbk"))
    puller.turn()
    assert bench.taken() == [A1, A2]


def test_packed_files_are_read_and_a_torn_one_stops_no_other(bench):
    whole = gzip.compress((HEAD + line(1, 1)).encode())
    bench.write("1.csv.gz", whole[: len(whole) - 6])
    bench.write("2.csv.gz", b"no gzip at all")
    bench.write("3.csv.gz", whole)
    puller = bench.puller(bench.files(pattern="*.csv.gz"))
    puller.turn()
    puller.turn()
    assert bench.taken().count(A1) >= 1
    assert bench.set_aside == {"pull dorm: unreadable file": 2}


def test_bad_rows_are_named_with_file_and_line_and_stop_no_other(bench):
    rows = [
        line(1, 1), "stranger,2026-11-23 10:01,1\n", "a,noon,1\n", "a,2026-11-23 10:02,much\n", "a,2026-11-23 10:02\n",
        "a,2026-11-23 10:02,2,9\n", '"a,2026-11-23 10:02,2\n', "\n", "a,2026-11-24 23:00,2\n", line(2, 2),
    ]  # fmt: skip
    bench.write("a.csv", HEAD + "".join(rows))
    pulled = bench.puller(bench.files()).pull()
    assert bench.taken() == [A1, A2]
    where = [int(said.split("a.csv:")[1].split(":")[0]) for said in sorted(pulled.named)]
    assert sorted(where) == [3, 4, 5, 7, 8, 10]
    assert bench.set_aside == {
        "pull dorm: unknown meter": 1, "pull dorm: no time": 1, "pull dorm: no number": 1, "pull dorm: line": 2,
        "pull dorm: wrong clock": 1,
    }  # fmt: skip


def test_numbers_of_lines_go_on_where_a_file_is_read_on(bench):
    bench.write("a.csv", HEAD + line(1, 1))
    puller = bench.puller(bench.files())
    puller.turn()
    bench.forward(60)
    bench.write("a.csv", HEAD + line(1, 1) + "a,noon,1\n")
    (named,) = puller.pull().named
    assert "a.csv:3: time: 'noon'" in named


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a,b\n1,2\n", "no column meter, time, kwh"),
        ("PK\x03\x04\n\x00\x00\n", "no column"),
        ((HEAD + line(1, 1)).encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_of_other_columns_is_told_once_until_it_changes(bench, content, says):
    bench.write("a.csv", content)
    bench.write("b.csv", HEAD + line(1, 1))
    puller = bench.puller(bench.files())
    (named,) = puller.pull().named
    assert says in named
    assert puller.pull().faults == 0
    bench.forward(60)
    bench.write("a.csv", HEAD + line(2, 2))
    puller.turn()
    assert bench.taken() == [A1, A2]


def test_an_empty_file_and_one_whose_first_line_is_being_written_are_nothing_yet(bench):
    bench.write("a.csv", "")
    bench.write("b.csv", "meter,ti")
    bench.forward(100)
    assert bench.puller(bench.files()).pull().faults == 0
    bench.write("b.csv", HEAD + line(1, 1))
    bench.puller(bench.files()).turn()
    assert bench.taken() == [A1]


def test_a_line_without_end_costs_itself_only(bench):
    bench.write("a.csv", HEAD + line(1, 1) + "x" * (3 * LONGEST_LINE) + "\n" + line(2, 2))
    puller = bench.puller(bench.files())
    puller.turn()
    assert (bench.taken(), bench.set_aside) == ([A1, A2], {"pull dorm: line": 1})
    bench.forward(60)
    with (bench.folder / "a.csv").open("a") as file:
        file.write(line(3, 3))
    puller.turn()
    assert bench.taken() == [A1, A2, A3]


def test_a_folder_that_is_gone_is_said_to_be_and_asked_again_later_and_later(bench):
    puller = bench.puller(bench.files(bench.folder / "share"))
    with pytest.raises(SourceError, match="no file or folder"):
        puller.pull()
    waits = []
    for _ in range(9):
        waits.append(puller.turn())
        bench.forward(waits[-1])
    assert waits[:4] == [10, 20, 40, 80]
    assert waits[-1] == 900
    assert (bench.line.state, "no file or folder" in bench.line.last_error) == ("failed", True)
    (bench.folder / "share").mkdir()
    assert puller.turn() is None
    assert (bench.line.state, bench.line.reconnects) == ("connected", 1)


def test_one_file_may_stand_alone(bench):
    path = bench.write("readings.txt", HEAD + line(1, 1))
    bench.puller(bench.files(path)).turn()
    assert bench.taken() == [A1]


def test_a_folder_in_the_place_of_a_file_stops_no_other(bench):
    (bench.folder / "0.csv").mkdir()
    bench.write("1.csv", HEAD + line(1, 1))
    bench.puller(bench.files()).turn()
    assert bench.taken() == [A1]


def test_a_long_file_goes_in_pieces_each_with_its_place(bench, reopened):
    rows = "".join(f"a,2026-11-23 0{h}:{m:02}:{s:02},{h}\n" for h in range(4) for m in range(60) for s in range(60))
    bench.write("a.csv", HEAD + rows)
    puller, appended = bench.puller(bench.files()), bench.journal.append

    def killed(entries, marks=None):
        if bench.journal.head() >= 2:
            raise SystemExit
        return appended(entries, marks)

    bench.journal.append = killed
    with pytest.raises(SystemExit):
        puller.pull()
    again = reopened(bench)
    assert len(again.taken()) == 10_000
    again.puller(again.files()).turn()
    assert len(again.taken()) == 14_400
