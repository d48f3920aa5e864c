"""From a file to a checked profile. A fault is told with file, line, key and what is allowed."""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError

from device_profiles.checks import find_faults
from device_profiles.kinds import PROTOCOLS, Profile
from device_profiles.schema import allowed_keys
from device_profiles.yaml_lines import Lines, Path, YamlError, read_yaml
from metering.site_document import Fault

# Position of the key in the path of a point's key: ("points", 3, "scale").
_POINT_KEY = 2
_MODELS = FilePath(__file__).parent / "models"


class ProfileError(ValueError):
    """A profile that does not exist or cannot be used. One line a fault: `file:line: key: what is allowed`."""


def list_profiles() -> tuple[str, ...]:
    """The ids of all profiles that come with the program, in order."""
    return tuple(sorted(path.stem for path in _MODELS.glob("*.yaml")))


def load_profile(profile_id: str, *, allow_low_confidence: bool = False) -> Profile:
    """The profile of that id. One of low confidence, which no live meter has confirmed, only where that is allowed.

    Raises:
        ProfileError: there is none, its file is faulty, or it is of low confidence.
    """
    profile = _load(profile_id)
    if profile.confidence == "low" and not allow_low_confidence:
        reason = profile.notes[0] if profile.notes else "no live meter has confirmed it"
        raise ProfileError(
            f"profile {profile_id} is of low confidence ({reason}): its values may be wrong; "
            "--allow-low-confidence reads with it all the same"
        )
    return profile


@cache
def _load(profile_id: str) -> Profile:
    known = list_profiles()
    if profile_id not in known:
        near = difflib.get_close_matches(profile_id, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}"
        raise ProfileError(f"unknown profile {profile_id!r}; {hint}")
    profile = load_profile_file(_MODELS / f"{profile_id}.yaml")
    if profile.id != profile_id:
        raise ProfileError(f"{profile_id}.yaml: id: is {profile.id!r}; it must be the file's name")
    return profile


def load_profile_file(path: FilePath) -> Profile:
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
        raise _error(name, lines, [_fault(e, model) for e in error.errors(include_url=False)]) from error
    if faults := find_faults(profile):
        raise _error(name, lines, faults)
    return profile


def _fault(error: Any, model: type[BaseModel]) -> Fault:
    """Pydantic's word as a fault, with what is allowed."""
    path = tuple(error["loc"])
    if error["type"] == "extra_forbidden":
        return Fault(path, f"unknown key {path[-1]!r}; allowed: {', '.join(allowed_keys(model, path[:-1]))}")
    message = error["msg"].removeprefix("Value error, ")
    given = error.get("input")
    if isinstance(given, str | int | float):
        message += f" (given: {given!r})"
    return Fault(path, message)


def _error(name: str, lines: Lines, faults: list[Fault]) -> ProfileError:
    placed = [Fault(_written_path(f.path, lines), f.message) for f in faults]
    told = [f"{name}:{lines.of(f.path)}: {'.'.join(map(str, f.path))}: {f.message}" for f in placed]
    return ProfileError("\n".join(dict.fromkeys(told)))


def _written_path(path: Path, lines: Lines) -> Path:
    """Where a fault was written: a point's key that came from `defaults` is a fault of `defaults`, told once."""
    is_merged = len(path) > _POINT_KEY and path[0] == "points" and path[: _POINT_KEY + 1] not in lines
    merged = ("defaults", *path[_POINT_KEY:])
    return merged if is_merged and merged[:2] in lines else path
