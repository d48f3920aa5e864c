"""How a server of ours ends."""

from __future__ import annotations

import subprocess

_PATIENCE_S = 20.0


def end(process: subprocess.Popen[bytes], *, is_kill: bool = False) -> None:
    """Ask it to end, and no longer wait for it than 20 s: InfluxDB now and then hangs there. `is_kill`: at once."""
    (process.kill if is_kill else process.terminate)()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
