"""kill -9 at many points: no alert raised twice, no notification lost, repeated only between answer and mark."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import alerts
from alerts.records import Records
from alerts.values import Action, AlertState, DeliveryState

PROGRAM = Path(__file__).parent / "killed_program.py"
ROOT = Path(alerts.__file__).parents[1]
EXPECTED = Counter({**{("raised", f"a{i}"): 1 for i in range(6)}, **{("escalated", f"a{i}"): 1 for i in range(3)}})


class Runs:
    """Runs of the program on one database."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.taken = folder / "taken.txt"

    def start(self, point: str = "none", occurrence: int = 1) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        arguments = [sys.executable, str(PROGRAM), self.url, str(self.taken), point, str(occurrence)]
        return subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE)

    def run(self, point: str = "none", occurrence: int = 1) -> int:
        with self.start(point, occurrence) as program:
            return program.wait(timeout=120)

    def taken_lines(self) -> list[tuple[str, str, str]]:
        lines = self.taken.read_text().splitlines() if self.taken.exists() else []
        return [tuple(line.split()) for line in lines]


@pytest.fixture
def runs(url, tmp_path):
    return Runs(url, tmp_path)


def check_end(runs: Runs, repeats_allowed: int) -> int:
    """Everything is as without a kill; how many notifications were repeated."""
    records = Records(runs.url)
    found = records.find_alerts().items
    assert [a.id for a in found] == [f"a{i}" for i in reversed(range(6))]
    for alert in found:
        history = Counter(e.action for e in records.audit_of(alert.id))
        assert history[Action.RAISED] == history[Action.CLEARED] == 1
        assert history[Action.ESCALATED] == (alert.id in {"a0", "a1", "a2"})
        assert history[Action.ACKNOWLEDGED] == alert.acknowledged == (alert.id == "a1")
        assert alert.state is AlertState.CLEARED
    assert {d.state for d in records.recent_deliveries()} == {DeliveryState.DELIVERED}
    records.close()
    times = Counter(line[0] for line in runs.taken_lines())
    assert Counter({line[1:]: 1 for line in runs.taken_lines()}) == EXPECTED
    assert len(times) == EXPECTED.total()
    repeats = times.total() - len(times)
    assert repeats <= repeats_allowed
    return repeats


def test_without_a_kill_each_is_told_once(runs):
    assert runs.run() == 0
    check_end(runs, repeats_allowed=0)


@pytest.mark.parametrize(
    ("point", "occurrence"),
    [("writing", 1), ("writing", 9), ("writing", 25), ("writing", 40), ("committing", 1), ("committing", 4),
     ("committing", 12), ("committed", 1), ("committed", 6), ("before-answer", 1), ("before-answer", 9),
     ("marked", 1), ("marked", 8)],
)  # fmt: skip
def test_killed_outside_the_window_nothing_is_lost_or_repeated(runs, point, occurrence):
    assert runs.run(point, occurrence) == -signal.SIGKILL
    assert runs.run() == 0
    # A write of the mark itself, or its commit, lies within the window of a repeat.
    check_end(runs, repeats_allowed=1 if point in {"writing", "committing"} else 0)


@pytest.mark.parametrize("occurrence", [1, 5, 9])
def test_killed_between_answer_and_mark_that_one_is_repeated_with_its_id(runs, occurrence):
    assert runs.run("answered", occurrence) == -signal.SIGKILL
    (*_, last) = runs.taken_lines()
    assert runs.run() == 0
    assert check_end(runs, repeats_allowed=1) == 1
    assert [line for line in runs.taken_lines() if line[0] == last[0]] == [last, last]


def test_killed_at_random_again_and_again(runs):
    """Killed from outside at moments nobody chose, a few milliseconds in; each kill may repeat one notification."""
    draw, kills = random.Random(4), 0  # noqa: S311
    for _ in range(10):
        with runs.start() as program:
            assert program.stdout.readline() == b"ready\n"
            try:
                program.wait(timeout=draw.uniform(0.0, 0.03))
            except subprocess.TimeoutExpired:
                program.kill()
                kills += 1
    assert kills
    assert runs.run() == 0
    check_end(runs, repeats_allowed=kills)
