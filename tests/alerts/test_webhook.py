"""The webhook channel against a real HTTP server on this machine, and the demo's receiver."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr, ValidationError

import simulators.receiver
from alerts.backoff import Backoff
from alerts.channel import ChannelError, Message
from alerts.due import DueNotifications
from alerts.lane import Lane, LaneSettings
from alerts.values import DeliveryState
from alerts.words import Language
from aquavolt.channels.posting import Poster, retry_after_s
from aquavolt.channels.webhook import WebhookChannel, WebhookSettings
from simulators.receiver import Inbox, Receiver


def compose(due):
    (alert,), reason = due.alerts, due.delivery.reason
    return {language: Message(f"{language} {reason}", alert.node, f"http://x/{alert.id}") for language in Language}


class Server:
    """Answers as it is told, 204 when not; keeps what came. `hang` makes it take a request and say nothing."""

    def __init__(self):
        self.requests = deque()
        self.answers = deque()
        self.hang = threading.Event()
        self.let_go = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.requests.append((self.path, dict(self.headers), body))
                if server.hang.is_set():
                    server.let_go.wait(30)
                status, headers = server.answers.popleft() if server.answers else (204, {})
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/robot?key=VERY-SECRET"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.let_go.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server():
    found = Server()
    yield found
    found.close()


@pytest.fixture
def opened(clock):
    """Opens a channel to an address."""
    channels = []

    def open_channel(url, **more):
        settings = WebhookSettings(name="hook", url=url, language="en", allow_networks=["127.0.0.0/8"], **more)
        channels.append(WebhookChannel(settings, clock=clock))
        return channels[-1]

    yield open_channel
    for channel in channels:
        channel.close()


@pytest.fixture
def channel(server, opened):
    return opened(server.url)


@pytest.fixture
def lane_of(records, clock):
    def make(channel):
        settings = LaneSettings(clock=clock, backoff=Backoff(first_s=2, most_s=60), draw=lambda: 1.0)
        return Lane(channel, DueNotifications(records.database), compose, settings)

    return make


def delivery(records):
    (found,) = records.deliveries_of("leak-1")
    return found


def test_the_document_carries_the_stable_id_the_text_and_the_whole_alert(server, channel, records, rules, lane_of):
    records.apply([rules.raised(observed=float("nan"))], 1)
    assert lane_of(channel).step()
    ((path, headers, body),) = server.requests
    document = json.loads(body)
    assert path == "/robot?key=VERY-SECRET"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == document["id"] == delivery(records).id
    assert (document["reason"], document["language"], document["title"]) == ("raised", "en", "en raised")
    assert (document["text"], document["link"]) == ("dorm-2", "http://x/leak-1")
    assert document["alert"]["id"] == "leak-1"
    assert document["alert"]["detected_at"] == "2026-11-20T00:00:00Z"
    assert (document["alert"]["observed"], document["alert"]["severity"]) == (None, "warning")
    assert delivery(records).state is DeliveryState.DELIVERED


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_answers_that_may_change_are_tried_again_with_the_same_id(
    server, channel, records, rules, clock, lane_of, status
):
    records.apply([rules.raised()], 1)
    lane = lane_of(channel)
    server.answers.append((status, {}))
    lane.step()
    assert delivery(records).state is DeliveryState.PENDING
    assert f"answered {status}" in delivery(records).last_error
    clock.forward(2)
    lane.step()
    assert delivery(records).state is DeliveryState.DELIVERED
    assert len(server.requests) == 2
    assert len({headers["Idempotency-Key"] for _, headers, _ in server.requests}) == 1


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 410, 413, 422])
def test_answers_that_will_not_change_are_final(server, channel, records, rules, clock, lane_of, status):
    records.apply([rules.raised()], 1)
    server.answers.append((status, {"Location": "http://127.0.0.1/elsewhere"}))
    lane = lane_of(channel)
    lane.step()
    clock.forward(10_000)
    assert not lane.step()
    assert delivery(records).state is DeliveryState.FAILED
    assert len(server.requests) == 1


def test_a_redirect_into_the_own_network_is_not_followed(server, channel, records, rules, lane_of):
    inside = Server()
    try:
        records.apply([rules.raised()], 1)
        server.answers.append((307, {"Location": inside.url}))
        assert lane_of(channel).step()
        assert (len(server.requests), len(inside.requests)) == (1, 0)
        assert delivery(records).state is DeliveryState.FAILED
        assert "answered 307" in delivery(records).last_error
    finally:
        inside.close()


@pytest.mark.parametrize("host", ["hook.example", "127.1", "2130706433", "0x7f000001"])
def test_a_name_that_leads_inside_is_refused_when_it_is_sent_and_says_what_to_allow(server, clock, host):
    """Other ways to write 127.0.0.1 too: what counts is where it leads."""
    port = urlsplit(server.url).port
    settings = WebhookSettings(url=f"http://{host}:{port}/robot?key=VERY-SECRET")
    poster = Poster(settings, clock=clock, resolver=lambda *_: ["127.0.0.1"])
    try:
        with pytest.raises(ChannelError, match=r"own network.*allow_networks") as refused:
            poster.post(b"{}", {})
    finally:
        poster.close()
    assert refused.value.is_retryable, "the name may lead elsewhere tomorrow, or the network be allowed"
    assert "VERY-SECRET" not in str(refused.value)
    assert not server.requests


def test_a_name_is_resolved_once_and_the_checked_address_is_the_one_that_is_asked(server, clock):
    """A name that leads outside when it is checked and inside when it is connected to (rebinding)."""
    port, asked = urlsplit(server.url).port, []

    def resolver(*_):
        asked.append(1)
        return ["127.0.0.1"]

    settings = WebhookSettings(url=f"http://hook.example:{port}/x", allow_networks=["127.0.0.0/8"])
    poster = Poster(settings, clock=clock, resolver=resolver)
    try:
        poster.post(b"{}", {})
    finally:
        poster.close()
    ((path, headers, _),) = server.requests
    assert (path, headers["Host"], len(asked)) == ("/x", f"hook.example:{port}", 1)


def test_retry_after_is_waited(server, channel, records, rules, clock, lane_of):
    records.apply([rules.raised()], 1)
    lane = lane_of(channel)
    server.answers.append((429, {"Retry-After": "300"}))
    lane.step()
    clock.forward(299)
    assert not lane.step()
    clock.forward(1)
    assert lane.step()
    assert delivery(records).state is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("120", 120), (" 0 ", 0), ("999999", 3600), ("soon", None), ("-5", None), ("1.5", None), ("٣", None),
     ("Fri, 20 Nov 2026 08:02:00 GMT", 120), ("Fri, 20 Nov 2026 07:00:00 GMT", 0), ("", None)],
)  # fmt: skip
def test_what_retry_after_says(header, seconds):
    assert retry_after_s(header, datetime(2026, 11, 20, 8, tzinfo=UTC)) == seconds


def test_down_then_up(records, rules, clock, opened, lane_of):
    """Nobody listens; then a receiver comes up on that very port."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        records.apply([rules.raised()], 1)
        lane = lane_of(opened(f"http://127.0.0.1:{port}/robot?key=VERY-SECRET"))
        for _ in range(5):
            lane.step()
            clock.forward(60)
    assert delivery(records).attempts == 5
    assert delivery(records).last_error.startswith(f"http://127.0.0.1:{port}: ")
    assert "SECRET" not in delivery(records).last_error
    receiver = Receiver(port)
    receiver.start()
    try:
        assert lane.step()
        (message,) = receiver.inbox.document()["messages"]
        assert message["id"] == delivery(records).id
    finally:
        receiver.stop()
    assert delivery(records).state is DeliveryState.DELIVERED


def test_a_server_that_says_nothing_is_left_after_the_timeout(server, records, rules, opened, lane_of):
    records.apply([rules.raised()], 1)
    server.hang.set()
    lane_of(opened(server.url, timeout_s=0.1)).step()
    server.let_go.set()
    assert "gave no answer within 0.1 s" in delivery(records).last_error
    assert delivery(records).state is DeliveryState.PENDING


def test_a_certificate_nobody_vouches_for_is_refused(certificate, records, rules, opened, lane_of):
    http = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    http.socket = certificate.server_context.wrap_socket(http.socket, server_side=True)
    http.handle_error = lambda *_: None
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    try:
        records.apply([rules.raised()], 1)
        lane_of(opened(f"https://127.0.0.1:{http.server_address[1]}/")).step()
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
    assert "certificate verify failed" in delivery(records).last_error.lower()


def test_secrets_are_neither_logged_nor_shown(server, records, rules, clock, opened, lane_of, caplog):
    caplog.set_level(logging.DEBUG)
    channel = opened(server.url, headers={"Authorization": "Bearer TOP-SECRET"})
    server.answers.extend([(500, {}), (403, {})])
    records.apply([rules.raised()], 1)
    lane = lane_of(channel)
    lane.step()
    clock.forward(60)
    lane.step()
    assert server.requests[0][1]["Authorization"] == "Bearer TOP-SECRET"
    shown = caplog.text + repr(channel._settings) + channel._settings.model_dump_json() + delivery(records).last_error
    assert "SECRET" not in shown
    assert channel._settings.shown == server.url.partition("/robot")[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "ftp://host/SECRET"}, "must be an address like https://host/path"),
        ({"url": "SECRET"}, "must be an address"),
        ({"url": "https://"}, "must be an address"),
        ({"url": "https://host:99999/SECRET"}, "must be an address"),
        ({"url": "http://x", "headers": {"a b": "SECRET"}}, "no header's name"),
        ({"url": "http://x", "headers": {"a": "SECRET\r\nb: c"}}, "plain ASCII on one line"),
        ({"url": "http://x", "timeout_s": 0}, "greater than 0"),
        ({"url": "http://x", "langauge": "en"}, "Extra inputs"),
        ({"url": "http://x", "language": "fr"}, "zh-CN"),
    ],
)
def test_settings_that_cannot_be_are_refused_without_their_secrets(settings, message):
    with pytest.raises(ValidationError, match=message) as caught:
        WebhookSettings.model_validate(settings)
    assert "SECRET" not in str(caught.value)


def test_a_login_in_the_address_is_not_shown():
    assert WebhookSettings(url=SecretStr("https://me:SECRET@host:8443/x")).shown == "https://host:8443"


class TestReceiver:
    """The demo's receiver."""

    @pytest.fixture
    def receiver(self):
        found = Receiver(keep=3)
        found.start()
        yield found
        found.stop()

    def test_it_keeps_the_last_and_counts_repeats(self, receiver):
        base = receiver.url.rpartition("/")[0]
        for name in ("a", "b", "b", "c", "d"):
            answer = httpx.post(receiver.url, json={"n": name}, headers={"Idempotency-Key": name}, trust_env=False)
            assert answer.status_code == 200
        document = httpx.get(f"{base}/messages", trust_env=False).json()
        assert [(m["id"], m["repeats"], m["body"]) for m in document["messages"]] == [
            ("d", 0, {"n": "d"}),
            ("c", 0, {"n": "c"}),
            ("b", 1, {"n": "b"}),
        ]
        assert document["taken"] == 5

    def test_it_says_what_it_does_not_take(self, receiver):
        base = receiver.url.rpartition("/")[0]
        assert httpx.post(receiver.url, content=b"{", trust_env=False).status_code == 400
        assert httpx.post(receiver.url, content=iter([b"{}"]), trust_env=False).status_code == 413
        assert httpx.get(f"{base}/elsewhere", trust_env=False).status_code == 404
        assert receiver.inbox.document()["messages"] == []

    def test_messages_without_a_key_are_each_their_own(self):
        inbox = Inbox()
        inbox.take(None, 1)
        inbox.take(None, 1)
        assert len(inbox.document()["messages"]) == 2

    @pytest.mark.parametrize("end", ["SIGTERM", "end of stdin"])
    def test_as_a_program_it_says_where_and_ends_when_told(self, end):
        arguments = [sys.executable, str(Path(simulators.receiver.__file__)), "--port", "0"]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
            url = json.loads(program.stdout.readline())["url"]
            assert httpx.post(url, json={}, trust_env=False).status_code == 200
            if end == "SIGTERM":
                program.terminate()
            else:
                program.stdin.close()
            assert program.wait(timeout=20) == 0
