"""One process owns a data folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aquavolt.stores.lock import LOCK_FILE, DataInUseError, DataLock

HOLD = """
import sys
from pathlib import Path
from aquavolt.stores.lock import DataLock
DataLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_told_who_has_it(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    with pytest.raises(DataInUseError, match=f"{tmp_path} is in use by process {holder.pid}") as caught:
        DataLock(tmp_path).acquire()
    assert caught.value.pid == holder.pid


def test_a_killed_owner_leaves_the_folder_free(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    holder.kill()
    holder.wait()
    with DataLock(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"


def test_closing_gives_it_free_and_the_folder_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    with DataLock(folder), pytest.raises(DataInUseError):
        DataLock(folder).acquire()
    with DataLock(folder):
        pass


def test_an_owner_that_has_not_said_its_number_yet(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("")
    with pytest.raises(DataInUseError, match="in use by another process"):
        DataLock(tmp_path).acquire()
