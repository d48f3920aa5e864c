"""README's worked example as it stands there: a simulated meter, `read`, `check`, `run`, its readings in the store."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow
_BLOCK = r"<!-- example: {} -->\n```\w+\n(.*?)^```$"


def example(root: Path, language: str, name: str) -> str:
    text = (root / f"README{language}.md").read_text(encoding="utf-8")
    found = re.search(_BLOCK.format(re.escape(name)), text, re.MULTILINE | re.DOTALL)
    assert found, f"README{language}.md has no example {name!r}"
    return found[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: Callable[[], object], deadline_s: float = 60.0) -> object:
    """The first true answer; an error until the deadline is a no."""
    end = time.monotonic() + deadline_s
    while True:
        try:
            if answer := what():
                return answer
        except httpx.HTTPError:
            if time.monotonic() > end:
                raise
        assert time.monotonic() < end, "the deadline passed"
        time.sleep(0.1)


class Example:
    """The example in a folder of its own, on free ports."""

    def __init__(self, root: Path, folder: Path, language: str) -> None:
        self.root, self.folder, self.language = root, folder, language
        self.meter_port, self.page_port = free_port(), free_port()

    def text(self, name: str) -> str:
        return example(self.root, self.language, name).replace("127.0.0.1:1502", f"127.0.0.1:{self.meter_port}")

    def commands(self, name: str) -> list[tuple[list[str], dict[str, str]]]:
        """Words and variables of each line."""
        found = []
        for line in self.text(name).splitlines():
            words = shlex.split(line)
            variables = dict(w.split("=", 1) for w in words[:1] if "=" in w and "/" not in w.split("=", 1)[0])
            words = words[len(variables) :]
            assert words[0] == ".venv/bin/aquavolt"
            found.append(([str(Path(sys.executable).with_name("aquavolt")), *words[1:]], variables))
        return found

    @contextmanager
    def running(self, words: list[str], **variables: str) -> Iterator[subprocess.Popen[str]]:
        """Ended as a service would be, and it must end well."""
        where = {**os.environ, **variables}
        with subprocess.Popen(words, cwd=self.folder, env=where, text=True, stdout=subprocess.PIPE) as process:
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                ended = process.wait(30)
        assert ended == 0


@pytest.fixture(params=["", ".zh-CN"], ids=["English", "Chinese"])
def made(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Example:
    return Example(root, tmp_path, request.param)


@pytest.fixture
def meter(made: Example) -> Iterator[None]:
    ((words, _),) = made.commands("simulated meter")
    with made.running(words) as process:
        assert process.stdout is not None
        assert "eastron-sdm630" in process.stdout.readline()
        yield


@pytest.mark.usefixtures("meter")
def test_the_example_works_as_written(made: Example) -> None:
    ((read, _),) = made.commands("read")
    said = subprocess.run(read, check=True, capture_output=True, text=True).stdout
    assert re.search(r"^active_energy_import +[\d.,e+]+ kWh$", said, re.MULTILINE)

    (made.folder / "site.yaml").write_text(made.text("site.yaml"), encoding="utf-8")
    (check, _), (run, variables) = made.commands("run")
    assert (
        "everything is in order"
        in subprocess.run(check, cwd=made.folder, check=True, capture_output=True, text=True).stdout
    )

    with made.running([*run, "--port", str(made.page_port)], **variables):
        assert stored_readings(made, variables["AQUAVOLT_TOKEN"])


def stored_readings(made: Example, token: str) -> object:
    """Waits until the meter's readings have gone all the way into the store."""
    page = f"http://127.0.0.1:{made.page_port}"

    def stored() -> int:
        answer = httpx.get(f"{page}/api/v1/health/collector", headers={"Authorization": f"Bearer {token}"}, timeout=5)
        return sum(m["stored"] for m in answer.raise_for_status().json()["meters"] if m["meter"] == "e-dorm-1")

    return until(stored)
