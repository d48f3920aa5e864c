"""The direction of imports, as pyproject.toml has it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

# Client libraries and where alone they may be imported (DESIGN: swapping one touches one place).
ONLY_IN = {
    "paho": ("collector/mqtt", "simulators"),
    "pymodbus": ("collector/modbus", "simulators"),
    "serial": ("collector", "simulators"),
    "amqtt": ("simulators",),
    "duckdb": ("aquavolt",),
    "sqlalchemy": ("alerts", "aquavolt/pulling"),
    "alembic": ("alerts",),
    "argon2": ("alerts",),
    "fastapi": ("api",),
    "starlette": ("api", "aquavolt/pushing"),
    "jinja2": ("api",),
    "typer": ("aquavolt/cli",),
    "rich": ("aquavolt/cli",),
    "uvicorn": ("aquavolt",),
    "httpx": ("aquavolt",),
    "authlib": ("aquavolt/sign_in", "simulators/sign_in"),
    "joserfc": ("aquavolt/sign_in", "simulators/sign_in"),
}
PACKAGES = ("metering", "device_profiles", "collector", "rules", "alerts", "api", "simulators", "aquavolt")


def imports_of(path: Path) -> set[str]:
    """Top-level names that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.fixture(scope="module")
def imports(root: Path) -> dict[Path, set[str]]:
    """Of every file of the product."""
    return {p: imports_of(p) for package in PACKAGES for p in (root / package).rglob("*.py")}


def test_the_contracts_hold(root: Path) -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    command = [linter, "--config", root / "pyproject.toml", "--no-cache"]
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_domain_needs_the_standard_library_and_numpy_only(imports: dict[Path, set[str]], root: Path) -> None:
    allowed = sys.stdlib_module_names | {"numpy", "metering"}
    domain = {path: found - allowed for path, found in imports.items() if path.is_relative_to(root / "metering")}
    assert domain
    assert not {path: extra for path, extra in domain.items() if extra}


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_client_library_stands_where_it_belongs(library: str, imports: dict[Path, set[str]], root: Path) -> None:
    places = [root / place for place in ONLY_IN[library]]
    users = [path for path, found in imports.items() if library in found]
    assert not [path for path in users if not any(path.is_relative_to(place) for place in places)]
