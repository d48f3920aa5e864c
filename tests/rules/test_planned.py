"""Planned use: it explains too much use at its place and time, nothing is learned from it, and it is shown as such."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from metering.batch import ReadingBatch, batch_of
from metering.incident import ChangeKind
from metering.quantities import BY_NAME
from metering.site_document import SiteDocumentError, parse_site
from rules.backtest import AlertLines, backtest
from rules.settings import RulesSettings, parse_rules
from rules.shard import Shard
from rules.snapshot import SnapshotError

T0 = np.datetime64("2026-03-01T16:00:00", "ms")  # a local midnight in Shanghai
HOUR = np.timedelta64(3_600_000, "ms")
RULES = {"threshold": {"rules": [{"id": "much", "when": "flow > 5", "for": "1 h", "medium": "water"}]}}
POOL = {"node": "dorm-2", "medium": "water", "from": "2026-03-02T06:00+08:00", "to": "2026-03-02T12:00+08:00",
        "text": "泳池注水"}  # fmt: skip


def document(*planned: dict[str, Any]) -> dict[str, Any]:
    nodes = [{"id": "campus", "kind": "campus"}] + [
        {"id": f"dorm-{i}", "kind": "building", "parent": "campus"} for i in (1, 2)
    ]
    meters: list[dict[str, Any]] = [{"id": "W", "medium": "water", "node": "campus"}]
    meters += [{"id": f"W{i}", "medium": "water", "node": f"dorm-{i}", "parent": "W"} for i in (1, 2)]
    head = {"id": "s", "timezone": "Asia/Shanghai"}
    return {"site": head, "planned": list(planned), "nodes": nodes, "meters": meters}


def used(until_h: float, busy: int = 2) -> ReadingBatch:
    hours = np.arange(0, 96, 0.25)
    use = np.ones((len(hours), 2)) / 4
    use[(hours >= 7) & (hours < 7 + until_h), busy - 1] = 9 / 4
    register = np.column_stack([use.sum(axis=1), use]).cumsum(axis=0)
    time = T0 + (hours * 4).astype(int) * (HOUR // 4)
    meter = np.tile(np.arange(3), len(hours))
    return batch_of(("W", "W1", "W2"), meter, BY_NAME["water_volume"].code, np.repeat(time, 3), register.ravel())


def shown(until_h: float, *planned: dict[str, Any], busy: int = 2) -> tuple[list[str], list[Any]]:
    """Places of the alerts shown, and all changes; a dorm uses 9 m3/h from 7:00 local until so many hours later."""
    site = parse_site(document(*planned))
    lines, changes = AlertLines(), []
    for events in backtest(site, parse_rules(RULES, site), [used(until_h, busy)]):
        lines.add(events.changes)
        changes += events.changes
    return [i.node for i in lines.incidents()], changes


def test_without_a_plan_it_is_an_alert():
    assert shown(4)[0] == ["dorm-2"]


def test_a_plan_explains_it_there_and_above():
    nodes, changes = shown(4, POOL)
    assert nodes == []
    raised = next(c.incident for c in changes if c.incident.node == "dorm-2" and c.kind is ChangeKind.RAISED)
    assert str(raised.inhibited_by).startswith("planned:dorm-2:water:")
    assert raised.evidence["planned"] == {
        "node": "dorm-2",
        "medium": "water",
        "from": "2026-03-01T22:00:00+00:00",
        "to": "2026-03-02T04:00:00+00:00",
        "text": "泳池注水",
    }


@pytest.mark.parametrize(
    "plan",
    [
        POOL | {"node": "dorm-1"},
        POOL | {"medium": "electricity"},
        POOL | {"from": "2026-03-03T06:00+08:00", "to": "2026-03-03T12:00+08:00"},
    ],
)
def test_a_plan_of_another_place_medium_or_time_explains_nothing(plan):
    assert shown(4, plan)[0] == ["dorm-2"]


def test_a_plan_for_the_whole_campus_holds_below():
    assert shown(4, POOL | {"node": "campus"})[0] == []


def test_what_goes_on_long_after_its_end_is_told():
    nodes, changes = shown(72, POOL)
    assert nodes == ["dorm-2"]
    released = next(c for c in changes if c.kind is ChangeKind.RELEASED)
    assert released.time >= T0 + 12 * HOUR + 36 * HOUR
    assert "planned" not in released.incident.evidence


def test_nothing_is_learned_on_its_days_and_the_state_is_of_that_plan():
    plain, planned = parse_site(document()), parse_site(document(POOL | {"node": "dorm-1"}))
    plans = Shard(planned)._book.plans
    day = int((T0 + 8 * HOUR).astype("datetime64[D]").astype(int))
    shown = [True, True, False]
    # The day after, too: that is when some detectors learn a day.
    assert [plans.unusual(day + i).tolist() for i in (-1, 0, 1, 2)] == [[False] * 3, shown, shown, [False] * 3]
    with pytest.raises(SnapshotError, match="site"):
        Shard.restore(Shard(plain).snapshot(), planned)
    assert Shard.restore(Shard(planned, RulesSettings()).snapshot(), planned)


@pytest.mark.parametrize("is_planned", [True, False])
def test_what_a_detector_takes_for_usual_has_nothing_of_it(is_planned):
    """The day is learned once the next has begun: the plan must still hold then."""
    site = parse_site(document(*[POOL] * is_planned))
    shard = Shard(site)
    shard.process(1, used(4))
    highest = shard._detectors["burst_flow"]._memory.records.highest()
    assert np.nanmax(highest[:, shard._columns.index["W2"]]) == pytest.approx(1 if is_planned else 9)


def test_of_two_plans_that_begin_together_the_longer_holds():
    longer = POOL | {"to": "2026-03-02T20:00+08:00", "text": "long"}
    for plans in ((POOL, longer), (longer, POOL)):
        (use,) = Shard(parse_site(document(*plans)))._book.plans.by_id.values()
        assert use.text == "long"


@pytest.mark.parametrize(
    ("change", "path", "says"),
    [
        ({"node": "dorm-9"}, "planned.0.node", "no node 'dorm-9'"),
        ({"to": "2026-03-02T05:00+08:00"}, "planned.0.to", "ends before it begins"),
        ({"medium": "wine"}, "planned.0.medium", "water"),
        ({"from": "soon"}, "planned.0.from", "soon"),
        ({"until": 1}, "planned.0.until", "allowed: node, medium, from, to, text"),
    ],
)
def test_a_wrong_plan_is_refused(change, path, says):
    with pytest.raises(SiteDocumentError) as refused:
        parse_site(deepcopy(document(POOL | change)))
    told = {".".join(map(str, f.path)): f.message for f in refused.value.faults}
    assert says in told[path]
