"""The e-mail channel against real SMTP servers on this machine: in the clear, STARTTLS, TLS, login."""

from __future__ import annotations

import asyncio
import email
import email.policy
import threading
from types import SimpleNamespace

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from pydantic import ValidationError

from alerts.backoff import Backoff
from alerts.channel import Message
from alerts.due import DueNotifications
from alerts.lane import Lane, LaneSettings
from alerts.values import DeliveryState
from alerts.words import Language
from aquavolt.channels.mail import MailChannel, MailSettings

TEXT = "地点：主校区 › 梅园2号楼\n多用：420 升/小时\n查看：http://x/alerts/leak-1"


def compose(due):
    return {language: Message("【严重】新告警：漏水", TEXT, "http://x") for language in Language}


class Mailbox:
    """Takes mails and answers as told: by recipient, or to the whole mail."""

    def __init__(self):
        self.mails = []
        self.by_recipient = {}
        self.to_data = []

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        answer = self.by_recipient.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server, session, envelope):  # noqa: N802
        if self.to_data:
            return self.to_data.pop(0)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append(SimpleNamespace(mail=mail, to=list(envelope.rcpt_tos), tls=session.ssl is not None))
        return "250 taken"


@pytest.fixture
def mailbox():
    return Mailbox()


class MailServer:
    """aiosmtpd on a free port, in a thread with a loop of its own."""

    def __init__(self, protocol, ssl_context=None):
        self.loop = asyncio.new_event_loop()
        listening = self.loop.create_server(protocol, "127.0.0.1", 0, ssl=ssl_context)
        self.server = self.loop.run_until_complete(listening)
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def stop(self):
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(20)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _end(self):
        self.server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports that were aborted close their sockets in the next turn


@pytest.fixture
def serve(mailbox):
    """Starts a server; its port."""
    started = []

    def start(server_class=SMTP, *, ssl_context=None, **options):
        started.append(MailServer(lambda: server_class(mailbox, hostname="mail.test", **options), ssl_context))
        return started[-1].port

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def lane_of(records, rules, clock):
    def make(**settings):
        whole = {"host": "127.0.0.1", "security": "none", "sender": "aquavolt@campus.example",
                 "recipients": ["duty@campus.example"], "name": "hook", "timeout_s": 10, **settings}  # fmt: skip
        records.apply([rules.raised()], 1)
        lane_settings = LaneSettings(clock=clock, backoff=Backoff(first_s=2, most_s=60), draw=lambda: 1.0)
        channel = MailChannel(MailSettings.model_validate(whole))
        return Lane(channel, DueNotifications(records.database), compose, lane_settings)

    return make


def delivery(records):
    (found,) = records.deliveries_of("leak-1")
    return found


def test_a_mail_arrives_as_written(serve, lane_of, mailbox, records, clock):
    lane_of(port=serve()).step()
    (taken,) = mailbox.mails
    assert taken.mail["Subject"] == "【严重】新告警：漏水"
    assert taken.mail.get_content().splitlines() == TEXT.splitlines()
    assert taken.mail["Message-ID"] == f"<{delivery(records).id}@campus.example>"
    assert (taken.mail["From"], taken.mail["To"]) == ("aquavolt@campus.example", "duty@campus.example")
    assert taken.mail["Date"].datetime == clock()
    assert taken.mail["Auto-Submitted"] == "auto-generated"
    assert taken.to == ["duty@campus.example"]
    assert delivery(records).state is DeliveryState.DELIVERED


def test_a_second_try_has_the_same_message_id_and_mails_of_an_alert_one_thread(
    serve, lane_of, mailbox, records, rules, clock
):
    lane = lane_of(port=serve())
    mailbox.to_data.append("451 try later")
    lane.step()
    assert "451 try later" in delivery(records).last_error
    expected = delivery(records).id
    clock.forward(2)
    lane.step()
    assert mailbox.mails[0].mail["Message-ID"] == f"<{expected}@campus.example>"
    records.apply([rules.raised("leak-2")], 2)
    lane.step()
    assert mailbox.mails[0].mail["References"] != mailbox.mails[1].mail["References"]


def test_several_recipients_one_refused_is_not_sent_again(serve, lane_of, mailbox, records):
    mailbox.by_recipient["gone@campus.example"] = "550 no such user"
    lane_of(port=serve(), recipients=["gone@campus.example", "duty@campus.example"]).step()
    assert mailbox.mails[0].to == ["duty@campus.example"]
    assert delivery(records).state is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    ("answer", "state"), [("550 no such user", DeliveryState.FAILED), ("450 mailbox busy", DeliveryState.PENDING)]
)
def test_every_recipient_refused(serve, lane_of, mailbox, records, answer, state):
    mailbox.by_recipient["duty@campus.example"] = answer
    lane_of(port=serve()).step()
    assert delivery(records).state is state
    assert f"refused every recipient ({answer[:3]})" in delivery(records).last_error


def test_a_mail_refused_for_good_is_final(serve, lane_of, mailbox, records):
    mailbox.to_data.append("554 policy")
    lane_of(port=serve()).step()
    assert delivery(records).state is DeliveryState.FAILED
    assert "554 policy" in delivery(records).last_error


def test_starttls_with_login(serve, lane_of, mailbox, records, certificate):
    seen = []

    def check(server, session, envelope, mechanism, login):
        seen.append((login.login, login.password))
        return AuthResult(success=True)

    port = serve(tls_context=certificate.server_context, require_starttls=True, authenticator=check, auth_required=True)
    lane_of(port=port, security="starttls", ca_file=certificate.file, username="aq", password="S3CRET").step()
    assert mailbox.mails[0].tls
    assert seen == [(b"aq", b"S3CRET")]
    assert delivery(records).state is DeliveryState.DELIVERED


def test_tls_from_the_start(serve, lane_of, mailbox, records, certificate):
    port = serve(ssl_context=certificate.server_context)
    lane_of(port=port, security="tls", ca_file=certificate.file).step()
    assert len(mailbox.mails) == 1
    assert delivery(records).state is DeliveryState.DELIVERED


def test_a_refused_login_is_tried_on_and_its_password_not_shown(serve, lane_of, records, certificate, caplog):
    port = serve(
        tls_context=certificate.server_context,
        authenticator=lambda *_: AuthResult(success=False, handled=False),
        auth_required=True,
    )
    lane = lane_of(port=port, security="starttls", ca_file=certificate.file, username="aq", password="S3CRET")
    lane.step()
    assert delivery(records).state is DeliveryState.PENDING
    assert "refused the login: 535" in delivery(records).last_error
    assert "S3CRET" not in delivery(records).last_error + caplog.text + repr(lane._channel._settings)


def test_nothing_is_sent_in_the_clear_when_tls_was_asked_for(serve, lane_of, mailbox, records):
    lane_of(port=serve(), security="starttls").step()
    assert mailbox.mails == []
    assert "STARTTLS" in delivery(records).last_error


def test_a_server_nobody_vouches_for_gets_nothing(serve, lane_of, mailbox, records, certificate):
    lane_of(port=serve(tls_context=certificate.server_context), security="starttls").step()
    assert mailbox.mails == []
    assert "certificate verify failed" in delivery(records).last_error.lower()


def test_what_is_said_to_goodbye_does_not_send_a_mail_twice(serve, lane_of, mailbox, records, clock):
    class Rude(SMTP):
        async def smtp_QUIT(self, _arg):  # noqa: N802
            await self.push("421 go away")

    lane = lane_of(port=serve(Rude))
    lane.step()
    clock.forward(1000)
    lane.step()
    assert len(mailbox.mails) == 1
    assert delivery(records).state is DeliveryState.DELIVERED


def test_nobody_listens(lane_of, records, free_port):
    lane_of(port=free_port).step()
    assert delivery(records).state is DeliveryState.PENDING
    assert delivery(records).last_error.startswith(f"mail server 127.0.0.1:{free_port}: ")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sender": "AquaVolt <a@b.c>"}, "is no mail address"),
        ({"recipients": ["a@b.c\nBcc: x@y.z"]}, "is no mail address"),
        ({"recipients": []}, "at least 1 item"),
        ({"username": "aq"}, "belong together"),
        ({"username": "aq", "password": "S3CRET", "security": "none"}, "in the clear is refused"),
        ({"port": 0}, "greater than or equal to 1"),
        ({"security": "ssl"}, "'starttls', 'tls' or 'none'"),
    ],
)
def test_settings_that_cannot_be_are_refused(changed, message):
    whole = {"host": "mail", "sender": "a@b.c", "recipients": ["d@e.f"], **changed}
    with pytest.raises(ValidationError, match=message) as caught:
        MailSettings.model_validate(whole)
    assert "S3CRET" not in str(caught.value)
