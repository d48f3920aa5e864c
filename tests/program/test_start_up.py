"""What a command loads before it does anything: none of it waits for what another command needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import aquavolt

HEAVY = ("asyncio", "rich", "numpy", "pydantic", "yaml", "ssl", "sqlite3", "fastapi", "sqlalchemy", "duckdb", "paho")
NEEDED = {"--help": (), "decode": ("numpy", "pydantic", "yaml")}
FRAME = "01 04 04 43 66 33 34 1B 38"


@pytest.mark.parametrize("command", NEEDED)
def test_a_command_loads_what_it_needs(command, tmp_path):
    frame = tmp_path / "frame.hex"
    frame.write_text(FRAME, encoding="ascii")
    words = {"--help": ["--help"], "decode": ["decode", "--profile", "eastron-sdm120", "--at", "4:0", str(frame)]}
    run = (
        "import sys\nfrom aquavolt.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print('loaded', *[m for m in {HEAVY} if m in sys.modules])"
    )
    where = {**os.environ, "PYTHONPATH": str(Path(aquavolt.__file__).parents[1])}
    given = [sys.executable, "-c", run, *words[command]]
    done = subprocess.run(given, check=True, env=where, capture_output=True, text=True)
    assert set(done.stdout.splitlines()[-1].split()[1:]) == set(NEEDED[command])
