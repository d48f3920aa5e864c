"""What a running process has cost so far, as the kernel counts it."""

from __future__ import annotations

from pathlib import Path

import psutil


def cpu_s(process: psutil.Process) -> float:
    """User and system time."""
    spent = process.cpu_times()
    return float(spent.user + spent.system)


def peak_mb(process: psutil.Process) -> float:
    """The largest resident set; not getrusage, which begins with that of the parent."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
