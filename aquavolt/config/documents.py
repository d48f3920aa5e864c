"""YAML files of a user: read with their lines, so that each fault can say where it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alerts.playbook import Playbook, PlaybookError, known_steps, parse_playbook, shipped_playbook
from collector.connection import ConnectionTextError
from collector.line.plan import UnreadableError, plan_polls
from collector.line.poller import is_framed
from collector.modbus.poller import is_modbus
from collector.modbus.polls import PollCompiler, UnpollableError
from collector.mqtt.routes import RouteError, route_of
from device_profiles import Profile, ProfileError, load_profile
from device_profiles.yaml_lines import Lines, YamlError, read_yaml
from metering.quantities import OTHER
from metering.site import Meter, Site
from metering.site_document import Fault, SiteDocumentError, parse_site
from metering.site_document import Path as KeyPath
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
    if faults := profile_faults(site):
        raise document.error(faults)
    return site, document


def profile_faults(site: Site) -> list[Fault]:
    """What of the meters cannot be read as the site file has it: profile, connection and address."""
    faults = []
    for i, meter in enumerate(site.meters.values()):
        if meter.connection is not None and meter.profile is None:
            faults.append(Fault(("meters", i), f"meter {meter.id!r} has a connection but no `profile` to read it by"))
        if meter.profile is None:
            continue
        try:
            profile = load_profile(meter.profile)
        except ProfileError as error:
            faults.append(Fault(("meters", i, "profile"), str(error)))
            continue
        if not _can_measure(profile, meter):
            message = (
                f"{profile.id} is a meter of {profile.medium}, but {meter.id!r} is stated to measure {meter.medium}"
            )
            faults.append(Fault(("meters", i, "profile"), message))
        faults += _connection_faults(meter, ("meters", i, "connection"))
    return faults


def _can_measure(profile: Profile, meter: Meter) -> bool:
    """Pulses, and what a payload itself names, can be of any medium."""
    is_any = profile.medium == OTHER or any(p.pulse_channel is not None for p in profile.points)
    return is_any or profile.medium == meter.medium


def _connection_faults(meter: Meter, path: KeyPath) -> list[Fault]:
    """Whether the meter can be read at all as the file has it: connection, address and profile go together."""
    if meter.connection is None:
        return []
    try:
        if is_modbus(meter):
            PollCompiler(load_profile).compile(meter)
        elif is_framed(meter):
            plan_polls(meter, load_profile(meter.profile or ""))
        else:
            route_of(meter)
    except (UnpollableError, UnreadableError, RouteError, ConnectionTextError) as error:
        return [Fault(path, str(error))]
    return []


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


def load_playbook(path: Path | None) -> Playbook:
    """The plays that ship, after those of a site's own file if there is one.

    Raises:
        ConfigError: with every fault.
    """
    shipped = shipped_playbook()
    if path is None:
        return shipped
    document = read_document(path)
    try:
        return replace(shipped, own=parse_playbook(document.content, known_steps()))
    except PlaybookError as error:
        raise document.error(error.faults) from error
