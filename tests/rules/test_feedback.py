"""What people say, as the rules take it: from its event time on, in any cut, over a restart and a rebuild."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from metering.batch import ReadingBatch, batch_of, to_datetime
from metering.entries import Feedback
from metering.incident import ChangeKind, IncidentChange
from metering.quantities import BY_NAME
from metering.site import PlannedUse, Site
from metering.site_document import parse_site
from rules.feedback import PeoplesWords
from rules.rebuild import rebuild
from rules.settings import RulesSettings
from rules.shard import Shard

T0 = np.datetime64("2026-03-01T16:00:00", "ms")  # a local midnight in Shanghai
DAY = np.timedelta64(86_400_000, "ms")
HOUR = np.timedelta64(3_600_000, "ms")
FLAT = (("continuous_flow", "flat"),)
BOTH = (*FLAT, ("minimum_night_flow", "flat"))  # who would speak of it
LEAK_DAY = 25


def site() -> Site:
    return parse_site(
        {
            "site": {"id": "s", "timezone": "Asia/Shanghai"},
            "nodes": [{"id": "house", "kind": "building"}, {"id": "flat-1", "kind": "room", "parent": "house"}],
            "meters": [
                {"id": "flat", "medium": "water", "node": "flat-1", "resolution": 0.001},
                {"id": "shop", "medium": "water", "node": "house", "resolution": 0.001},
            ],
        }
    )


def days(first: float, end: float, leak: float = 0.007) -> ReadingBatch:
    """Registers each quarter hour: used by day, empty at night, from `LEAK_DAY` on the flat's never is."""
    hours = np.arange(first * 24, end * 24, 0.25)
    busy = np.where(hours % 24 < 7, 0.0, 0.02)
    used = np.arange(0, end * 24, 0.25)
    total = np.cumsum(np.where(used % 24 < 7, 0.0, 0.02) / 4)[-len(busy) :]
    lost = np.maximum(hours - LEAK_DAY * 24, 0.0) * leak
    register = np.floor(np.column_stack([total + lost, total]) * 1000) / 1000
    time = T0 + (hours * 4).astype(int) * (HOUR // 4)
    meter = np.tile(np.arange(2), len(hours))
    return batch_of(("flat", "shop"), meter, BY_NAME["water_volume"].code, np.repeat(time, 2), register.ravel())


def said(number: int, outcome: str, day: float = 20.0, **more: Any) -> Feedback:
    at = T0 + np.timedelta64(round(day * 86_400_000), "ms")
    return Feedback(at, number, outcome, "li", at - HOUR, **{"alert": f"a{number}", "judged": FLAT, **more})


def pool(number: int, day: float, first: float, end: float, **more: Any) -> Feedback:
    start, until = (to_datetime(T0) + timedelta(days=d) for d in (first, end))
    return said(number, "planned_use", day, judged=(), use=PlannedUse("flat-1", start, until, "注水", "water"), **more)


def told(shard: Shard, *entries: Any) -> list[IncidentChange]:
    return [c for e in entries for c in shard.process(shard.applied_seq + 1, e).changes]


def raised(changes: list[IncidentChange]) -> list[str]:
    return [c.incident.subject for c in changes if c.kind is ChangeKind.RAISED and c.incident.inhibited_by is None]


# -- which words stand ------------------------------------------------------------------------------------------------


def standing(*words: Feedback) -> PeoplesWords:
    known = PeoplesWords()
    for word in words:
        known.take(word)
    known.hear(int((T0 + 99 * DAY).astype(np.int64)))
    return known


def test_a_word_corrected_or_taken_back_leaves_nothing_behind():
    before = standing(said(1, "false"), said(3, "false"))
    assert before.cautions() == {"continuous_flow": {"flat": 1.5625}}
    corrected = standing(said(1, "false"), said(2, "false"), said(3, "false"), said(4, "confirmed", replaces=2))
    assert corrected.cautions() == standing(said(1, "false"), said(3, "false"), said(4, "confirmed")).cautions()
    back = standing(said(1, "false"), said(2, "confirmed"), said(3, "false"), said(4, "withdrawn", replaces=2))
    assert back.cautions() == before.cautions()
    assert standing(said(1, "false"), said(2, "withdrawn", replaces=1)).cautions() == {}


def test_a_word_of_several_findings_counts_for_each_and_for_no_other():
    both = (("continuous_flow", "flat"), ("minimum_night_flow", "shop"))
    known = standing(said(1, "false", judged=both), said(2, "reset", judged=FLAT))
    assert known.cautions() == {"minimum_night_flow": {"shop": 1.25}}


def test_words_that_come_again_change_nothing():
    words = [said(1, "false"), said(2, "withdrawn", replaces=1), said(3, "false")]
    once, again = standing(*words), standing(*words, *words)
    assert again.state() == once.state()


def test_a_clock_set_back_does_not_turn_the_order_of_words():
    known = standing(said(1, "false", day=20), said(2, "withdrawn", day=19, replaces=1))
    assert known.cautions() == {}


# -- what follows -----------------------------------------------------------------------------------------------------


def test_two_false_alerts_keep_a_leak_of_that_size_from_being_told():
    small = days(0, 29, leak=0.006)  # above 5 L/h, and a pulse a window below 7.8
    assert raised(told(Shard(site()), small)) == ["flat"]
    words = [said(1, "false", judged=BOTH), said(2, "false", judged=BOTH)]
    assert raised(told(Shard(site()), *words, small)) == []
    others = [said(n, "false", judged=(("continuous_flow", "shop"), ("burst_flow", "flat"))) for n in (1, 2)]
    assert raised(told(Shard(site()), *others, small)) == ["flat"]


def test_a_word_taken_back_gives_the_very_same_changes():
    plain = told(Shard(site()), days(0, 29))
    words = [said(1, "false", 18), said(2, "false", 18), said(3, "withdrawn", 20, replaces=1)]
    assert told(Shard(site()), *words, said(4, "withdrawn", 20, replaces=2), days(0, 29)) == plain
    assert told(Shard(site()), *words, said(4, "reset", 20), days(0, 29)) == plain


@pytest.mark.parametrize("cut", [[10, 20.5, 27], [21, 24, 24.25, 28.9]])
def test_it_counts_from_its_event_time_however_the_entries_come(cut):
    words = [said(1, "false", 21.3), said(2, "false", 24.1)]
    early = told(Shard(site()), *words, days(0, 29))
    edges = [0.0, *cut, 29.0]
    entries: list[Any] = []
    for first, end in pairwise(edges):
        entries += [w for w in words if first <= (w.time - T0) / DAY < end]  # just in time
        entries.append(days(first, end))
    assert told(Shard(site()), *entries) == early


@pytest.mark.parametrize("stop", [19.0, 21.0, 26.0])
def test_a_restart_goes_on_as_if_nothing_had_been(stop):
    words = [said(1, "false", 20), said(2, "false", 22), pool(3, 23, 24, 25.5)]
    whole = Shard(site())
    told(whole, *words, days(0, stop))
    again = Shard.restore(whole.snapshot(), site())
    assert told(again, *words, days(stop, 29)) == told(whole, *words, days(stop, 29))
    assert again.snapshot() == whole.snapshot()


def test_a_rebuild_knows_them_from_when_they_were_said():
    """A word of day 27 undoes no alert of day 26; one of day 20 keeps it from being raised."""
    for words in ([said(1, "false", 20), said(2, "false", 20)], [said(1, "false", 27.9), said(2, "false", 27.9)]):
        live = Shard(site())
        changes = told(live, *words, days(0, 29))
        made = rebuild(site(), RulesSettings(), [days(0, 29)], (), seq=9, at=T0 + 29 * DAY, words=words)
        assert made.shard.open_incidents == live.open_incidents
        assert [c.incident.id for c in made.changes] == [c.incident.id for c in changes if c.kind is ChangeKind.RAISED]
        replayed = told(made.shard, *words, days(29, 30))
        assert replayed == told(live, days(29, 30))


def test_planned_use_that_people_tell_explains_what_the_site_file_would():
    use = pool(1, 24, 24.5, 29)
    plain, planned = Shard(site()), Shard(replace(site(), planned=(use.use,)))
    assert raised(told(plain, use, days(0, 29))) == []
    assert raised(told(planned, days(0, 29))) == []
    assert plain.open_incidents == planned.open_incidents
    assert plain.open_incidents[0].evidence["planned"]["text"] == "注水"


def test_planned_use_told_late_quiets_what_is_open_and_taken_back_it_is_told_again():
    shard = Shard(site())
    assert raised(told(shard, days(0, 28))) == ["flat"]
    quiet = told(shard, pool(1, 28, 24, 28), days(28, 28.5))
    assert [c.kind for c in quiet if c.kind is not ChangeKind.UPDATED] == [ChangeKind.INHIBITED]
    back = told(shard, said(2, "withdrawn", 28.5, replaces=1), days(28.5, 29))
    assert [c.kind for c in back if c.kind is not ChangeKind.UPDATED] == [ChangeKind.RELEASED]


def test_planned_use_at_a_place_that_is_gone_is_passed_over():
    gone = pool(1, 24, 24.5, 29)
    gone = replace(gone, use=replace(gone.use, node="gym"))
    assert raised(told(Shard(site()), gone, days(0, 29))) == ["flat"]
