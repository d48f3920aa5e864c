"""What a profile file may say. Unknown keys are refused; `checks.py` looks at how the parts fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from device_profiles.dtypes import DTYPES, ByteOrder, Dtype, WordOrder
from metering.quantities import BY_NAME, Quantity


def _known_dtype(name: str) -> str:
    if name not in DTYPES:
        raise ValueError(f"unknown dtype; allowed: {', '.join(DTYPES)}")
    return name


DtypeName = Annotated[str, AfterValidator(_known_dtype)]
RawValue = Annotated[float, Field(allow_inf_nan=False)]
PollClass = Literal["fast", "slow", "once"]


class Strict(BaseModel):
    """A part of a profile: frozen, no key that is not in the schema, no number that is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def allowed_keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The keys that may stand at a path of a document of this model."""
    for step in path:
        field = next((f for name, f in model.model_fields.items() if step == (f.alias or name)), None)
        inner = _model_in(field.annotation) if field is not None else None
        model = inner or model  # list positions and keys of free mappings lead no deeper
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in get_args(annotation) if (m := _model_in(a)) is not None), None)


class Source(Strict):
    """Where a fact was read."""

    id: str
    what: str = ""
    where: str = ""


class Serial(Strict):
    """Factory settings of the serial side; `bauds` are the rates that can be chosen."""

    unit: int = Field(default=1, ge=0, le=255)
    baud: int = Field(default=9600, gt=0)
    bits: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stop: Literal[1, 2] = 1
    bauds: tuple[int, ...] = ()


class AddressRange(Strict):
    """Addresses that must never be read, both ends included."""

    function: Literal[3, 4]
    first: int = Field(ge=0, le=0xFFFF)
    last: int = Field(ge=0, le=0xFFFF)


class Limits(Strict):
    """What one request may ask for. `max_gap` is how many unused registers may be read along to save a request.

    one_value  the device answers for one value a request, never for two neighbours
    """

    max_registers: int = Field(default=125, ge=1, le=125)
    max_gap: int = Field(default=8, ge=0, le=124)
    even_start: bool = False
    one_value: bool = False
    forbidden: tuple[AddressRange, ...] = ()
    min_gap_ms: float = Field(default=0, ge=0, le=10_000)


class Parameter(Strict):
    """A number that is set for each installed meter, e.g. a transformer ratio."""

    default: RawValue = 1.0
    note: str = ""


class Ratio(Strict):
    """A transformer ratio that the meter states, by the name of its point.

    applied_by  `meter`: its values are those of the primary side already; `service`: they are secondary, and the
                site's `multiplier` makes primary ones of them
    """

    applied_by: Literal["meter", "service"]
    note: str = ""


class Point(Strict):
    """One value a meter states: raw x scale + offset. `quantity` is our name, or the source's where we have none.

    With our name the value is in our unit and `unit` may be left out; with the source's it is in `unit`.
    `invalid` are raw values that mean "no value"; outside `valid_range` a reading is kept but held for review.
    `pulse_channel` marks a pulse counter: the site's meter turns pulses into its register by its multiplier.
    `is_multiplied: false` keeps the site's multiplier away from a value that is right as it stands.
    """

    quantity: str = Field(min_length=1)
    source_name: str = ""
    unit: str | None = None
    scale: RawValue = 1.0
    offset: RawValue = 0.0
    semantics: Literal["counter", "gauge", "state"] | None = None
    resettable: bool = False
    modulus: float | None = Field(default=None, gt=0)
    valid_range: tuple[RawValue, RawValue] | None = None
    pulse_channel: int | None = Field(default=None, ge=0, le=255)
    is_multiplied: bool = True
    note: str = ""
    src: tuple[str, ...] = ()

    @property
    def known(self) -> Quantity | None:
        """Our quantity, if the point has one."""
        return BY_NAME.get(self.quantity)

    @property
    def printed_unit(self) -> str:
        """The unit in which the value comes out: ours, or the source's."""
        return self.known.unit if self.known else self.unit or ""


class ModbusPoint(Point):
    """A point in a register map. `address` is the 0-based wire address; the vendor's number is `documented_as`.

    `bit` and `width` cut a field out of `bits16` or `bits32`; `count` is the length in registers of text;
    `times` names parameters the value is multiplied with.

    power_of_ten  the point whose value is the exponent of this one (a scale-factor register); read together with it
    positive      what a positive raw value means for power: `export` turns the sign, for ours is import
    fold          `four_quadrant`: a power factor beyond +-1 stands for 2 less itself, with its sign
    restates      the registers belong to other points too, which state them part by part
    alarms        bits of the raw word that are alarms, by bit from 0: codes of `metering.meter_alarms`
    """

    function: Literal[3, 4]
    address: int = Field(ge=0, le=0xFFFF)
    documented_as: str = ""
    dtype: DtypeName
    count: int | None = Field(default=None, ge=1, le=125)
    word_order: WordOrder | None = None
    byte_order: ByteOrder = ByteOrder.BIG
    bit: int = Field(default=0, ge=0, le=31)
    width: int | None = Field(default=None, ge=1, le=32)
    invalid: tuple[int, ...] = ()
    times: tuple[str, ...] = ()
    power_of_ten: str | None = None
    positive: Literal["import", "export"] = "import"
    fold: Literal["four_quadrant"] | None = None
    restates: bool = False
    alarms: dict[int, str] = Field(default_factory=dict)
    poll: PollClass = "fast"

    @property
    def type(self) -> Dtype:
        """How the raw value is written."""
        return DTYPES[self.dtype]

    @property
    def signed_scale(self) -> float:
        """The scale, with the sign that makes import positive."""
        return self.scale if self.positive == "import" else -self.scale

    @property
    def registers(self) -> int:
        """How many registers it takes."""
        return self.type.registers or self.count or 0

    @property
    def end(self) -> int:
        """The address after its last register."""
        return self.address + self.registers


class Probe(Strict):
    """A value that tells the model, read and never written: all probes of a profile must agree.

    one_of   the values that this model has there (numbers or text)
    between  or the range in which a gauge must lie: a wrong word order or address base falls out of it
    """

    function: Literal[3, 4]
    address: int = Field(ge=0, le=0xFFFF)
    dtype: DtypeName
    count: int | None = Field(default=None, ge=1, le=125)
    word_order: WordOrder | None = None
    scale: RawValue = 1.0
    one_of: tuple[float | str, ...] = ()
    between: tuple[RawValue, RawValue] | None = None

    def as_point(self) -> ModbusPoint:
        """The probe as a point, to be read like one."""
        said = {k: getattr(self, k) for k in ("function", "address", "dtype", "count", "word_order", "scale")}
        return ModbusPoint(quantity="probe", unit="", **said)


class PointDefaults(Strict):
    """What every point of the file has unless it says otherwise."""

    function: Literal[3, 4] | None = None
    dtype: DtypeName | None = None
    word_order: WordOrder | None = None
    byte_order: ByteOrder | None = None
    poll: PollClass | None = None
    src: tuple[str, ...] | None = None


class ProfileTest(Strict):
    """A vector: what the meter answers and the values it means, by our names.

    request, frame  hex text of a Modbus request and its reply, RTU or TCP
    registers       words by wire address, read with `function`
    payload         an MQTT payload
    by              `source`: the publisher states the values; `ours`: worked out from the layout
    """

    name: str = ""
    request: str | None = None
    frame: str | None = None
    function: Literal[3, 4] | None = None
    registers: dict[int, tuple[Annotated[int, Field(ge=0, le=0xFFFF)], ...]] = Field(default_factory=dict)
    payload: str | None = None
    expect: dict[str, float | str] = Field(min_length=1)
    tolerance: float = Field(default=1e-6, gt=0, description="relative")
    by: Literal["source", "ours"]
    source: str = ""


class ProfileHead(Strict):
    """What every profile says, whatever the protocol."""

    schema_version: Literal["device_profile/1"] = Field(alias="schema")
    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    manufacturer: str
    models: tuple[str, ...] = ()
    kind: str = ""
    medium: Literal["electricity", "water", "gas", "heat", "other"]
    confidence: Literal["high", "medium", "low"]
    sources: tuple[Source, ...] = ()
    disagreements: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tests: tuple[ProfileTest, ...] = ()


class ModbusProfile(ProfileHead):
    """A meter that is read by Modbus: input registers (function 4) and holding registers (function 3).

    documented_base  the number under which the maker documents wire address 0: 30001, 1, ...; with it every
                     `documented_as` is checked against its address
    """

    protocol: Literal["modbus"]
    serial: Serial = Serial()
    limits: Limits = Limits()
    documented_base: int | None = Field(default=None, ge=0)
    identify: tuple[Probe, ...] = ()
    ratios: dict[str, Ratio] = Field(default_factory=dict)
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    defaults: PointDefaults = PointDefaults()
    points: tuple[ModbusPoint, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _merge_defaults(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or not isinstance(given.get("defaults"), Mapping):
            return given
        points = given.get("points")
        if not isinstance(points, list):
            return given
        allowed = {k: v for k, v in given["defaults"].items() if k in PointDefaults.model_fields}
        return {**given, "points": [{**allowed, **p} if isinstance(p, Mapping) else p for p in points]}

    def with_exponents(self, points: Iterable[ModbusPoint]) -> tuple[ModbusPoint, ...]:
        """The points, and after them the scale-factor points that they need."""
        chosen = tuple(points)
        names = {p.power_of_ten for p in chosen} - {p.quantity for p in chosen}
        return chosen + tuple(p for p in self.points if p.quantity in names)


class JsonPoint(Point):
    """A member of a JSON payload. `path` has dotted steps, `name[2]` for a list; of several the first present one.

    Outside `only_within` (before scaling) a member means nothing: an open phase's frequency.
    """

    path: tuple[str, ...] = Field(min_length=1)
    invalid: tuple[float | str, ...] = ()
    only_within: tuple[RawValue, RawValue] | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_path(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and isinstance(given.get("path"), str):
            return {**given, "path": [given["path"]]}
        return given


class TimePath(Strict):
    """Where a payload states its time; without one the arrival time counts."""

    path: tuple[str, ...] = Field(min_length=1)
    form: Literal["iso8601", "iso8601_local", "unix_s", "unix_ms"]


class JsonProfile(ProfileHead):
    """A meter that publishes JSON by MQTT.

    topic       the topic as the maker documents it, `{address}` standing for the device address
    time        the payload's own time; `lateness_s` is how long data may come after that
    is_plain    the members are named as our quantities (and `time`), so there are no points
    """

    protocol: Literal["mqtt-json"]
    topic: str = ""
    time: TimePath | None = None
    lateness_s: float = Field(default=900, ge=0)
    is_plain: bool = False
    points: tuple[JsonPoint, ...] = ()
