"""A server that does not end when asked is ended."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from deploy.services import ending

DEAF = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); sys.stdin.read()"


def started(program: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


@pytest.mark.parametrize(
    ("program", "status"),
    [(DEAF, -signal.SIGKILL), ("import sys; print('up', flush=True); sys.stdin.read()", -signal.SIGTERM)],
)
def test_it_has_ended(monkeypatch: pytest.MonkeyPatch, program: str, status: int) -> None:
    monkeypatch.setattr(ending, "_PATIENCE_S", 1.0)
    with started(program) as process:
        ending.end(process)
        assert process.returncode == status
