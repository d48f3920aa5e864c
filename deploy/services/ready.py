"""See to it that the tests have an InfluxDB: one line if they cannot, which fails where `CI=true`."""

from __future__ import annotations

import os
import sys

from deploy.services.influxd import is_at_hand, unavailable
from deploy.services.influxd_build import BuildError, build


def _tell(line: str) -> None:
    print(f"==> {line}", file=sys.stderr, flush=True)  # noqa: T201 - a command's own words


def main() -> int:
    """1 where CI needs a server and none can be had."""
    if is_at_hand():
        return 0
    if not (reason := unavailable()):
        try:
            build(_tell)
        except BuildError as error:
            reason = str(error)
        else:
            return 0
    _tell(reason if os.environ.get("CI") == "true" else f"{reason}; the tests that need it will be skipped")
    return int(os.environ.get("CI") == "true")


if __name__ == "__main__":
    sys.exit(main())
