"""What always holds of groups and of the brake, whatever happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from routed import SITE, kind_of_day

from alerts.duty.calendar import LocalTime
from alerts.duty.on_duty import Roster
from alerts.duty.roster import Absence, Duty
from alerts.notify.brake import WINDOW, earliest

START = datetime(2026, 11, 20, tzinfo=UTC)
LOCAL = LocalTime(SITE.zone, kind_of_day)


@given(st.lists(st.tuples(st.floats(0, 60), st.booleans()), min_size=1, max_size=200))
def test_whatever_comes_within_a_minute_is_at_most_five_messages(arrivals):
    sent = sent_of(arrivals)
    assert len(sent) <= 5
    assert sent[-1] - START <= WINDOW


def sent_of(arrivals):
    """When messages go out: each takes all that waits."""
    waiting, sent = sorted(arrivals), []
    while waiting:
        now = START + timedelta(seconds=max(waiting[0][0], (sent[-1] - START).total_seconds() if sent else 0.0))
        here = [a for a in waiting if START + timedelta(seconds=a[0]) <= now]
        due = max(now, earliest(sent, now, has_burst=any(burst for _, burst in here)))
        sent.append(due)
        waiting = [a for a in waiting if START + timedelta(seconds=a[0]) > due]
    return sent


@given(st.lists(st.tuples(st.floats(0, 3600), st.booleans()), min_size=1, max_size=300))
def test_however_long_it_storms_no_ten_minutes_have_more_than_five(arrivals):
    sent = sent_of(arrivals)
    assert all(sum(at <= other < at + WINDOW for other in sent) <= 5 for at in sent)


hours = st.integers(0, 23).map(lambda h: f"{h:02}:00")
shifts = st.lists(
    st.fixed_dictionaries({"start": hours, "end": hours, "people": st.lists(st.sampled_from("abc"), min_size=1)}),
    max_size=3,
)
absences = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 96), st.integers(1, 48), st.sampled_from(["d", "b", None])),
    max_size=4,
)


@given(shifts, absences, st.integers(0, 95))
def test_an_hour_is_in_a_hole_exactly_when_nobody_is_on_duty(shifts, absences, hour):
    roster = Roster(
        {"m": Duty.model_validate({"role": "maintainer", "shifts": shifts, "fallback": "boss"})},
        {
            str(i): Absence(
                person=person, start=START + timedelta(hours=first), end=START + timedelta(hours=first + length),
                stand_in=None if instead == person else instead,
            )
            for i, (person, first, length, instead) in enumerate(absences)
        },
    )  # fmt: skip
    moment = START + timedelta(hours=hour, minutes=30)
    holes = roster.holes(START, START + timedelta(hours=96), LOCAL)
    assert any(h.start <= moment < h.end for h in holes) is (not roster.on_duty("m", moment, LOCAL))
