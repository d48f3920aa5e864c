"""Whether a service of docker-compose.yml is well: its address answers with success, or its file was written lately.

healthy.py URL | FILE     a file: written within the last three minutes
"""

from __future__ import annotations

import sys
import time
import urllib.request
from pathlib import Path

_TIMEOUT_S = 4.0
_QUIET_S = 180.0


def answers(url: str) -> None:
    """Raises: OSError, it does not answer, or not with success."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=_TIMEOUT_S):
        return


def was_written(path: Path) -> None:
    """Raises: OSError, it is not there, or was not written for too long."""
    age_s = time.time() - path.stat().st_mtime
    if age_s > _QUIET_S:
        raise OSError(f"{path} was not written for {age_s:.0f} s")


def main(where: str) -> int:
    """0 where it is well; 1 with the reason on stderr."""
    try:
        answers(where) if "://" in where else was_written(Path(where))
    except OSError as error:
        print(f"{where}: {error}", file=sys.stderr)  # noqa: T201 - docker shows it
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
