"""Runs of `killed_program.py` on one data folder, with a real receiver of webhooks beside them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import aquavolt
from simulators.receiver import Receiver

PROGRAM = Path(__file__).parent / "killed_program.py"
ROOT = Path(aquavolt.__file__).parents[1]
RUN_S = 240.0


class FedProgram:
    """Starts the program again and again on the same folder; every notification it sends ends in one inbox."""

    def __init__(self, data: Path, site: Path, feed: Path, receiver: Receiver, **more: Any) -> None:
        data.mkdir(parents=True)
        self.data, self.receiver = data, receiver
        self.given: dict[str, Any] = {
            "data": str(data), "site": str(site), "feed": str(feed), "webhook": receiver.url, **more
        }  # fmt: skip
        self.deaths = 0
        self.errors = data.with_name(f"{data.name}.stderr")

    def run(self, point: str = "", occurrence: int = 1, *, dies_after_s: float | None = None, **more: Any) -> bool:
        """Run it to its end, or to its death; whether it came to its end."""
        arguments = json.dumps(self.given | more | {"point": point, "occurrence": occurrence})
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        acknowledged = self.acknowledged()  # before it starts, for it goes on at once
        with self.errors.open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, str(PROGRAM), arguments],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        took_too_long = threading.Event()
        watch = threading.Timer(RUN_S, lambda: (took_too_long.set(), process.kill()))
        watch.start()
        try:
            said = self._follow(process, acknowledged, dies_after_s)
            process.wait()
        finally:
            watch.cancel()
            process.kill()
            process.wait()
        assert not took_too_long.is_set(), f"it did not end within {RUN_S:.0f} s\n{self.log()}"
        if process.returncode == 0:
            assert said[-1:] == ["done"], self.log()
            return True
        assert process.returncode == -signal.SIGKILL, self.log()
        self.deaths += 1
        return False

    def _follow(self, process: subprocess.Popen[str], acknowledged: int, dies_after_s: float | None) -> list[str]:
        assert process.stdout is not None
        with process.stdout:
            first = process.stdout.readline().split()
            assert first[:1] == ["start"], self.log()
            # Whatever was acknowledged to the source is still in the order after every death.
            assert int(first[1]) >= acknowledged, "entries that were journaled are lost"
            if dies_after_s is not None:
                time.sleep(dies_after_s)
                process.kill()
            return process.stdout.read().split()

    def acknowledged(self) -> int:
        path = self.data / "acknowledged"
        text = path.read_text() if path.exists() else ""
        return int(text) if text else 0

    def log(self) -> str:
        return self.errors.read_text(errors="replace")[-4000:]

    def delivered(self) -> dict[str, int]:
        """Notification id: how often it came beyond the first time."""
        return {m["id"]: m["repeats"] for m in self.receiver.inbox.document()["messages"]}


def random_delays(seed: int, count: int, longest_s: float) -> list[float]:
    return np.random.default_rng(seed).uniform(0.0, longest_s, count).tolist()
