"""The command line as a user has it: what a command says and how it ends."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import aquavolt
from aquavolt.cli import main

ROOT = Path(aquavolt.__file__).parents[1]
COMMAND = [sys.executable, "-c", "from aquavolt.cli import main; main()"]


def environment(**more: str) -> dict[str, str]:
    """Nothing of the caller's own settings; this tree's packages first."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AQUAVOLT_")}
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])} | more


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """What a user is told of the failure: no traceback, and not all of it about us."""
        assert self.code == 1, (self.code, self.out, self.err)
        assert "Traceback" not in self.err, self.err
        return self.err


def aquavolt_command(folder: Path, *arguments: str | Path, input_text: str | None = None, **more: str) -> Said:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        env=environment(**more),
        input=input_text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def command_inside(folder: Path, *arguments: str | Path, input_text: str = "", **more: str) -> Said:
    """The same without a process of its own: quick, for commands that end by themselves and keep nothing open."""
    out, err = io.StringIO(), io.StringIO()
    kept = dict(os.environ), sys.argv, sys.stdin
    os.environ.clear()
    os.environ.update(environment(**more))
    sys.argv, sys.stdin = ["aquavolt", *map(str, arguments)], io.TextIOWrapper(io.BytesIO(input_text.encode()))
    try:
        with chdir(folder), redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    else:
        code = 0
    finally:
        os.environ.clear()
        os.environ.update(kept[0])
        sys.argv, sys.stdin = kept[1:]
    return Said(code, out.getvalue(), err.getvalue())
