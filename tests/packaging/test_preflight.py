"""What a machine lacks is said at once, in one line to copy; as root on Debian it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Machine:
    """A PATH with nothing but stand-ins."""

    folder: Path
    script: Path

    def add(self, name: str, body: str) -> None:
        (self.folder / name).write_text(f"#!{shutil.which('sh')}\n{body}\n", encoding="utf-8")
        (self.folder / name).chmod(0o755)

    def python(self, *, has_venv: bool) -> None:
        lacks = 'case "$2" in *ensurepip*) exit 1;; esac'
        self.add("python3", f'{"" if has_venv else lacks}\nexec {sys.executable} "$@"')

    def check(self, purpose: str, python: str = "python3") -> subprocess.CompletedProcess[str]:
        sh = shutil.which("sh") or "/bin/sh"
        where = {"PATH": str(self.folder), "PYTHON": python, "HOME": os.environ.get("HOME", "")}
        return subprocess.run([sh, self.script, purpose], env=where, check=False, capture_output=True, text=True)


@pytest.fixture
def machine(tmp_path: Path, root: Path) -> Machine:
    """Nobody's in particular: not root, Python without venv, no npm."""
    made = Machine(tmp_path, root / "deploy" / "preflight.sh")
    made.add("id", "echo 1000")
    made.python(has_venv=False)
    return made


def test_all_that_is_missing_is_one_line_to_copy(machine: Machine) -> None:
    said = machine.check("build")
    assert said.returncode == 1
    assert "sudo apt-get install --yes --no-install-recommends python3-venv npm\n" in said.stderr


def test_tests_need_more(machine: Machine) -> None:
    said = machine.check("test")
    assert said.returncode == 1
    assert " python3-venv npm " in said.stderr
    assert "chromium" in said.stderr


def test_a_machine_that_has_it_all_hears_nothing(machine: Machine) -> None:
    machine.python(has_venv=True)
    machine.add("npm", "")
    said = machine.check("build")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_root_gets_it_installed(machine: Machine, tmp_path: Path) -> None:
    machine.python(has_venv=True)
    machine.add("id", "echo 0")
    brings = f"echo >{tmp_path}/npm; {shutil.which('chmod')} +x {tmp_path}/npm"
    machine.add("apt-get", f'case "$1" in install) echo "$*" >{tmp_path}/asked; {brings};; esac')
    said = machine.check("build")
    assert said.returncode == 0, said.stderr
    assert (tmp_path / "asked").read_text() == "install --yes --no-install-recommends npm\n"


def test_an_installation_that_did_not_help_is_said(machine: Machine) -> None:
    machine.add("id", "echo 0")
    machine.add("apt-get", "exit 0")
    said = machine.check("build")
    assert said.returncode == 1
    assert "still missing after the installation: python3-venv npm" in said.stderr


def test_a_failed_installation_ends_it(machine: Machine) -> None:
    machine.add("id", "echo 0")
    machine.add("apt-get", "exit 100")
    assert machine.check("build").returncode == 100


def test_an_old_python_is_refused(machine: Machine) -> None:
    machine.add("python3", 'case "$1" in -c) exit 1;; *) echo Python 3.9.2;; esac')
    said = machine.check("build")
    assert said.returncode == 1
    assert "needs Python 3.11 or later; python3 is Python 3.9.2" in said.stderr


def test_an_interpreter_that_is_not_there_is_said(machine: Machine) -> None:
    said = machine.check("build", python="python3.99")
    assert said.returncode == 1
    assert "there is no interpreter python3.99" in said.stderr
