"""From a file to a checked profile. A fault is told with file, line, key and what is allowed."""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from device_profiles.checks import find_faults
from device_profiles.schema import PROTOCOLS, Profile
from device_profiles.yaml_lines import Lines, YamlError, read_yaml
from metering.site_document import Fault

_MODELS = Path(__file__).parent / "models"


class ProfileError(ValueError):
    """A profile that does not exist or cannot be used. One line a fault: `file:line: key: what is allowed`."""


def list_profiles() -> tuple[str, ...]:
    """The ids of all profiles that come with the program, in order."""
    return tuple(sorted(path.stem for path in _MODELS.glob("*.yaml")))


@cache
def load_profile(profile_id: str) -> Profile:
    """The profile of that id.

    Raises:
        ProfileError: there is none, or its file is faulty.
    """
    known = list_profiles()
    if profile_id not in known:
        near = difflib.get_close_matches(profile_id, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}"
        raise ProfileError(f"unknown profile {profile_id!r}; {hint}")
    profile = load_profile_file(_MODELS / f"{profile_id}.yaml")
    if profile.id != profile_id:
        raise ProfileError(f"{profile_id}.yaml: id: is {profile.id!r}; it must be the file's name")
    return profile


def load_profile_file(path: Path) -> Profile:
    """The profile in a file.

    Raises:
        ProfileError: the file cannot be read or is faulty; every fault is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: cannot be read: {error}") from error
    return parse_profile(text, path.name)


def parse_profile(text: str, name: str) -> Profile:
    """The profile in this text; `name` stands for the file in messages.

    Raises:
        ProfileError: it is faulty; every fault is named.
    """
    try:
        document, lines = read_yaml(text)
    except YamlError as error:
        raise ProfileError(f"{name}:{error.line}: {error}") from error
    if not isinstance(document, dict):
        raise ProfileError(f"{name}:1: a profile is a mapping with `schema`, `id`, `protocol`, `points`, ...")
    model = PROTOCOLS.get(str(document.get("protocol")))
    if model is None:
        text = f"{document.get('protocol')!r} is not read; allowed: {', '.join(PROTOCOLS)}"
        raise _error(name, lines, [Fault(("protocol",), text)])
    try:
        profile = model.model_validate(document)
    except ValidationError as error:
        raise _error(name, lines, [_fault(e) for e in error.errors(include_url=False)]) from error
    if faults := find_faults(profile):
        raise _error(name, lines, faults)
    return profile


def _fault(error: Any) -> Fault:
    """Pydantic's word as a fault: an unknown key is named at its own place."""
    path = tuple(error["loc"])
    if error["type"] == "unknown_key":
        path = (*path, error["ctx"]["key"])
    message = error["msg"].removeprefix("Value error, ")
    given = error.get("input")
    if isinstance(given, str | int | float):
        message += f" (given: {given!r})"
    return Fault(path, message)


def _error(name: str, lines: Lines, faults: list[Fault]) -> ProfileError:
    told = [f"{name}:{lines.of(f.path)}: {'.'.join(map(str, f.path))}: {f.message}" for f in faults]
    return ProfileError("\n".join(told))
