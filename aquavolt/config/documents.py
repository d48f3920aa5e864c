"""YAML files of a user: read with their lines, so that each fault can say where it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_profiles import ProfileError, load_profile
from device_profiles.yaml_lines import Lines, YamlError, read_yaml
from metering.site import Site
from metering.site_document import Fault, SiteDocumentError, parse_site
from rules.settings import RulesDocumentError, RulesSettings, parse_rules


class ConfigError(ValueError):
    """Something a user wrote cannot be used. One line a fault: `file:line: key: what is allowed`."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content, where each part stands in it, and a digest that changes when the content does."""

    path: Path
    content: Any
    lines: Lines

    @property
    def digest(self) -> str:
        """First 12 hex digits of the content's SHA-256; comments and order of keys do not count."""
        text = json.dumps(self.content, sort_keys=True, default=str, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def plain(self) -> dict[str, Any]:
        """The content as JSON knows it (days and times as text), for a journal entry."""
        plain: dict[str, Any] = json.loads(json.dumps(self.content, default=str, ensure_ascii=False))
        return plain

    def error(self, faults: Sequence[Fault]) -> ConfigError:
        """The faults, one a line, in the file's order."""
        told = [(self.lines.of(f.path), ".".join(map(str, f.path)), f.message) for f in faults]
        rows = [f"{self.path}:{line}: {key + ': ' if key else ''}{message}" for line, key, message in sorted(told)]
        return ConfigError("\n".join(dict.fromkeys(rows)))


def read_document(path: Path) -> Document:
    """The YAML file.

    Raises:
        ConfigError: it cannot be read, or is no YAML.
    """
    try:
        content, lines = read_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except YamlError as error:
        raise ConfigError(f"{path}:{error.line}: {error}") from error
    return Document(path, content, lines)


def load_site(path: Path) -> tuple[Site, Document]:
    """The site in a file, its profiles checked too.

    Raises:
        ConfigError: with every fault.
    """
    document = read_document(path)
    try:
        site = parse_site(document.content)
    except SiteDocumentError as error:
        raise document.error(error.faults) from error
    if faults := _profile_faults(site):
        raise document.error(faults)
    return site, document


def _profile_faults(site: Site) -> list[Fault]:
    faults = []
    for i, meter in enumerate(site.meters.values()):
        if meter.connection is not None and meter.profile is None:
            faults.append(Fault(("meters", i), f"meter {meter.id!r} has a connection but no `profile` to read it by"))
        if meter.profile is None:
            continue
        try:
            load_profile(meter.profile)
        except ProfileError as error:
            faults.append(Fault(("meters", i, "profile"), str(error)))
    return faults


def load_rules(path: Path | None, site: Site) -> RulesSettings:
    """The rules in a file, or the documented defaults where there is none.

    Raises:
        ConfigError: with every fault.
    """
    if path is None:
        return parse_rules(None, site)
    document = read_document(path)
    try:
        return parse_rules(document.content, site)
    except RulesDocumentError as error:
        raise document.error(error.faults) from error
