import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.properties import Properties

from collector.mqtt.frame import FrameError, Publish, encode_pubacks, split_packets

# From the examples of OASIS MQTT 3.1.1: figure 3.11 (PUBLISH "a/b", packet id 10), 3.4 (PUBACK), 3.13 (PINGRESP).
PUBLISH_A_B = bytes.fromhex("320a0003612f62000a") + b"abc"
PINGRESP = bytes.fromhex("d000")


def test_the_standards_example():
    found = split_packets(PUBLISH_A_B + PINGRESP, is_v5=False)
    assert found.publishes == [Publish(b"a/b", b"abc", 10, is_retained=False)]
    assert found.others == [PINGRESP]
    assert found.used == len(PUBLISH_A_B) + 2


def test_flags_quality_and_retained():
    retained = bytes([0x31, 6]) + b"\x00\x01t" + b"xyz"
    again = bytes([0x3A, 8]) + b"\x00\x01t" + b"\x01\x02" + b"xyz"
    exactly_once = bytes([0x34, 8]) + b"\x00\x01t" + b"\x01\x02" + b"xyz"
    found = split_packets(retained + again + exactly_once, is_v5=False)
    assert found.publishes == [
        Publish(b"t", b"xyz", 0, is_retained=True),
        Publish(b"t", b"xyz", 0x0102, is_retained=False),
    ]
    assert found.others == [exactly_once]  # left to paho, which knows its four steps


def test_mqtt_5_properties_are_stepped_over():
    properties = Properties(3)
    properties.UserProperty = ("unit", "m3")
    properties.MessageExpiryInterval = 60
    body = b"\x00\x01t" + b"\x00\x07" + properties.pack() + b"payload"
    found = split_packets(bytes([0x32, len(body)]) + body, is_v5=True)
    assert found.publishes == [Publish(b"t", b"payload", 7, is_retained=False)]


@pytest.mark.parametrize("is_v5", [False, True])
@pytest.mark.parametrize(
    "broken",
    [
        b"\x32\x01\x00",  # no room for the topic's length
        b"\x32\x04\x00\x09ab",  # the topic is longer than the packet
        b"\x32\x04\x00\x01a\x00",  # half a packet id
        b"\x32\xff\xff\xff\xff\x01",  # a length of five bytes
    ],
)
def test_what_cannot_be_is_refused(broken, is_v5):
    with pytest.raises(FrameError):
        split_packets(broken, is_v5=is_v5)


def test_mqtt_5_properties_longer_than_the_packet_are_refused():
    with pytest.raises(FrameError):
        split_packets(b"\x32\x06\x00\x01a\x00\x01\x20", is_v5=True)


messages = st.tuples(
    st.binary(min_size=1, max_size=40), st.binary(max_size=20_000), st.integers(0, 65_535), st.booleans()
)


def packet(message, is_v5: bool) -> bytes:
    topic, payload, packet_id, is_retained = message
    body = len(topic).to_bytes(2, "big") + topic
    body += packet_id.to_bytes(2, "big") if packet_id else b""
    body += (b"\x00" if is_v5 else b"") + payload
    first = 0x30 | (0x02 if packet_id else 0) | is_retained
    size, length = len(body), b""
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([first]) + length + body


@given(st.lists(messages, max_size=5), st.booleans(), st.data())
def test_however_the_bytes_are_cut_the_messages_are_the_same(given_messages, is_v5, data):
    stream = b"".join(packet(m, is_v5) for m in given_messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    found, rest = [], b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        split = split_packets(rest + stream[start:end], is_v5=is_v5)
        rest = (rest + stream[start:end])[split.used :]
        found += split.publishes
    assert found == [Publish(*m) for m in given_messages]
    assert rest == b""


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_give_packets_or_the_protocols_own_error(data, is_v5):
    try:
        found = split_packets(data, is_v5=is_v5)
    except FrameError:
        return
    assert 0 <= found.used <= len(data)


@given(st.lists(st.integers(1, 65_535), max_size=50))
def test_acknowledgements_are_those_of_the_messages_in_order(packet_ids):
    data = encode_pubacks(packet_ids)
    assert data == b"".join(b"\x40\x02" + i.to_bytes(2, "big") for i in packet_ids)
