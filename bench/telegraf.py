"""Telegraf, what a user would take instead: one program built once into the user's cache, for all benchmarks.

Half a minute to two on two cores, needs Go. Only the plugins that benchmarks compare with are in it.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from deploy.services.user_cache import BuildError, alone, cache_folder, run_told

VERSION = "1.37.2"
PLUGINS = (
    "inputs.mqtt_consumer",
    "inputs.modbus",
    "outputs.influxdb_v2",
    "outputs.file",
    "parsers.json_v2",
    "serializers.influx",
)
_MODULE = f"github.com/influxdata/telegraf/cmd/telegraf@v{VERSION}"


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def telegraf_binary() -> Path | None:
    """The program, built now unless that was done before; None, and why on stderr, where it cannot be."""
    program = cache_folder() / f"telegraf-{VERSION}" / "telegraf"
    with alone(program.parent, "Telegraf", tell):
        if program.exists():
            return program
        if shutil.which("go") is None:
            tell("Telegraf is left out: building it needs Go")
            return None
        try:
            build(program)
        except BuildError as error:
            tell(f"Telegraf is left out: {error}")
            return None
    return program


def build(program: Path) -> None:
    """Compile it; it stands in its place in one step, so that nobody finds half a program."""
    folder = program.parent / "build"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    log = folder / "log"
    tell(f"building Telegraf {VERSION} from its Go module, once: half a minute to two on two cores; log: {log}")
    command = ["go", "install", "-tags", ",".join(("custom", *PLUGINS)), "-ldflags", "-s -w", _MODULE]
    run_told("Telegraf", command, log, {**os.environ, "GOBIN": str(folder)}, tell)
    (folder / "telegraf").rename(program)
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(0 if telegraf_binary() else 1)
