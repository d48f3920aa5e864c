"""Requests through the socket of the process that owns the data."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from aquavolt.stores.duckdb_store import DuckDBStore
from aquavolt.stores.lock import SOCKET_FILE, DataLock
from aquavolt.stores.opening import STORE_FILE, open_stores
from aquavolt.stores.owner import StoreServer
from aquavolt.stores.protocol import ProtocolError
from aquavolt.stores.remote import RemoteStore
from metering.batch import ReadingBatch, batch_of
from metering.ports import StoreUnavailableError

START = np.datetime64("2026-03-01T00:00", "ms")
DAY = np.timedelta64(86_400_000, "ms")

# Owns the folder as the program does, and stores what is submitted.
OWNER = """
import sys
from pathlib import Path
from aquavolt.stores.duckdb_store import DuckDBStore
from aquavolt.stores.lock import DataLock
from aquavolt.stores.opening import STORE_FILE
from aquavolt.stores.owner import StoreServer
folder = Path(sys.argv[1])
with DataLock(folder):
    store = DuckDBStore(folder / STORE_FILE)
    StoreServer(folder, store, lambda batch: store.append_readings([batch], 1)).start()
    print("owned", flush=True)
    sys.stdin.read()
"""


def readings(count: int, meter: str = "宿舍-1") -> ReadingBatch:
    return batch_of([meter], np.zeros(count, int), 50, START + np.arange(count) * 1000, np.arange(count) * 0.1)


@contextlib.contextmanager
def owner_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", OWNER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "owned\n"
        yield process
        process.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with DataLock(tmp_path), contextlib.closing(DuckDBStore(tmp_path / STORE_FILE)) as store:
        store.append_readings([readings(5)], 5)
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[StoreServer]:
    store = DuckDBStore(folder / STORE_FILE)
    server = StoreServer(folder, store)
    server.start()
    yield server
    server.stop()
    store.close()


def test_without_an_owner_the_file_is_opened_and_the_lock_held(folder: Path) -> None:
    with open_stores(folder) as stores:
        assert stores.submit is None
        assert stores.store.count() == {"宿舍-1": 5}
        with pytest.raises(Exception, match=f"in use by process {os.getpid()}"):
            DataLock(folder).acquire()
    with open_stores(folder) as stores:
        assert stores.store.position() == 5


def test_while_an_owner_runs_everything_goes_through_it(folder: Path) -> None:
    with owner_process(folder), open_stores(folder) as stores:
        assert isinstance(stores.store, RemoteStore)
        assert stores.store.count() == {"宿舍-1": 5}
        assert stores.submit is not None
        stores.submit(readings(40, "new"))
        got = stores.store.read(["new"], ["water_volume"], START, START + DAY)
        assert got.value.tolist() == readings(40).value.tolist()
    with open_stores(folder) as stores:
        assert stores.submit is None
        assert stores.store.count() == {"宿舍-1": 5, "new": 40}


def test_an_owner_killed_in_between_is_unavailable_then_the_file_is_free(folder: Path) -> None:
    with owner_process(folder) as process, open_stores(folder) as stores:
        assert stores.store.position() == 5
        process.kill()
        process.wait()
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match=str(folder)):
                stores.store.position()
        with open_stores(folder) as direct:
            assert direct.submit is None
            assert direct.store.count() == {"宿舍-1": 5}


def test_a_new_owner_answers_the_old_client(folder: Path) -> None:
    with owner_process(folder) as first:
        remote = RemoteStore(folder)
        first.kill()
        first.wait()
        with owner_process(folder):
            with pytest.raises(StoreUnavailableError):
                remote.position()
            assert remote.position() == 5
            remote.close()


def test_a_lock_without_an_answer_names_the_process(folder: Path) -> None:
    with (
        DataLock(folder),
        pytest.raises(StoreUnavailableError, match=f"process {os.getpid()}.*does not answer on its {SOCKET_FILE}"),
        open_stores(folder, patience_s=0.0),
    ):
        pass


def test_an_owner_that_is_just_starting_is_waited_for(folder: Path) -> None:
    lock = DataLock(folder)
    lock.acquire()
    store = DuckDBStore(folder / STORE_FILE)
    server = StoreServer(folder, store)
    # The socket comes up after the lock: at the moment of the first try nobody answers yet.
    late = threading.Timer(0.3, server.start)
    late.start()
    with open_stores(folder, patience_s=60.0) as stores:
        assert isinstance(stores.store, RemoteStore)
        assert stores.store.position() == 5
    late.join()
    server.stop()
    store.close()
    lock.close()


def test_a_folder_without_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"no data in {tmp_path}"), open_stores(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    folder = tmp_path / ("长路径" * 20) / ("x" * 150)
    folder.mkdir(parents=True)
    store = DuckDBStore(folder / STORE_FILE)
    server = StoreServer(folder, store)
    server.start()
    remote = RemoteStore(folder)
    remote.append_readings([readings(3)], 3)
    assert store.position() == remote.position() == 3
    assert (folder / SOCKET_FILE).is_socket()
    remote.close()
    server.stop()
    store.close()


def test_only_this_user_may_connect_and_the_socket_goes_with_the_server(server: StoreServer, folder: Path) -> None:
    assert (folder / SOCKET_FILE).stat().st_mode & 0o777 == 0o600
    server.stop()
    assert not (folder / SOCKET_FILE).exists()


def test_a_socket_file_left_by_a_dead_process_is_replaced(folder: Path) -> None:
    with owner_process(folder) as process:
        process.kill()
        process.wait()
    assert (folder / SOCKET_FILE).exists()
    with owner_process(folder), open_stores(folder) as stores:
        assert stores.store.position() == 5


def test_an_owner_that_takes_no_readings_says_so(server: StoreServer, folder: Path) -> None:
    remote = RemoteStore(folder)
    with pytest.raises(ProtocolError, match="takes no readings"):
        remote.submit(readings(1))
    assert remote.count() == {"宿舍-1": 5}
    remote.close()


def test_a_large_answer_comes_in_several_frames(server: StoreServer, folder: Path) -> None:
    remote = RemoteStore(folder)
    big = readings(2_300_000, "big")
    remote.append_readings([big], 9)
    got = remote.read(["nobody", "big"], ["water_volume"], START, START + 30 * DAY)
    assert got.meters == ("nobody", "big")
    assert np.array_equal(got.value, big.value)
    assert np.array_equal(got.time, big.time)
    remote.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack("<I", 0xFFFFFFFF),
        struct.pack("<I", 4) + b"null",
        struct.pack("<I", 60) + b'{"call":"position","protocol":99,"arguments":{}}' + b" " * 12,
        struct.pack("<I", 100) + b'{"call"',
    ],
)
def test_what_is_no_message_is_hung_up_on_and_others_go_on(server: StoreServer, folder: Path, sent: bytes) -> None:
    remote = RemoteStore(folder)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
        stranger.settimeout(30)
        stranger.connect(str(folder / SOCKET_FILE))
        stranger.sendall(sent)
        stranger.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            assert stranger.recv(1) == b""
    assert remote.position() == 5
    remote.close()


def test_an_unknown_call_and_missing_arguments_are_answered(server: StoreServer, folder: Path) -> None:
    remote = RemoteStore(folder)
    with pytest.raises(ProtocolError, match="no call 'drop'; there are: position"):
        remote._call("drop", {})
    with pytest.raises(ProtocolError, match="KeyError: 'cursor'"):
        remote._call("position", {})
    assert remote.position() == 5
    remote.close()
