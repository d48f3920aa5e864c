"""What may not be in the repository."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

LARGEST_BYTES = 400_000
LARGEST_PICTURE_BYTES = 250_000
BINARY = {".png", ".ico", ".gz", ".parquet", ".woff2"}
# Where packages come from is each machine's own setting, never the project's.
SOURCE_OF_PACKAGES = re.compile(r"index-url|find-links|registry *= *\"?http")
INSTALLING = (
    "Makefile",
    "Dockerfile",
    "docker-compose.yml",
    "constraints.txt",
    "pyproject.toml",
    "package.json",
    ".npmrc",
)
HOME_OF_SOMEBODY = re.compile(r"(?<![\w.>/])/(?:home|root|work|Users|tmp/[a-z])/[A-Za-z0-9_.-]+")
# This machine, a variable of a script, a service of the compose file by its name.
OWN_HOSTS = {"127.0.0.1", "{os", "influxdb"}
MADE_FOLDERS = {"node_modules", ".venv", "__pycache__", "dist", "build"}


@pytest.fixture(scope="module")
def texts(committed: list[Path], root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text(encoding="utf-8") for p in committed if p.suffix not in BINARY}


def test_nothing_made_or_vendored_is_committed(committed: list[Path], root: Path) -> None:
    made = [p for p in committed if MADE_FOLDERS & set(p.relative_to(root).parts)]
    vendored = [p for p in committed if p.is_relative_to(root / "api" / "web" / "vendor")]
    assert not made + vendored


def test_no_large_files(committed: list[Path]) -> None:
    limits = {".png": LARGEST_PICTURE_BYTES}
    assert not [p for p in committed if p.stat().st_size > limits.get(p.suffix, LARGEST_BYTES)]


def test_no_source_of_packages_is_named(texts: dict[str, str]) -> None:
    here = "tests/packaging/"
    assert not [name for name, text in texts.items() if SOURCE_OF_PACKAGES.search(text) and not name.startswith(here)]


def test_what_installs_names_no_host(texts: dict[str, str]) -> None:
    installing = {n: t for n, t in texts.items() if n in INSTALLING or n.startswith((".ci/", "deploy/"))}
    hosts = {name: set(re.findall(r"https?://([^/:\s]+)", text)) - OWN_HOSTS for name, text in installing.items()}
    assert not {name: found for name, found in hosts.items() if found}


def test_no_path_of_one_machine(texts: dict[str, str]) -> None:
    found = [(name, m.group()) for name, text in texts.items() for m in HOME_OF_SOMEBODY.finditer(text)]
    assert not found


def test_no_address_of_a_real_host_in_examples(texts: dict[str, str]) -> None:
    """Meters in documents stand at loopback, private or documentation addresses."""
    allowed = re.compile(
        r"127\.|10\.|192\.168\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|0\.0\.0\.0|172\.(1[6-9]|2\d|3[01])\."
    )
    address = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w.-])")
    documents = {name: text for name, text in texts.items() if name.endswith((".md", ".yml", ".yaml"))}
    found = [(name, m.group()) for name, text in documents.items() for m in address.finditer(text)]
    assert not [(name, a) for name, a in found if not allowed.match(a)]


def test_shell_scripts_can_be_run(root: Path) -> None:
    assert os.access(root / ".ci" / "run", os.X_OK)
