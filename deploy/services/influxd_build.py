"""InfluxDB 2 from its Go module, built once into a user's cache: for a machine with neither Docker nor `influxd`.

About 4 minutes on two cores, 2 GB of downloads and build files in the usual Go and cargo caches, a program of 93 MB.
It has the whole API and Flux, but no web pages: those are not in the module.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from deploy.services.user_cache import BuildError, Tell, alone, cache_folder, run_told

VERSION = "2.7.12"
_MODULE = "github.com/influxdata/influxdb/v2"
_PKG_CONFIG = "github.com/influxdata/pkg-config@v0.2.14"
_OLDEST_GO = (1, 23)

# A module of our own around theirs: `go install module@version` refuses a module that has a `replace` like theirs.
_GO_MOD = f"""module aquavolt.invalid/influxd

go 1.23.0

require {_MODULE} v{VERSION}

replace github.com/nats-io/nats-streaming-server v0.11.2 => \\
    github.com/influxdata/nats-streaming-server v0.11.3-0.20201112040610-c277f7560803
""".replace("\\\n    ", "")

# Its Rust part refuses every warning, and newer compilers know more of them; RUSTFLAGS does not reach the crates that
# are built for the build itself.
_RUSTC_WRAPPER = """#!/bin/sh
exec "$@" --cap-lints warn
"""


def built_program() -> Path:
    """Where the program is once it has been built."""
    return cache_folder() / f"influxd-{VERSION}" / "influxd"


def missing_tools() -> list[str]:
    """What a build needs and this machine lacks."""
    missing = [] if _has_go() else ["Go 1.23 or later"]
    missing += [] if shutil.which("cargo") and shutil.which("rustc") else ["cargo with rustc (1.72 or later)"]
    missing += [] if shutil.which("cc") else ["a C compiler (cc)"]
    return missing + ([] if shutil.which("pkg-config") else ["pkg-config"])


def _has_go() -> bool:
    if not shutil.which("go"):
        return False
    said = _said(["go", "env", "GOVERSION"]).removeprefix("go").split(".")
    return len(said) > 1 and tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in said[:2]) >= _OLDEST_GO


def build(tell: Tell) -> Path:
    """The program, built now unless that was done before; of several at once one builds and the others wait.

    Raises:
        BuildError: something is missing, or the build failed.
    """
    program = built_program()
    with alone(program.parent, "InfluxDB", tell):
        if not program.exists():
            if missing := missing_tools():
                raise BuildError(f"to build InfluxDB {VERSION} this machine lacks {', '.join(missing)}")
            _build(program, tell)
    return program


def _build(program: Path, tell: Tell) -> None:
    folder = program.parent / "build"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    (folder / "go.mod").write_text(_GO_MOD)
    wrapper = folder / "rustc-wrapper"
    wrapper.write_text(_RUSTC_WRAPPER)
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    environment = _environment(folder, wrapper)
    tell(f"building InfluxDB {VERSION} from its Go module, once: about 4 minutes on two cores; log: {folder / 'log'}")
    log = folder / "log"
    run_told("InfluxDB", ["go", "install", _PKG_CONFIG], log, environment, tell)
    tags = "sqlite_foreign_keys,sqlite_json"
    made = folder / "influxd"
    command = ["go", "build", "-mod=mod", "-v", "-tags", tags, "-ldflags", f"-s -w -X main.version=v{VERSION}"]
    run_told("InfluxDB", [*command, "-o", str(made), f"{_MODULE}/cmd/influxd"], log, environment, tell)
    made.rename(program)  # in one step: nobody finds half a program
    shutil.rmtree(folder)
    tell(f"InfluxDB is built: {program}, {program.stat().st_size / 1e6:.0f} MB")


def _environment(folder: Path, wrapper: Path) -> dict[str, str]:
    environment = {
        **os.environ,
        "GOBIN": str(folder / "bin"),
        "PKG_CONFIG": str(folder / "bin" / "pkg-config"),
        "RUSTC_WRAPPER": str(wrapper),
        "CGO_ENABLED": "1",
    }
    # Its sources name a toolchain of their own, which rustup would fetch; the active one is asked for outside of them.
    if shutil.which("rustup") and (said := _said(["rustup", "show", "active-toolchain"]).split()):
        environment["RUSTUP_TOOLCHAIN"] = said[0]
    return environment


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path.home())  # noqa: S603
    return done.stdout.strip()


if __name__ == "__main__":
    try:
        build(lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201 - the progress
    except BuildError as error:
        sys.exit(f"influxd: {error}")
