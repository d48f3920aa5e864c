"""kill -9 at every point of the story that tests/browser/test_whole_story.py plays: all that was to come still comes.

Nothing is lost; deadlines, steps, silences and repeats come when they would have come; and a notification comes twice
only where the program died between the channel's answer and its mark.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from story import CHANNELS, REPEAT, ROBOTS, STEP, TO_HEAD, TO_MANAGER, playing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def to_li(why):
    return {("li", channel, why): 1 for channel in CHANNELS}


RAISED, REPEATED, CLEARED = to_li("raised"), to_li("repeated"), to_li("cleared")
TO_WANG, TO_SUN = {("wang", "webhook", "unanswered"): 1}, {("sun", "e-mail", "unanswered"): 1}
QUARTER = timedelta(minutes=15)


@pytest.fixture
def story(tmp_path):
    with playing(tmp_path) as played:
        yield played


def pass_dying(story, time, *points):
    """So much time goes by, the last step of it while the program dies at these points one after the other."""
    story.pass_time(time - STEP)
    story.die_at(*points)
    story.pass_time()
    story.wait_for_deaths()


def check_sent(story):
    """What the records say was delivered is what was received; sent again was only what was never marked."""
    heard = story.heard()
    received = Counter(message.id for message in heard if message.id)
    channels = {(i, c) for i, c, state in story.rows("SELECT id, channel, state FROM outbox") if state == "delivered"}
    assert len(channels) == len(story.rows("SELECT id FROM outbox"))
    assert set(received) == {i for i, channel in channels if channel not in ROBOTS}
    asked, marked = Counter(), set()
    for line in (story.folder / "asked").read_text().splitlines():
        word, notification = line.split()
        if word == "marked":
            marked.add(notification)
        else:
            assert notification not in marked, "it was sent again although it was marked"
            asked[notification] += 1
    assert received <= asked
    assert max(asked.values()) <= 1 + len(story.deaths), "sent again without a death between"
    for robot in ROBOTS:  # whose messages carry no id
        ids, came = [i for i, channel in channels if channel == robot], sum(m.channel == robot for m in heard)
        assert len(ids) <= came <= sum(asked[i] for i in ids)
    return received


def take(story):
    """A tap on the link of the newest text message; again when there was no answer."""
    (message, *_) = [m for m in reversed(story.heard()) if m.channel == "sms"]
    alert = story.only_alert()
    story.ask("POST", f"{message.link}/{alert['id']}")


def test_killed_at_each_point_from_the_pipe_to_the_head_of_logistics(story):
    story.campus.break_main("teaching")
    pass_dying(story, 3 * QUARTER, "journaled", "stored", "snapshotting", "snapshotted")
    assert story.alerts() == []
    pass_dying(story, QUARTER, "derived", "applying", "applied", "routing", "routed", "sending", "answered", "marked")
    story.wait(lambda: story.told() == RAISED)
    first, due = story.told_at("li"), story.due_at()
    pass_dying(story, QUARTER, "breaching")
    story.wait(lambda: story.audit() == ["raised", "overdue"])
    pass_dying(story, TO_MANAGER - QUARTER, "routing", "routed", "sending", "answered")
    story.wait(lambda: story.told() == RAISED | TO_WANG)
    pass_dying(story, TO_HEAD - TO_MANAGER, "marked")
    story.wait(lambda: story.told() == RAISED | TO_WANG | TO_SUN)
    assert TO_MANAGER <= story.told_at("wang") - first < TO_MANAGER + STEP
    assert TO_HEAD <= story.told_at("sun") - first < TO_HEAD + STEP
    assert due == story.due_at()
    assert story.audit() == ["raised", "overdue", "unanswered", "unanswered"]
    assert check_sent(story)[story.id_told("wang")] == 2, "it died between answer and mark"


def test_killed_at_each_point_silences_and_repeats_hold(story):
    silence = 6 * QUARTER
    begun = story.clock.utc()
    story.silence("canteen", silence)
    story.campus.break_main("canteen")
    pass_dying(story, 4 * QUARTER, "applied")
    story.pass_time(QUARTER)
    assert story.alerts()
    assert story.rows("SELECT id FROM outbox") == []
    pass_dying(story, QUARTER, "routing")
    story.wait(lambda: story.told() == RAISED)
    assert silence <= story.told_at("li") - begun < silence + STEP
    story.pass_time(TO_MANAGER)
    story.pass_time(TO_HEAD - TO_MANAGER)
    story.wait(lambda: story.told() == RAISED | TO_WANG | TO_SUN)
    pass_dying(story, REPEAT, "routed")
    story.wait(lambda: story.told() == RAISED | TO_WANG | TO_SUN | REPEATED)
    assert REPEAT <= story.told_at("li", "repeated") - story.told_at("sun") < REPEAT + STEP
    check_sent(story)


def test_killed_at_each_point_what_people_do_counts_once(story):
    fault = story.campus.break_main("teaching")
    story.pass_time(4 * QUARTER)
    story.wait(lambda: story.told() == RAISED)
    story.die_at("taking", "taken")
    take(story)
    story.wait_for_deaths()
    story.campus.repair(fault)
    story.die_at("applying", "applied", "answered")
    story.pass_until(lambda: story.told() == RAISED | CLEARED)
    story.wait_for_deaths()
    story.die_at("closing", "closed")
    alert = story.only_alert()
    path = f"/api/v1/alerts/{alert['id']}/resolve"
    story.ask("POST", path, json={"outcome": "repaired", "note": "new fitting"}, headers={"Idempotency-Key": "once"})
    story.wait_for_deaths()
    assert story.audit() == ["raised", "acknowledged", "cleared", "resolved"]
    check_sent(story)


def test_killed_at_any_moment(story):
    rng, is_over = np.random.default_rng(1), threading.Event()

    def kill_again_and_again():
        for delay_s in rng.uniform(0.5, 6.0, 7):
            if is_over.wait(delay_s):
                return
            story.kill()

    killer = threading.Thread(target=kill_again_and_again)
    killer.start()
    try:
        fault = story.campus.break_main("teaching")
        story.pass_until(lambda: story.told() == RAISED)
        story.pass_until(lambda: story.told() == RAISED | TO_WANG)
        take(story)
        story.campus.repair(fault)
        story.pass_until(lambda: story.told() == RAISED | TO_WANG | CLEARED)
    finally:
        is_over.set()
        killer.join()
    story.wait(lambda: bool(story.alerts()))
    assert len(story.deaths) >= 4
    assert story.audit() == ["raised", "overdue", "unanswered", "acknowledged", "cleared"]
    check_sent(story)
