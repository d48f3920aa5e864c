"""Settings of a program: `aquavolt.yaml`, and the environment before it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from alerts.statistics.discovery import LAST_BILL_DAY, UsualDiscovery
from alerts.users.roles import TOKEN_SCOPES, Permission
from api.parts import Prices
from aquavolt.channels.kinds import ChannelSettings
from aquavolt.config.documents import ConfigError, Document, read_document
from aquavolt.config.forms import BUCKET, CURRENCY, LISTEN, NAME, SERVER, SERVICE
from aquavolt.config.pull_settings import PullSettings
from aquavolt.config.settings_errors import Sources, settings_error
from aquavolt.repair.settings import RepairPlatformSettings
from aquavolt.sign_in.settings import SignInSettings, with_secrets
from aquavolt.stores.influx.settings import InfluxSettings


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerAccount(_Strict):
    """How to sign in at one MQTT broker; `site.yaml` names the broker, the account stands here."""

    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = Field(None, description="certificates to trust (PEM); none: the system's")
    version: Literal["3.1.1", "5"] = Field("3.1.1", description="of MQTT; every broker speaks 3.1.1, not every one 5")


class JournalSettings(_Strict):
    """Bounds of the collector's journal."""

    cap_mb: int = Field(4096, ge=16, description="past this the oldest entries go first, counted and alerted")
    free_disk_floor_mb: int = Field(512, ge=0, description="with less free disk nothing more is taken")


class InfluxConnection(_Strict):
    """InfluxDB 2 as the store, in place of the embedded one."""

    url: str = Field(pattern=SERVER, description="`http(s)://host:port`")
    token: SecretStr
    org: str = Field(min_length=1)
    bucket: str = Field("aquavolt", pattern=BUCKET, description="made on first start, as `BUCKET_intervals`")


class WatchSettings(_Strict):
    """Where `aquavolt watch` is, for `collect` and `serve`, and how it listens itself."""

    url: str = Field("http://127.0.0.1:8010", pattern=SERVICE, description="`http(s)://host:port`")
    token: SecretStr = Field(min_length=1, description="what the services send each other")
    ca_file: Path | None = Field(None, description="the only certificates to trust (PEM); none: the system's")
    listen: str | None = Field(
        None,
        pattern=LISTEN,
        description="`host:port` of watch itself; none: as in url",
    )
    certificate: Path | None = Field(None, description="of watch itself (PEM); with `key` it speaks TLS")
    key: Path | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port where watch listens."""
        host, _, port = (self.listen or urlsplit(self.url).netloc).rpartition(":")
        return host.strip("[]"), int(port)


class CollectorSettings(_Strict):
    """Which collector of the site `aquavolt collect` is."""

    name: str = Field("main", pattern=NAME, description="each collector has its own")
    nodes: tuple[str, ...] = Field((), description="reads the meters of these nodes and what is below; none: all")


class PriceSettings(_Strict):
    """What a cubic metre and a kilowatt-hour cost: every loss in money is an estimate from these."""

    water_per_m3: float = Field(4.5, ge=0)
    electricity_per_kwh: float = Field(0.6, ge=0)
    currency: str = Field("CNY", pattern=CURRENCY)

    def prices(self) -> Prices:
        """As the alerts and pages know them."""
        return Prices(self.water_per_m3, self.electricity_per_kwh, self.currency)


class DiscoverySettings(_Strict):
    """When a leak is noticed without AquaVolt: what it saved is an estimate from this."""

    way: Literal["bill", "patrol"] = Field("bill", description="with the next monthly bill, or on a patrol")
    bill_day: int = Field(5, ge=1, le=LAST_BILL_DAY, description="local day of the month on which the bill is read")
    patrol_days: float = Field(30.0, gt=0, le=366, description="from one patrol of a place to the next")

    def discovery(self) -> UsualDiscovery:
        """As the figures know it."""
        return UsualDiscovery(self.way, self.bill_day, self.patrol_days)


def _of_json(given: object) -> object:
    """What a variable holds in place of the file's mapping."""
    return json.loads(given) if isinstance(given, str) else given


def _named(given: object) -> object:
    """What a variable holds in place of the file's list: names with commas or spaces between."""
    return given.replace(",", " ").split() if isinstance(given, str) else given


def _scope(name: object) -> Permission:
    known = {scope.value: scope for scope in TOKEN_SCOPES}
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"{name!r} is no scope; allowed: {', '.join(known)}")
    return known[name]


TokenScopes = Annotated[tuple[Annotated[Permission, BeforeValidator(_scope)], ...], BeforeValidator(_named)]


class Settings(_Strict):
    """Everything but the site and the rules."""

    site: Path = Path("site.yaml")
    rules: Path | None = Field(None, description="rules.yaml; none: the documented defaults")
    playbook: Path | None = Field(None, description="own plays, looked at before those that ship")
    data: Path = Path("data")
    host: str = Field("127.0.0.1", description="any other than loopback is refused until there are accounts")
    port: int = Field(8000, ge=0, le=65535)
    records: str | None = Field(None, description="SQLAlchemy URL; none: SQLite in the data folder")
    token: SecretStr | None = Field(None, description="what programs send as `Authorization: Bearer`")
    token_scopes: TokenScopes = Field(TOKEN_SCOPES, min_length=1, description="what `token` opens; none given: all")
    public_url: str | None = Field(None, description="address of the page as people reach it, for links in messages")
    public_reports: bool = Field(True, description="whether who is not signed in may report running water")
    retention_days: int = Field(1100, ge=1, description="raw readings older than this go; intervals stay")
    store_memory_mb: int = Field(128, ge=64, description="buffers of the embedded store; what does not fit is spilled")
    influx: InfluxConnection | None = Field(None, description="none: the embedded store in the data folder")
    watch: WatchSettings | None = Field(None, description="for the split services")
    collector: CollectorSettings = CollectorSettings()
    journal: JournalSettings = JournalSettings()
    prices: PriceSettings = PriceSettings()
    usual_discovery: DiscoverySettings = DiscoverySettings()
    brokers: Annotated[dict[str, BrokerAccount], BeforeValidator(_of_json)] = Field(
        default_factory=dict, description="by `host:port`; as text (a variable): JSON"
    )
    pull: PullSettings = Field(PullSettings(), description="readings out of other systems: `files` and `sql` by name")
    channels: tuple[ChannelSettings, ...] = Field((), description="where notifications go, each with its own name")
    repair_platform: RepairPlatformSettings | None = Field(None, description="an existing one, the master of orders")
    sign_in_secrets: Annotated[dict[str, SecretStr], BeforeValidator(_of_json)] = Field(
        default_factory=dict, description="secrets of `sign_in` by its `id`; as text (a variable): JSON"
    )
    sign_in: tuple[SignInSettings, ...] = Field(
        (), validate_default=True, description="providers at which people may sign in, besides here"
    )

    @model_validator(mode="before")
    @classmethod
    def _give_secrets(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "sign_in" not in given:
            return given
        try:
            secrets = _of_json(given.get("sign_in_secrets", {}))
        except ValueError:  # told at its own place
            return given
        return {**given, "sign_in": with_secrets(given["sign_in"], secrets)}

    @field_validator("sign_in")
    @classmethod
    def _check_sign_in(cls, ways: tuple[SignInSettings, ...], info: ValidationInfo) -> tuple[SignInSettings, ...]:
        ids = [way.id for way in ways]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"each provider has an `id` of its own; twice: {', '.join(twice)}")
        if strange := sorted(set(info.data.get("sign_in_secrets", ())) - set(ids)):
            raise ValueError(f"`sign_in_secrets` names what is no provider's `id`: {', '.join(strange)}")
        if without := [way.id for way in ways if way.secret is None]:
            raise ValueError(f"no secret for {', '.join(without)}: give it there or in `sign_in_secrets`")
        if ways and not info.data.get("public_url"):
            raise ValueError("`public_url` is needed too: providers send people back to it")
        return ways

    @property
    def records_url(self) -> str:
        """Where alerts are kept."""
        return self.records or f"sqlite:///{self.data / 'records.db'}"

    def influx_for(self, site: str) -> InfluxSettings | None:
        """How the site's store reaches InfluxDB; None: the embedded store."""
        if (given := self.influx) is None:
            return None
        token, days = given.token.get_secret_value(), float(self.retention_days)
        return InfluxSettings(given.url.rstrip("/"), token, given.org, given.bucket, site, retention_days=days)

    @property
    def page_url(self) -> str:
        """Address of the page for links."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


_ENVIRONMENT = {
    "AQUAVOLT_SITE": "site",
    "AQUAVOLT_RULES": "rules",
    "AQUAVOLT_PLAYBOOK": "playbook",
    "AQUAVOLT_DATA": "data",
    "AQUAVOLT_HOST": "host",
    "AQUAVOLT_PORT": "port",
    "AQUAVOLT_RECORDS": "records",
    "AQUAVOLT_TOKEN": "token",
    "AQUAVOLT_TOKEN_SCOPES": "token_scopes",
    "AQUAVOLT_PUBLIC_URL": "public_url",
    "AQUAVOLT_INFLUX_URL": "influx.url",
    "AQUAVOLT_INFLUX_TOKEN": "influx.token",
    "AQUAVOLT_INFLUX_ORG": "influx.org",
    "AQUAVOLT_INFLUX_BUCKET": "influx.bucket",
    "AQUAVOLT_WATCH_URL": "watch.url",
    "AQUAVOLT_WATCH_TOKEN": "watch.token",
    "AQUAVOLT_WATCH_LISTEN": "watch.listen",
    "AQUAVOLT_WATCH_CA_FILE": "watch.ca_file",
    "AQUAVOLT_WATCH_CERTIFICATE": "watch.certificate",
    "AQUAVOLT_WATCH_KEY": "watch.key",
    "AQUAVOLT_COLLECTOR": "collector.name",
    "AQUAVOLT_BROKERS": "brokers",
    "AQUAVOLT_SIGN_IN_SECRETS": "sign_in_secrets",
}


def influx_only(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that say where InfluxDB is: the demo listens to no others."""
    return {name: value for name, value in environment.items() if _ENVIRONMENT.get(name, "").startswith("influx.")}


def load_settings(path: Path | None = None, environment: Mapping[str, str] = os.environ, **given: Any) -> Settings:
    """Settings from the command line (`given`), before the environment, before `aquavolt.yaml`, before defaults.

    Raises:
        ConfigError: every fault, with file and line or the variable's name, and what is allowed.
    """
    document = read_document(path) if path is not None else _default_document()
    content = document.content if document and document.content is not None else {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path}:1: settings are a mapping with keys of: {', '.join(Settings.model_fields)}")
    named = {key: variable for variable, key in _ENVIRONMENT.items() if variable in environment}
    values = _with_environment(content, {key: environment[variable] for key, variable in named.items()})
    for key, value in given.items():
        if isinstance(value, dict) and isinstance(values.get(key, {}), dict):
            values[key] = {**values.get(key, {}), **value}
        elif value is not None:
            values[key] = value
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        variables = {key: variable for variable, key in _ENVIRONMENT.items()}
        sources = Sources(document, given, variables, frozenset(named.values()))
        raise settings_error(error, sources, tuple(Settings.model_fields)) from error


def _with_environment(content: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The document's values with those of the environment in their places; `a.b` is the key b of the mapping a."""
    values = dict(content)
    for key, value in given.items():
        section, _, inner = key.rpartition(".")
        if not section:
            values[key] = value
        elif isinstance(values.get(section, {}), dict):
            values[section] = {**values.get(section, {}), inner: value}
    return values


def _default_document() -> Document | None:
    path = Path("aquavolt.yaml")
    return read_document(path) if path.exists() else None
