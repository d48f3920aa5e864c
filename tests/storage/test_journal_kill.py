"""kill -9 while appending: every entry whose append returned is there afterwards, once and in order."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from collector.journal import Journal

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
from pathlib import Path
import numpy as np
from collector.journal import Journal
from metering.batch import batch_of
journal = Journal(Path(sys.argv[1]), readers=("live",))
number, rows = journal.head(), int(sys.argv[2])
while True:
    number += 1
    times = np.datetime64("2026-03-02", "ms") + np.arange(rows)
    seq = journal.append([batch_of(("w1",), np.zeros(rows), 50, times, np.full(rows, number))])
    print(seq, flush=True)
    journal.set_cursor("live", max(0, seq - 50))
"""


@pytest.mark.parametrize("rows", [1, 2000])
def test_nothing_that_append_returned_for_is_lost(tmp_path, rows):
    path = tmp_path / "journal.db"
    rng = np.random.default_rng(7)
    promised = 0
    for _ in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(rows)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert child.stdout is not None
        for _ in range(
            int(rng.integers(1, 300))
        ):  # a random number of appends, then a kill at a random place in the next
            promised = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        promised = max([promised, *map(int, child.stdout.read().split("\n")[:-1])])
        child.stdout.close()
        assert child.wait(30) == -signal.SIGKILL
        with_journal(path, promised, rows)


def with_journal(path: Path, promised: int, rows: int) -> None:
    journal = Journal(path, readers=("live",))
    assert promised <= journal.head() <= promised + 1  # the one under way may or may not have become durable
    found = journal.read(journal.cursor("live"), 1 << 30)
    assert [seq for seq, _ in found] == list(range(journal.cursor("live") + 1, journal.head() + 1))
    for seq, batch in found:
        assert np.array_equal(batch.value, np.full(rows, float(seq)))
    assert journal.health().dropped == {}
    journal.close()
