"""`python -m simulators.repair_platform --secret S [--to URL] [--port N]`: one JSON line, `{"url"}`, when it listens.

It serves until SIGTERM, SIGINT or the end of its stdin: it never outlives the program that started it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading

from simulators.repair_platform.server import RepairPlatform
from simulators.repair_platform.state import Platform


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="A small repair platform.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--secret", required=True, help="signs both ways")
    parser.add_argument("--to", default="", help="where its events go: .../api/v1/platform/events")
    arguments = parser.parse_args()
    server = RepairPlatform(Platform(arguments.secret, arguments.to), arguments.port)
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    server.start()
    print(json.dumps({"url": server.url}), flush=True)  # noqa: T201 - what starts it waits for this line
    threading.Thread(target=_wait_for_end, args=(told_to_stop,), daemon=True).start()
    told_to_stop.wait()
    server.stop()


def _wait_for_end(told_to_stop: threading.Event) -> None:
    sys.stdin.read()
    told_to_stop.set()


if __name__ == "__main__":
    main()
