"""A program in which a drill is under way, until it is killed: data folder, site file, clock."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np
from drilled import BURST, drilled
from inside import Folder, run


async def script(program):
    await drilled(program, BURST)
    print("drilled", flush=True)  # noqa: T201
    await asyncio.sleep(3600)


if __name__ == "__main__":
    run(Folder(Path(sys.argv[1]), Path(sys.argv[2]), np.datetime64(sys.argv[3], "ms")), script)
