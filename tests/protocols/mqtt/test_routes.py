import pytest

from collector.mqtt.routes import Route, RouteError, Routes, route_of, routes_by_broker
from collector.mqtt.settings import MqttSettings
from metering.site import Meter


def meter(name: str = "w1", connection: str = "mqtt://b:1883/water/1", **more) -> Meter:
    return Meter(name, "water", connection=connection, **more)


def owners(routes: Routes, topic: str) -> list[str]:
    return [route.meter for route in routes.find(topic.encode())]


def route(topic: str, name: str) -> Route:
    return Route(topic, name, lambda _: None)  # type: ignore[arg-type,return-value]


def test_exact_topics_go_before_patterns():
    routes = Routes([route("a/+/c", "pattern"), route("a/b/c", "exact"), route("+/+", "two")])
    for _ in range(2):  # the second time from memory
        assert owners(routes, "a/b/c") == ["exact"]
        assert owners(routes, "a/x/c") == ["pattern"]
        assert owners(routes, "a/x/c/d") == []
        assert owners(routes, "a//c") == ["pattern"]
        assert owners(routes, "x/y") == ["two"]
        assert owners(routes, "$SYS/y") == []
    assert routes.filters == ("a/+/c", "a/b/c", "+/+")


def test_several_meters_may_read_one_topic():
    routes = Routes([route("t", "a"), route("t", "b")])
    assert owners(routes, "t") == ["a", "b"]
    assert routes.filters == ("t",)


def test_the_address_stands_in_the_topic():
    assert route_of(meter(connection="mqtt://b/x/{address}/up", device_address="a4/2")).topic == "x/a4/up"
    found = route_of(meter(connection="mqtt://b", profile="milesight-em300-di", device_address="a4"))
    assert found.topic == "application/+/device/a4/event/up"


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (meter(connection="mqtt://b:1883"), "meter 'w1' names no topic; for example"),
        (meter(connection="mqtt://b:1883/a/#"), "meter 'w1' has topic 'a/#'; allowed: exact topics"),
        (meter(connection="mqtt://b:1883/a/x+"), r"meter 'w1' has topic 'a/x\+'; \+ must stand for one whole level"),
        (meter(connection="mqtt://b/{address}"), "meter 'w1' needs an address: its topic is"),
        (meter(device_address="a/b"), "device_address 'a/b'; allowed: address or address/input"),
        (meter(profile="chint-dtsu666"), "the profile 'chint-dtsu666', which is for modbus, not MQTT"),
    ],
)
def test_meters_that_cannot_be_read(faulty, message):
    with pytest.raises(RouteError, match=message):
        route_of(faulty)


def test_one_bad_meter_leaves_the_others():
    found, faults = routes_by_broker(
        [
            meter("w1"),
            meter("w2", "mqtt://b:1883/water/2"),
            meter("w3", "mqtts://b:8883/water/3", poll_s=60),
            meter("bad", "mqtt://b:1883/#"),
            meter("worse", "mqtt://b:1883/w", profile="no-such-profile"),
            meter("double", "mqtt://b:1883/water/1"),
            meter("modbus", "tcp://b:502"),
            Meter("none", "water"),
        ]
    )
    assert {broker: [r.meter for r in routes] for broker, routes in found.items()} == {
        "mqtt://b:1883": ["w1", "w2"],
        "mqtts://b:8883": ["w3"],
    }
    assert found["mqtts://b:8883"][0].period_s == 60
    assert sorted(faults) == ["bad", "double", "worse"]
    assert faults["double"] == "meter 'double' takes the messages of 'water/1', which are 'w1''s"
    assert "no-such-profile" in faults["worse"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"client_id": ""}, "client_id is empty"),
        ({"protocol": "4"}, "MQTT protocol '4'; allowed: 3.1.1, 5"),
        ({"keepalive_s": 0}, "keepalive_s is 0; allowed: 1 to 65535"),
        ({"password": "x"}, "a password without a username"),
        ({"cert_file": "x"}, "cert_file and key_file belong together"),
    ],
)
def test_impossible_settings_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        MqttSettings(**({"host": "b", "port": 1883, "client_id": "c"} | given))


def test_a_password_is_never_printed():
    assert "secret" not in repr(MqttSettings("b", 1883, "c", username="u", password="secret"))
