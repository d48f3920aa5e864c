"""The Dockerfile's own commands that make the wheel, on nothing but what .dockerignore lets through."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from composed import ROOT

from api.web.vendor import FILES

pytestmark = pytest.mark.slow


def wheel_commands() -> list[str]:
    """Those of the stage `wheel`, without the installation of what builds it: that is here already."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    stage = re.search(r"AS wheel$(.*?)^FROM", text, re.MULTILINE | re.DOTALL)
    assert stage
    found = [
        command.strip() for run in re.findall(r"^RUN (.+)$", stage[1], re.MULTILINE) for command in run.split("&&")
    ]
    return [command for command in found if not command.startswith("pip install")]


def committed_and_let_through(target: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = [line[1:] for line in lines if line.startswith("!")]
    for name in filter(None, listed.split("\0")):
        if any(name == path or name.startswith(f"{path}/") for path in let_through) and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


def test_the_wheel_is_built_of_what_the_builder_gets(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    committed_and_let_through(source)
    (source / "node_modules").symlink_to(ROOT / "node_modules")
    commands = wheel_commands()
    assert [command.split()[0] for command in commands] == ["python", "pip"]
    for command in commands:
        words = shlex.split(command.replace("/wheels", str(tmp_path / "wheels")))
        # The builder's Python has none of our dependencies: neither has -S.
        interpreter = [sys.executable, "-S"] if words[0] == "python" else [sys.executable, "-m", "pip"]
        done = subprocess.run([*interpreter, *words[1:]], cwd=source, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tmp_path / "wheels").glob("aquavolt-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = next(archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
    assert {f"api/web/vendor/{name}" for name in FILES} <= names
    assert "aquavolt/cli/__init__.py" in names
    assert "Provides-Extra: postgres" in metadata
