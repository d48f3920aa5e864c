import threading

import numpy as np
import pytest

from collector.counts import Counts
from metering.batch import batch_of, empty_batch
from metering.health import HealthReport, JournalHealth, MeterHealth

NOW = np.datetime64("2026-03-02T08:00:00", "ms")


class OneJournal:
    def health(self) -> JournalHealth:
        return JournalHealth(entries=7)


def report(counts: Counts, now: np.datetime64 = NOW) -> HealthReport:
    return counts.report(now, OneJournal())


def meter(counts: Counts, name: str, now: np.datetime64 = NOW) -> MeterHealth:
    return next(m for m in report(counts, now).meters if m.meter == name)


def batch(meters, rows, minutes):
    times = NOW + np.array(minutes, "timedelta64[m]")
    return batch_of(meters, rows, 1, times, np.arange(len(rows)))


def test_polled_meter_counts_what_it_is_told():
    counts = Counts()
    counts.declare("m1", "tcp://gateway:502")
    counts.expected("m1", 30)
    counts.received("m1", 28, NOW)
    counts.skipped("m1", 2)
    counts.error("m1", "timed out")
    counts.breaker("m1", "open")
    assert meter(counts, "m1") == MeterHealth(
        "m1", "tcp://gateway:502", 30, 28, 0, 2, 1, "timed out", NOW, "open"
    )  # fmt: skip


def test_batch_counts_rows_per_meter_and_the_newest_time_even_out_of_order():
    counts = Counts()
    counts.received_batch(batch(("b", "a"), [1, 0, 1, 1], [5, 1, 9, 2]))
    counts.stored(batch(("a",), [0, 0], [5, 9]))
    a, b = meter(counts, "a"), meter(counts, "b")
    assert (a.received, a.stored, a.last_reading) == (3, 2, NOW + np.timedelta64(9, "m"))
    assert (b.received, b.stored, b.last_reading) == (1, 0, NOW + np.timedelta64(1, "m"))


def test_declared_silent_meter_is_in_the_report():
    counts = Counts()
    counts.declare("silent", "mqtt://broker:1883", push_period_s=60)
    found = meter(counts, "silent")
    assert (found.expected, found.received, found.last_reading) == (0, 0, None)


def test_expected_of_a_sending_meter_shows_messages_that_never_came():
    counts = Counts()
    counts.declare("w", "mqtt://broker:1883", push_period_s=60)
    for minute in (0, 1, 2, 5, 6):  # 3 and 4 are lost; two readings a message
        both = batch(("w",), [0, 0], [minute, minute])
        counts.received_batch(both)
    found = meter(counts, "w", NOW + np.timedelta64(6, "m"))
    assert (found.expected, found.received) == (14, 10)


def test_expected_of_a_sending_meter_goes_on_while_it_is_silent():
    counts = Counts()
    counts.declare("w", "mqtt://broker:1883", push_period_s=60)
    counts.received_batch(batch(("w",), [0], [0]))
    assert meter(counts, "w", NOW + np.timedelta64(10, "m")).expected == 10  # the one of minute 10 may be on its way


def test_several_messages_of_one_meter_in_a_burst():
    counts = Counts()
    counts.declare("w", "mqtt://broker:1883", push_period_s=60)
    messages = np.zeros(3, np.int32)
    counts.received_batch(batch(("w",), [0, 0, 0], [0, 1, 2]), messages)
    assert meter(counts, "w", NOW + np.timedelta64(2, "m")).expected == 3


def test_a_message_that_comes_twice_does_not_hide_one_that_never_came():
    """A broker delivers at least once; after its end with -9 again what it had not yet written down."""
    counts = Counts()
    counts.declare("w", "mqtt://broker:1883", push_period_s=60)
    for minutes in ([0, 0, 1, 1, 3, 3], [1, 1, 3, 3, 3, 3, 4, 4]):  # 2 is lost; two readings a message
        messages = np.zeros(len(minutes) // 2, np.int32)
        counts.received_batch(batch(("w",), [0] * len(minutes), minutes), messages)
    found = meter(counts, "w", NOW + np.timedelta64(4, "m"))
    assert found.received == 14
    assert found.expected - found.received == 2


def test_more_meters_than_the_first_table_holds():
    counts = Counts()
    names = tuple(f"m{i}" for i in range(1000))
    counts.received_batch(batch(names, np.arange(1000), np.zeros(1000, int)))
    counts.received("m999", 4)
    found = report(counts).meters
    assert len(found) == 1000
    assert [m.received for m in found] == [1] * 999 + [5]
    assert all(m.last_reading == NOW for m in found)


def test_connection_adds_counters_and_keeps_the_last_error():
    counts = Counts()
    counts.connection("mqtt://b:1883", "connecting", meters=3)
    counts.connection("mqtt://b:1883", "failed", errors=1, error="refused")
    counts.connection("mqtt://b:1883", "connected", reconnects=1, requests=5)
    (found,) = report(counts).connections
    assert (found.state, found.meters, found.requests, found.errors, found.reconnects, found.last_error) == (
        "connected", 3, 5, 1, 1, "refused",
    )  # fmt: skip
    counts.forget_connection("mqtt://b:1883")
    assert report(counts).connections == ()


def test_set_aside_by_reason_and_the_journal_in_the_report():
    counts = Counts()
    counts.set_aside("malformed payload")
    counts.set_aside("malformed payload", 2)
    found = report(counts)
    assert found.set_aside == {"malformed payload": 3}
    assert (found.journal.entries, found.time) == (7, NOW)


def test_an_empty_batch_counts_nothing():
    counts = Counts()
    counts.received_batch(empty_batch())
    counts.stored(empty_batch())
    assert report(counts).meters == ()


@pytest.mark.parametrize("threads", [8])
def test_nothing_is_lost_between_threads(threads):
    counts = Counts()
    one = batch(("a", "b"), [0, 1, 1], [0, 0, 1])

    def count() -> None:
        for _ in range(300):
            counts.received_batch(one)
            counts.expected("a")
            counts.connection("c", "connected", requests=1)

    running = [threading.Thread(target=count) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert meter(counts, "a").received == 300 * threads
    assert meter(counts, "b").received == 600 * threads
    assert meter(counts, "a").expected == 300 * threads
    assert report(counts).connections[0].requests == 300 * threads
