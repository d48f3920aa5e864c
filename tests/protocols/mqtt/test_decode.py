import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.mqtt.decode import PayloadError, payload_decoder, read_values
from collector.mqtt.paths import compile_path, pick
from device_profiles.loader import load_profile
from device_profiles.schema import JsonProfile
from metering.batch import Quality
from metering.quantities import BY_NAME, QUANTITIES

PLAIN = load_profile("json-plain")
START = datetime(2026, 3, 1, tzinfo=UTC)
START_MS = 1_772_323_200_000


def profile(**more) -> JsonProfile:
    return JsonProfile.model_validate(
        {
            "schema": "device_profile/1", "id": "made-up", "manufacturer": "nobody", "medium": "water",
            "confidence": "low", "protocol": "mqtt-json", **more,
        }
    )  # fmt: skip


def decode(document, given_profile=PLAIN, medium="water", **more):
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    sample = payload_decoder(given_profile, medium=medium, **more)(payload)
    names = {q.code: q.name for q in QUANTITIES}
    return sample.time_ms, {names[c]: v for c, v in zip(sample.codes, sample.values, strict=True)}, sample.qualities


# -- json-plain ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-03-01T00:00:00Z", START_MS),
        ("2026-03-01T08:00:00+08:00", START_MS),
        ("2026-03-01T05:45:00.250+05:45", START_MS + 250),
        ("2026-03-01T00:00:00.123456789Z", START_MS + 123),
        (START_MS + 5, START_MS + 5),
        (START_MS + 5.7, START_MS + 5),
        (None, None),
    ],
)
def test_times(time, expected):
    assert decode({"water_volume": 1, "time": time}) == (expected, {"water_volume": 1.0}, None)


@pytest.mark.parametrize(
    ("time", "message"),
    [
        ("2026-03-01T08:00:00", "time has no offset"),
        ("yesterday", "time is no ISO 8601 time: 'yesterday'"),
        (True, "time must be ISO 8601 with an offset or Unix time, is True"),
        ([1], "time must be ISO 8601"),
    ],
)
def test_times_that_are_none(time, message):
    with pytest.raises(PayloadError) as refused:
        decode({"water_volume": 1, "time": time})
    assert message in str(refused.value)


def test_members_without_a_meaning_and_nulls_are_passed_over():
    document = {"water_volume": 12.5, "flow_rate": None, "serial": "A1", "nested": {"a": 1}}
    assert decode(document) == (None, {"water_volume": 12.5}, None)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b'{"water_volume": NaN}', "is no JSON"),
        (b'{"water_volume": 1e999}', "is no JSON"),
        (b'{"water_volume": 1}{"water_volume": 2}', "is no JSON"),
        (b"[" * 100_000, "is "),
        (b"[1]", "must be a JSON object, is [1]"),
        (b'"12.5"', "must be a JSON object, is '12.5'"),
        (b"{}", "states no quantity; it has no members; allowed: active_energy_import, "),
        (b'{"water": 1}', "states no quantity; it has water; allowed: "),
        (b'{"water_volume": null}', "states no quantity"),
        (b'{"water_volume": "12.5"}', "water_volume must be a number, is '12.5'"),
        (b'{"water_volume": true}', "water_volume must be a number, is True"),
        (b'{"water_volume": {"v": 1}}', "water_volume must be a number, is {'v': 1}"),
        (b'{"water_volume": 1' + b"0" * 400 + b"}", ""),
        (b'{"water_volume": 1e308, "flow_rate": 1e308}', "a value is too large"),
    ],
)
def test_malformed_payloads_say_what_is_wrong(payload, message):
    with pytest.raises(PayloadError) as refused:
        decode(payload)
    assert message in str(refused.value)
    assert len(str(refused.value)) < 1500
    with pytest.raises(PayloadError):
        read_values(PLAIN, b"[]")


def test_the_multiplier_turns_what_the_meter_shows_into_what_passed():
    _, values, _ = decode({"water_volume": 12, "flow_rate": 2, "pressure": 3}, multiplier=10)
    assert values == {"water_volume": 120.0, "flow_rate": 20.0, "pressure": 3.0}


def test_pulses_become_the_register_by_the_multiplier():
    assert decode({"pulse_count": 250}, multiplier=0.01)[1] == {"pulse_count": 250.0, "water_volume": 2.5}
    assert decode({"pulse_count": 3}, medium="electricity", multiplier=0.001)[1] == {
        "pulse_count": 3.0,
        "active_energy_import": 0.003,
    }


offsets = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=offsets)  # noqa: DTZ001 - hypothesis asks for naive bounds
quantities = st.dictionaries(
    st.sampled_from(sorted(set(BY_NAME) - {"pulse_count"})),
    st.floats(-1e12, 1e12, allow_nan=False) | st.integers(-(10**12), 10**12),
    min_size=1,
)


@given(quantities, moments)
def test_what_is_written_plainly_is_read_back(values, moment):
    found_time, found, _ = decode({**values, "time": moment.isoformat()}, medium="other")
    assert found == {name: float(value) for name, value in values.items()}
    assert found_time is not None
    assert abs(found_time - moment.timestamp() * 1000) <= 0.5 + 1e-3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["time", "water_volume", "x"]), inner),
    max_leaves=12,
)


@given(st.binary(max_size=100) | json_values.map(lambda v: json.dumps(v).encode()))
def test_any_payload_gives_finite_values_or_the_decoders_own_error(payload):
    for given_profile in (PLAIN, load_profile("tasmota-energy")):
        for read in (payload_decoder(given_profile, medium="water"), lambda p, g=given_profile: read_values(g, p)):
            try:
                found = read(payload)
            except PayloadError:
                continue
            assert found


# -- by a profile's paths --------------------------------------------------------------------------------


def test_the_network_servers_uplink_by_profile():
    # a public example's moment, the maker's example of 92 % and 256 pulses
    payload = (
        b'{"time": "2022-07-18T09:34:15.775023242+00:00", "deviceInfo": {"devEui": "0101010101010101"},'
        b' "fPort": 85, "object": {"battery": 92, "pulse": 256}}'
    )
    made = profile(
        time={"path": ["time"], "form": "iso8601"},
        points=[
            {"quantity": "pulse", "pulse_channel": 0, "path": "object.pulse", "unit": "pulse"},
            {"quantity": "battery", "path": "object.battery"},
        ],
    )
    time, values, _ = decode(payload, made, multiplier=0.01)
    assert values == {"pulse_count": 256.0, "water_volume": 2.56, "battery": 92.0}
    assert time == 1_658_136_855_775
    shown = {v.quantity: (v.value, v.unit) for v in read_values(made, payload)}
    assert shown == {"pulse": (256, "pulse"), "battery": (92, "%")}


def test_scale_lists_alternatives_and_no_value():
    made = profile(
        points=[
            {"quantity": "water_volume", "path": ["a.total", "b[1].total"], "scale": 0.001, "offset": 5},
            {"quantity": "temperature", "path": "t", "invalid": [-999, "n/a"], "valid_range": [-40, 80]},
            {"quantity": "odd_name", "path": "odd", "unit": "l"},
        ]
    )
    assert decode({"b": [{}, {"total": 2000}]}, made)[1] == {"water_volume": 7.0}
    assert decode({"a": {"total": 1000}, "t": -999}, made)[1] == {"water_volume": 6.0}
    assert decode({"a": {"total": 1000}, "t": "n/a"}, made)[1] == {"water_volume": 6.0}
    held = decode({"a": {"total": 1000}, "t": 81}, made)
    assert held == (None, {"water_volume": 6.0, "temperature": 81.0}, [0, int(Quality.HELD)])
    assert [(v.quantity, v.value, v.unit) for v in read_values(made, b'{"odd": 3, "t": 20}')] == [
        ("temperature", 20.0, "degC"),
        ("odd_name", 3.0, "l"),
    ]
    with pytest.raises(PayloadError, match=r"t \(temperature\) must be a number, is 'hot'"):
        decode({"t": "hot"}, made)
    with pytest.raises(PayloadError, match=r"none of the values of made-up, which stand at a\.total, t, odd"):
        decode({"a": {"sum": 1}, "b": [1], "odd": None}, made)


@pytest.mark.parametrize(("form", "value"), [("unix_s", 1_772_323_200.25), ("unix_ms", 1_772_323_200_250)])
def test_unix_times_by_profile(form, value):
    made = profile(
        time={"path": ["ts"], "form": form}, points=[{"quantity": "water_volume", "path": "v"}]
    )  # fmt: skip
    assert decode({"v": 1, "ts": value}, made)[0] == START_MS + 250


def test_two_inputs_of_one_counter_are_two_meters():
    made = profile(
        points=[{"quantity": "pulse", "pulse_channel": c, "path": f"in{c}", "unit": "pulse"} for c in (1, 2)]
    )
    document = {"in1": 10, "in2": 20}
    assert decode(document, made, channel=1)[1]["water_volume"] == 10.0
    assert decode(document, made, channel=2, multiplier=2)[1] == {"pulse_count": 20.0, "water_volume": 40.0}


@pytest.mark.parametrize("text", ["", ".a", "a..b", "a[", "a[x]", "a]", "a[1]b"])
def test_what_is_no_path(text):
    with pytest.raises(ValueError, match="is no path"):
        compile_path(text)


def test_paths():
    document = {"a": {"b": [10, {"c d": 1}]}}
    assert pick(document, compile_path("a.b[1].c d")) == 1
    assert pick(document, compile_path("a.b[0]")) == 10
    for missing in ("a.b[2]", "a.x", "a.b.c", "a[0]", "x.y.z", "a.b[0].c"):
        assert pick(document, compile_path(missing)) is None
