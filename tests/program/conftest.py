"""Whole programs: a history to feed them, a receiver for what they tell, and an eye on what they leave behind."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from drilled import FIRST, DemoFolder
from fed import FedProgram
from inside import feed, run
from state import State, state_of

import aquavolt.store_sink
from bench.harness.feed import campus_entries, make_campus, write_feed, write_site
from metering.entries import Entry
from simulators.receiver import Receiver

DAYS = 35


@dataclass(frozen=True)
class Fed:
    """A campus's history as files."""

    site: Path
    feed: Path
    entries: list[Entry]


@pytest.fixture(scope="session")
def fed(tmp_path_factory: pytest.TempPathFactory) -> Fed:
    folder = tmp_path_factory.mktemp("fed")
    campus = make_campus(1, DAYS)
    entries = campus_entries(campus, DAYS)
    write_site(folder / "site.yaml", campus)
    write_feed(folder / "feed", entries)
    return Fed(folder / "site.yaml", folder / "feed", entries)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver(keep=10_000)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def program(fed: Fed, receiver: Receiver, tmp_path: Path) -> Callable[..., FedProgram]:
    return lambda name="data", **more: FedProgram(tmp_path / name, fed.site, fed.feed, receiver, **more)


@dataclass(frozen=True)
class Undisturbed:
    """What the same readings give when nothing happens to the program."""

    state: State
    delivered: dict[str, int]


@pytest.fixture(scope="session")
def undisturbed(fed: Fed, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    receiver = Receiver(keep=10_000)
    receiver.start()
    try:
        made = FedProgram(tmp_path_factory.mktemp("undisturbed") / "data", fed.site, fed.feed, receiver)
        assert made.run(), made.log()
        return Undisturbed(state_of(made.data), made.delivered())
    finally:
        receiver.stop()


@pytest.fixture(scope="session")
def month(fed: Fed, tmp_path_factory: pytest.TempPathFactory) -> DemoFolder:
    """What a program that has judged 31 days left, stopped cleanly."""
    now = np.datetime64(fed.entries[FIRST - 1].time.max(), "ms")
    folder = DemoFolder(tmp_path_factory.mktemp("month") / "data", fed.site, now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aquavolt.store_sink, "_LINGER_S", 0.01)
        run(folder, feed(fed.entries[:FIRST]))
    return folder


@pytest.fixture
def again(month: DemoFolder, tmp_path: Path) -> Callable[..., DemoFolder]:
    """A copy of that to go on with."""

    def copied(name: str = "data", **more: Any) -> DemoFolder:
        shutil.copytree(month.data, tmp_path / name, ignore=shutil.ignore_patterns("*.sock"))
        return DemoFolder(tmp_path / name, month.site, month.now, **more)

    return copied
