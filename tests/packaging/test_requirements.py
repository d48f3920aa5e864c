"""pyproject.toml, constraints.txt and package-lock.json say the same."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pins(root: Path) -> dict[str, Version]:
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs), "constraints.txt has exact versions only"
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def asked_for(project: dict[str, Any]) -> list[Requirement]:
    texts = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    return [Requirement(text) for text in texts + project["build-system"]["requires"]]


def all_needed(project: dict[str, Any]) -> Iterator[Requirement]:
    """What is asked for, and what that asks for, as installed here."""
    waiting = asked_for(project)
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        extras = requirement.extras or {""}
        if (key := (canonicalize_name(requirement.name), frozenset(extras))) in seen:
            continue
        seen.add(key)
        yield requirement
        try:
            needs = distribution(requirement.name).requires or []
        except PackageNotFoundError:
            pytest.fail(f"{requirement} is asked for and not installed: run make setup")
        for need in map(Requirement, needs):
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(need)


def test_every_pin_satisfies_what_is_asked_for(project: dict[str, Any], pins: dict[str, Version]) -> None:
    wrong = [
        f"{requirement} but {pins[name]}"
        for requirement in all_needed(project)
        if (name := canonicalize_name(requirement.name)) in pins and pins[name] not in requirement.specifier
    ]
    assert not wrong


def test_every_dependency_is_pinned_and_nothing_else(project: dict[str, Any], pins: dict[str, Version]) -> None:
    needed = {canonicalize_name(requirement.name) for requirement in all_needed(project)}
    assert needed - set(pins) == set()
    # pip itself is pinned too; tomlkit and the like may be needed on another Python only.
    assert set(pins) - needed <= {"pip"}


def test_what_is_installed_here_is_what_is_pinned(pins: dict[str, Version]) -> None:
    assert {name: Version(distribution(name).version) for name in pins} == pins


def test_every_dependency_has_a_lower_bound(project: dict[str, Any]) -> None:
    assert all(any(s.operator == ">=" for s in r.specifier) for r in asked_for(project))


def test_the_version_is_the_same_everywhere(project: dict[str, Any], root: Path) -> None:
    version = project["project"]["version"]
    assert json.loads((root / "package.json").read_text(encoding="utf-8"))["version"] == version
    images = re.findall(r"image: aquavolt:(\S+)", (root / "docker-compose.yml").read_text(encoding="utf-8"))
    assert set(images) == {version}


def test_browser_packages_are_exact_and_locked_by_content(root: Path) -> None:
    package = json.loads((root / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((root / "package-lock.json").read_text(encoding="utf-8"))
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["dependencies"].values())
    assert lock["packages"][""]["dependencies"] == package["dependencies"]
    for name, entry in lock["packages"].items():
        if name:
            assert entry["integrity"].startswith("sha512-"), name
            assert "resolved" not in entry, name
