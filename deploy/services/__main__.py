"""`make services`: mosquitto and InfluxDB 2 on free ports until Ctrl+C; `make run STORE=influx`: a command on them.

    python -m deploy.services [--data services-data] [COMMAND ...]

What they store stays in the folder. A command gets InfluxDB's address in its environment, and everything ends with it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from deploy.services.influxd import Access, Influx, InfluxMissingError, given_access
from deploy.services.mosquitto import Mosquitto, MosquittoMissingError

_BUCKET = "aquavolt"


class _StopError(Exception):
    """Ctrl+C, or whoever started this wants it to end."""


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - a command's own words


def _variables(access: Access) -> dict[str, str]:
    return {
        "AQUAVOLT_INFLUX_URL": access.url,
        "AQUAVOLT_INFLUX_TOKEN": access.token,
        "AQUAVOLT_INFLUX_ORG": access.org,
        "AQUAVOLT_INFLUX_BUCKET": _BUCKET,
    }


def _influx(folder: Path, opened: contextlib.ExitStack) -> Access:
    """The server the environment names, or one of ours; the token of an earlier start is kept beside its data."""
    if (given := given_access()) is not None:
        return given
    server = Influx(folder / "influxd", _tell)
    opened.callback(server.stop)
    return server.access


def _serve(folder: Path, command: list[str]) -> int:
    with contextlib.ExitStack() as opened:
        access = _influx(folder, opened)
        broker = Mosquitto(folder / "mosquitto")
        opened.callback(broker.stop)
        variables = _variables(access)
        _tell(f"mosquitto: {broker.url}\nInfluxDB:  {access.url}")
        if command:
            return _run(command, {**os.environ, **variables, "AQUAVOLT_DEMO_MQTT_PORT": str(broker.port)})
        print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()), flush=True)  # noqa: T201
        _tell("running until Ctrl+C")
        signal.pause()
    return 0


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Run it to its end. A signal goes to it first: what it saves, it saves to servers that still run."""
    child = subprocess.Popen(command, env=environment, process_group=0)  # noqa: S603
    try:
        return child.wait()
    except (KeyboardInterrupt, _StopError):
        child.send_signal(signal.SIGINT)
        return child.wait()


def _stop(*_: object) -> None:
    raise _StopError


def main() -> int:
    """Exit status of the command, or 0."""
    parser = argparse.ArgumentParser(description="mosquitto and InfluxDB 2 for development")
    parser.add_argument("--data", type=Path, default=Path("services-data"), help="what they store")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="run this on them; none: until Ctrl+C")
    given = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):  # SIGINT too: started by a script in the background it is ignored
        signal.signal(number, _stop)
    try:
        return _serve(given.data, given.command)
    except (InfluxMissingError, MosquittoMissingError) as error:
        _tell(f"services: {error}")
        return 1
    except (KeyboardInterrupt, _StopError):
        _tell("stopped")
        return 0


if __name__ == "__main__":
    sys.exit(main())
