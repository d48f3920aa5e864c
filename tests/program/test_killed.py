"""kill -9 at many points of a whole program: what was journaled is stored once, and people hear of it once.

Each test kills one program again and again on one data folder while a campus's 35 days go through it, until all is
stored, judged and told; then every row is compared with a program that nothing happened to.
"""

from __future__ import annotations

from collections import Counter

import pytest
from fed import random_delays
from killed_program import POINTS
from state import state_of

from bench.harness.feed import all_readings, fingerprint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def check(program, undisturbed, fed, repeats_allowed):
    """Everything is as without a kill; how many notifications came twice."""
    found, expected = state_of(program.data), undisturbed.state
    assert found.readings == fingerprint(all_readings(fed.entries))
    assert found.written == len(found.readings)
    assert found.intervals == expected.intervals
    assert found.alerts == expected.alerts
    assert found.audit == expected.audit
    assert set(found.audited("raised").values()) == {1}
    check_told(found)
    delivered = program.delivered()
    assert set(delivered) == {id_ for id_, row in found.notifications.items() if row[-1] == "delivered"}
    assert sum(delivered.values()) <= repeats_allowed
    return sum(delivered.values())


def check_told(found):
    """Whatever is open was told, once; which alerts share a message is a matter of when the program died."""
    told = found.told_first()
    open_alerts = set(found.open_alerts())
    assert open_alerts
    assert open_alerts <= set(told)
    assert set(told.values()) == {1}
    assert {row[-1] for row in found.notifications.values()} <= {"delivered", "withdrawn"}


def test_without_a_kill_all_is_stored_judged_and_told_once(undisturbed, fed):
    state = undisturbed.state
    assert state.readings == fingerprint(all_readings(fed.entries))
    assert state.written == len(state.readings)
    assert len(state.alerts) >= 5
    assert set(state.audited("raised")) == set(state.alert_ids)
    check_told(state)
    assert set(undisturbed.delivered) == set(state.notifications)
    assert len(undisturbed.delivered) >= 5
    assert not any(undisturbed.delivered.values())


# Each is where a new start dies. Alerts come in the last two weeks of the history, so their points come last.
SCHEDULE = [
    ("journaled", 1), ("stored", 1), ("snapshotting", 1), ("journaled", 7), ("snapshotted", 1), ("stored", 4),
    ("snapshotting", 2), ("journaled", 20), ("snapshotted", 2),
    *[(point, 1) for point in ("derived", "routing", "sending", "applied", "routed", "answered", "applying", "marked")],
    ("stored", 2), ("applied", 2), ("routed", 1), ("journaled", 3), ("derived", 2), ("answered", 1),
    ("snapshotted", 1), ("routing", 1),
    ("applying", 2), ("snapshotting", 1), ("sending", 1), ("marked", 1), ("stored", 1), ("applied", 3),
]  # fmt: skip


def test_killed_at_each_point_again_and_again(program, undisturbed, fed):
    running = program()
    died_at = Counter(point for point, occurrence in SCHEDULE if not running.run(point, occurrence))
    while not running.run():
        pass
    assert died_at.total() >= 18
    assert set(died_at) == set(POINTS) - {"reconciled"}, died_at
    # Another thread may die in the window by chance, so: one a death.
    check(running, undisturbed, fed, repeats_allowed=running.deaths)


def test_killed_at_any_moment(program, undisturbed, fed):
    running = program()
    for delay_s in random_delays(seed=1, count=10, longest_s=1.2):
        if running.run(dies_after_s=delay_s):
            break
    while not running.run():
        pass
    assert running.deaths >= 5
    check(running, undisturbed, fed, repeats_allowed=running.deaths)


def test_killed_between_answer_and_mark_that_one_comes_twice_with_its_id(program, undisturbed, fed):
    running = program()
    while not running.run("answered", 2):
        pass
    assert running.deaths >= 2
    assert check(running, undisturbed, fed, repeats_allowed=running.deaths) == running.deaths


def test_killed_beside_that_window_nothing_comes_twice(program, undisturbed, fed):
    running = program()
    for point in ("sending", "marked", "sending"):
        running.run(point, 2)
    while not running.run():
        pass
    assert running.deaths >= 2
    check(running, undisturbed, fed, repeats_allowed=0)


def test_killed_in_a_rebuild_after_a_change_of_the_rules(program, undisturbed, fed, tmp_path):
    """What is open keeps its id, nobody is told again of what was told."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("incidents: {previous_days: 15}\n")
    running = program()
    assert running.run(upto=250)
    told = running.delivered()
    assert len(told) >= 3
    for point in ("reconciled", "snapshotting", "snapshotted"):
        assert not running.run(point, 1, rules=str(rules)), point
    assert running.run(rules=str(rules))
    found = state_of(running.data)
    assert found.readings == undisturbed.state.readings
    assert found.written == len(found.readings)
    assert found.alert_ids == undisturbed.state.alert_ids
    assert set(found.audited("raised").values()) == {1}
    check_told(found)
    assert set(told) <= set(found.notifications) == set(running.delivered())
    assert sum(running.delivered().values()) <= running.deaths
