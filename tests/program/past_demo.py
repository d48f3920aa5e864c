"""The demo as it was at a moment, in this process: its history up to there judged, and no meter read yet."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from pathlib import Path

import numpy as np

from aquavolt.config.settings import load_settings
from aquavolt.demo import HISTORY_DAYS, Demo
from aquavolt.program import Program, listen
from simulators.campus.campus import build_campus

SEED = 1


def write_truth(data: Path, epoch: date, seed: int = SEED) -> None:
    """The demo takes up the campus that it finds in its folder, as after a first start on that campus's last day."""
    data.mkdir(parents=True)
    truth = build_campus(seed, epoch, HISTORY_DAYS, is_demo=True).truth()
    (data / "truth.json").write_text(json.dumps(truth), encoding="utf-8")


def judged_up_to(data: Path, now: np.datetime64, *, is_open: bool = True) -> None:
    """Start the demo on the folder at that moment, and end it where it would begin to read meters.

    `is_open`: with what its invented people did about the alerts.
    """
    made = Demo(load_settings(None, {}, data=data, port=0), SEED, now=lambda: now, is_open=is_open)
    try:
        _run(made, Program(made.setup))
    finally:
        made.close()


def _run(made: Demo, program: Program) -> None:
    async def run() -> None:
        stop = asyncio.Event()

        async def history(running: Program) -> None:
            await made.prologue(lambda *_: None)(running)
            while min(running.judge.position, running.sink.position) < running.journal.head():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            stop.set()

        await program.run(stop, listen("127.0.0.1", 0), prologue=history)

    try:
        asyncio.run(run())
    finally:
        program.close()
