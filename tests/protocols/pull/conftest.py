"""The bench, new for each test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.journal import Journal

sys.path.insert(0, str(Path(__file__).parent))

from pull_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "drop"
    folder.mkdir()
    journal = Journal(tmp_path / "journal.db")
    yield Bench(folder, journal)
    journal.close()


@pytest.fixture
def reopened(tmp_path: Path) -> Iterator[Callable[[Bench], Bench]]:
    """The bench after the program ended and began anew."""
    opened: list[Journal] = []

    def reopen(bench: Bench) -> Bench:
        bench.journal.close()
        opened.append(Journal(tmp_path / "journal.db"))
        return Bench(bench.folder, opened[-1], now=bench.now)

    yield reopen
    for journal in opened:
        journal.close()
