"""Head-counts in the rules: from a midnight on, each once, the same after a restart and a rebuild."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from metering.batch import ReadingBatch, batch_of
from metering.entries import HeadCounts
from metering.head_counts import HeadCount
from metering.quantities import BY_NAME
from metering.site import Site
from metering.site_document import parse_site
from rules.backtest import AlertLines, backtest
from rules.head_counts import DatedHeads
from rules.rebuild import rebuild
from rules.settings import RulesSettings
from rules.shard import Shard

T0 = np.datetime64("2026-03-01T16:00:00", "ms")  # a local midnight in Shanghai: that of 2 March
DAY = np.timedelta64(86_400_000, "ms")
FIRST, ROOMS = date(2026, 3, 2), 10
TWICE = 32  # the day from which on twice as many live in r0


def site() -> Site:
    rooms = [{"id": f"r{i}", "kind": "room", "parent": "house", "beds": 4} for i in range(ROOMS)]
    meters = [{"id": f"e{i}", "medium": "electricity", "node": f"r{i}", "resolution": 0.001} for i in range(ROOMS)]
    return parse_site(
        {
            "site": {"id": "s", "timezone": "Asia/Shanghai"},
            "nodes": [{"id": "house", "kind": "building"}, *rooms],
            "meters": meters,
        }
    )


def days(first: float, end: float) -> ReadingBatch:
    """Registers each quarter hour: rooms alike but for a little, from `TWICE` on r0 uses twice as much."""
    hours = np.arange(0, end * 24, 0.25)
    use = np.where(hours % 24 < 7, 0.05, 0.4)[:, None] * (1 + 0.05 * np.sin(np.arange(ROOMS) + hours[:, None] // 24))
    use[hours >= TWICE * 24, 0] *= 2
    register = np.cumsum(use / 4, axis=0)[hours >= first * 24]
    time = T0 + (hours[hours >= first * 24] * 4).astype(int) * np.timedelta64(900_000, "ms")
    meter = np.tile(np.arange(ROOMS), len(time))
    names = tuple(f"e{i}" for i in range(ROOMS))
    return batch_of(names, meter, BY_NAME["active_energy_import"].code, np.repeat(time, ROOMS), register.ravel())


def counted(number: int, told: float, *rows: tuple[str, int, int | None, int | None]) -> HeadCounts:
    """Rows of place, first day (from T0's on), beds, people; known from so many days after T0 on."""
    at = T0 + np.timedelta64(round(told * 86_400_000), "ms")
    return HeadCounts(at, number, tuple(HeadCount(n, FIRST + timedelta(days=d), b, p) for n, d, b, p in rows))


def heads(known: DatedHeads, day: int) -> dict[str, int]:
    known.begin(int(T0.astype("datetime64[D]").astype(int)) + 1 + day)
    return known.heads


def test_a_count_holds_from_its_midnight_on_and_not_before_it_was_known():
    known = DatedHeads(site())
    known.take(counted(1, 4.5, ("r0", 2, 4, 3), ("r1", 6, 6, None), ("r9", 0, None, 0), ("gone", 0, 4, 4)))
    assert heads(known, 4) == {}, "brought at noon: the day that had begun is judged as it was"
    assert heads(known, 5) == {"r0": 3, "r9": 0}
    assert heads(known, 6) == {"r0": 3, "r1": 6, "r9": 0}
    assert known.counted().nodes["r1"].beds == 6
    assert known.counted().nodes["r2"].beds == 4


def test_the_later_brought_corrects_its_day_and_no_count_comes_twice():
    known = DatedHeads(site())
    first, second = counted(1, 1, ("r0", 0, 4, 2)), counted(2, 2, ("r0", 0, 4, 4), ("r0", 9, 4, 1))
    for entry in (first, second, first):
        known.take(entry)
    assert [heads(known, day) for day in (1, 2, 9)] == [{"r0": 2}, {"r0": 4}, {"r0": 1}]
    again = DatedHeads(site())
    again.restore(known.state())
    assert (heads(again, 5), again.seen) == ({"r0": 4}, 2)


def raised(*entries: Any) -> list[str]:
    lines = AlertLines()
    for events in backtest(site(), RulesSettings(), entries):
        lines.add(events.changes)
    return [i.subject for i in lines.incidents() if i.rule == "peer_usage"]


MOVED_IN = (("r0", TWICE, 8, 8),)


def test_a_room_of_twice_as_many_is_no_case_and_one_that_only_uses_twice_as_much_is():
    assert raised(days(0, 45)) == ["e0"]
    assert raised(counted(1, 0, *MOVED_IN), days(0, 45)) == []
    assert raised(counted(1, 0, ("r0", TWICE + 60, 8, 8)), days(0, 45)) == ["e0"], "of next term"


def test_any_cut_a_restart_and_a_rebuild_come_to_the_same_state():
    told = counted(1, 20.3, *MOVED_IN)
    whole = Shard(site(), RulesSettings())
    for seq, entry in enumerate((days(0, 20.3), told, days(20.3, 40)), start=1):
        whole.process(seq, entry)
    cut = Shard(site(), RulesSettings())
    for first, end in pairwise((0, 7.1, 20.3, 25, 40)):
        if first == 20.3:
            cut.process(cut.applied_seq, told)
        cut.process(3, days(first, end))
        cut = Shard.restore(cut.snapshot(), site(), RulesSettings())
    rebuilt = rebuild(site(), RulesSettings(), [days(0, 40)], [], seq=3, at=T0 + 40 * DAY, words=[told]).shard
    assert whole._heads.heads == {"r0": 8}
    assert whole.snapshot() == cut.snapshot() == rebuilt.snapshot()
