"""What is pulled out of other systems, as `aquavolt.yaml` says it: CSV files and SQL tables, each with its own name."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from aquavolt.config.forms import NAME
from collector.pull.files import AUTO
from collector.pull.form import UNIX, UNIX_MS
from metering.quantities import BY_NAME

_READS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_Match = Literal["id", "device_address", "name"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _known(name: str) -> str:
    if name not in BY_NAME:
        raise ValueError(f"unknown quantity {name!r}; allowed: {', '.join(BY_NAME)}")
    return name


def _in_quotes(given: object) -> object:
    """A meter's number that YAML took for one: with its zeros gone it is another."""
    if isinstance(given, dict):
        for key in given:
            if not isinstance(key, str):
                raise ValueError(f"write {key!r} in quotes, with all its zeros")  # noqa: TRY004 - pydantic's way
    return given


class PullColumns(_Strict):
    """Which column is what. Long: `quantity` and `value`; wide: `values`, by quantity its column."""

    meter: str = Field("meter", min_length=1)
    time: str = Field("time", min_length=1)
    quantity: str | None = Field(None, min_length=1, description="the column that names our quantity")
    value: str | None = Field(None, min_length=1, description="the column of its value")
    values: dict[str, str] = Field(default_factory=dict, description="in place of both: quantity -> column")
    quality: str | None = Field(None, min_length=1, description="quality bits; none: all are good")

    @field_validator("values")
    @classmethod
    def _quantities(cls, given: dict[str, str]) -> dict[str, str]:
        for name in given:
            _known(name)
        if len(set(given.values())) != len(given):
            raise ValueError("two quantities name one column")
        return given

    @model_validator(mode="after")
    def _one_way(self) -> PullColumns:
        if bool(self.values) == (self.quantity is not None or self.value is not None):
            raise ValueError("give either `values` (wide), or `quantity` and `value` (long)")
        if not self.values and (self.quantity is None or self.value is None):
            raise ValueError("`quantity` and `value` go together; where all is of one quantity give `values`")
        return self


class _PullSettings(_Strict):
    every_s: float = Field(300.0, ge=5, le=86_400, description="how often")
    columns: PullColumns
    meters: Annotated[dict[str, str], BeforeValidator(_in_quotes)] = Field(
        default_factory=dict, description="their name of a meter -> ours, before `match`"
    )
    match: _Match = Field("id", description="which of ours their name is")
    scale: dict[str, float] = Field(default_factory=dict, description="quantity -> factor into our unit")
    time_format: str = Field("", description="as strptime has it, `unix` or `unix_ms`; none: ISO 8601")
    timezone: str | None = Field(None, description="of times without an offset; none: the site's")

    @field_validator("scale")
    @classmethod
    def _scales(cls, given: dict[str, float]) -> dict[str, float]:
        for name, factor in given.items():
            if not factor or abs(factor) == float("inf") or factor != factor:  # noqa: PLR0124 - NaN
                raise ValueError(f"the factor of {_known(name)} must be a number other than 0")
            _known(name)
        return given

    @field_validator("timezone")
    @classmethod
    def _zone(cls, given: str | None) -> str | None:
        try:
            return given if given is None else ZoneInfo(given).key
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{given!r} is no time zone; write it like Asia/Shanghai") from error

    @field_validator("time_format")
    @classmethod
    def _format(cls, given: str) -> str:
        if given in ("", UNIX, UNIX_MS):
            return given
        moment = datetime(2026, 11, 23, 14, 45, 30, tzinfo=UTC)
        try:
            read = datetime.strptime(moment.strftime(given), given)  # noqa: DTZ007 - only whether it can be read
        except ValueError as error:
            raise ValueError(f"{given!r} is no format of strptime, `unix` or `unix_ms`: {error}") from error
        if read.date() != moment.date():
            raise ValueError(f"{given!r} does not give year, month and day")
        return given


class FilesPull(_PullSettings):
    """CSV files."""

    path: Path = Field(description="a file, or a folder")
    pattern: str = Field("*.csv", min_length=1, description="which files of the folder; `**/*.csv` with those below")
    encoding: str = Field(AUTO, description="`auto` (UTF-8 or GBK), or its name")
    delimiter: str = Field(",", min_length=1, max_length=1)
    settle_s: float = Field(60.0, ge=0, description="a last line without an end counts when nothing came so long")

    @field_validator("encoding")
    @classmethod
    def _codec(cls, given: str) -> str:
        try:
            if given != AUTO and "a\n".encode(given) != b"a\n":
                raise ValueError(f"{given!r} does not keep lines apart; allowed: auto, utf-8, gbk, gb18030, ...")
        except LookupError as error:
            raise ValueError(f"{given!r} is no encoding; allowed: auto, utf-8, gbk, gb18030, ...") from error
        return given

    @field_validator("pattern")
    @classmethod
    def _within(cls, given: str) -> str:
        if given.startswith("/") or ".." in Path(given).parts:
            raise ValueError("the pattern stays within the folder")
        return given


class SqlPull(_PullSettings):
    """A query of another system's database."""

    url: SecretStr = Field(description="SQLAlchemy URL, e.g. mysql+pymysql://reader@host/dorm")
    password: SecretStr | None = Field(None, description="if it does not stand in the url")
    query: str = Field(description="a SELECT of what is at or after `:since`")
    start: datetime = Field(datetime(2000, 1, 1, tzinfo=UTC), description="the first `:since`")
    overlap_s: float = Field(3600.0, ge=0, le=31 * 86_400, description="asked for again, for rows that came late")

    @field_validator("url")
    @classmethod
    def _url(cls, given: SecretStr) -> SecretStr:
        from aquavolt.pulling.sql import open_engine, parse_url  # noqa: PLC0415 - loads a library few need

        open_engine(parse_url(given.get_secret_value(), None)).dispose()
        return given

    @field_validator("query")
    @classmethod
    def _query(cls, given: str) -> str:
        query = given.strip().rstrip(";")
        if not _READS.match(query) or ";" in query:
            raise ValueError("one SELECT (or WITH ... SELECT) and nothing else: nothing is ever written")
        if not re.search(r"(?<!:):since\b", query):
            raise ValueError("it must ask for what is new: `WHERE the_time >= :since`")
        return query

    @property
    def overlap(self) -> timedelta:
        """As a time."""
        return timedelta(seconds=self.overlap_s)


def _names(given: dict[str, object]) -> dict[str, object]:
    for name in given:
        if not re.match(NAME, name):
            raise ValueError(f"{name!r}: a name is of a-z, 0-9, '.', '_' and '-', at most 40")
    return given


class PullSettings(_Strict):
    """Every source by its name."""

    files: dict[str, FilesPull] = Field(default_factory=dict)
    sql: dict[str, SqlPull] = Field(default_factory=dict)

    @field_validator("files", "sql")
    @classmethod
    def _named(cls, given: dict[str, object]) -> dict[str, object]:
        return _names(given)

    @model_validator(mode="after")
    def _once(self) -> PullSettings:
        if twice := set(self.files) & set(self.sql):
            raise ValueError(f"files and sql have a source of one name: {', '.join(sorted(twice))}")
        return self

    def sources(self) -> dict[str, FilesPull | SqlPull]:
        """All of them by name."""
        return {**self.files, **self.sql}
