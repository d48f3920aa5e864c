"""E-mail channel: SMTP with STARTTLS, TLS or neither, with or without login."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal, Self

import structlog
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from alerts.channel import ChannelError, Notification
from alerts.words import Language

_PERMANENT = 500
_DEFAULT_PORTS = {"starttls": 587, "tls": 465, "none": 25}

_log = structlog.get_logger(__name__)


class MailSettings(BaseModel):
    """A mail server and who is written to. `port` follows `security` where it is not given: 587, 465 or 25."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: Literal["e-mail"] = "e-mail"
    name: str = Field(default="e-mail", min_length=1, max_length=100)
    host: str = Field(min_length=1)
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    sender: str
    recipients: tuple[str, ...] = Field(min_length=1)
    language: Language = Language.ZH_CN
    timeout_s: float = Field(default=20.0, gt=0, le=120)
    per_minute: int | None = Field(default=None, ge=1, le=10_000)
    ca_file: Path | None = None

    @field_validator("sender", "recipients")
    @classmethod
    def _are_addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in (value,) if isinstance(value, str) else value:
            local, _, domain = address.rpartition("@")
            if not local or not domain or not address.isascii() or any(c.isspace() or c in "<>,;" for c in address):
                raise ValueError(f"{address!r} is no mail address; write it as name@host, without a display name")
        return value

    @model_validator(mode="after")
    def _has_whole_login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("`username` and `password` belong together: give both or neither")
        if self.username is not None and self.security == "none":
            raise ValueError("a login over a connection in the clear is refused; set `security` to starttls or tls")
        return self


class MailChannel:
    """One connection a mail: alerts are rare, and servers drop idle connections."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._port = settings.port or _DEFAULT_PORTS[settings.security]
        self._shown = f"mail server {settings.host}:{self._port}"
        self._tls = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)

    @property
    def name(self) -> str:
        """As in the settings."""
        return self._settings.name

    def send(self, notification: Notification) -> None:
        """Mail it. Some recipients refused and others not counts as taken, and is logged. Raises: ChannelError."""
        mail = mail_of(notification, self._settings)
        try:
            with self._connection() as connection:
                refused = connection.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise ChannelError(
                f"{self._shown} refused every recipient ({', '.join(map(str, sorted(set(codes))))})",
                is_retryable=any(code < _PERMANENT for code in codes),
            ) from error
        except smtplib.SMTPResponseException as error:
            raise self._refusal(error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelError(f"{self._shown}: {str(error) or type(error).__name__}", is_retryable=True) from error
        if refused:
            _log.warning("mail_recipients_refused", channel=self.name, refused=len(refused), id=notification.id)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        settings = self._settings
        connection: smtplib.SMTP
        if settings.security == "tls":
            connection = smtplib.SMTP_SSL(settings.host, self._port, timeout=settings.timeout_s, context=self._tls)
        else:
            connection = smtplib.SMTP(settings.host, self._port, timeout=settings.timeout_s)
        try:
            if settings.security == "starttls":
                connection.starttls(context=self._tls)
            if settings.username is not None and settings.password is not None:
                connection.login(settings.username, settings.password.get_secret_value())
            yield connection
            # The mail is taken: what the server says to goodbye must not send it a second time.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.quit()
        finally:
            connection.close()

    def close(self) -> None:
        """Nothing stays open between mails."""

    def _refusal(self, error: smtplib.SMTPResponseException) -> ChannelError:
        """5xx on the mail itself is for good; a refused login or greeting is mended by people, so it is tried on."""
        text = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        is_setup = isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError | smtplib.SMTPHeloError)
        what = "refused the login" if isinstance(error, smtplib.SMTPAuthenticationError) else "answered"
        return ChannelError(
            f"{self._shown} {what}: {error.smtp_code} {text}", is_retryable=is_setup or error.smtp_code < _PERMANENT
        )


def mail_of(notification: Notification, settings: MailSettings) -> EmailMessage:
    """The mail. Its Message-ID is the notification's id, and all mails of an alert refer to one thread."""
    message = notification.message(settings.language)
    domain = settings.sender.rpartition("@")[2]
    thread = sha256((notification.alert.id if notification.alert else notification.id).encode()).hexdigest()[:32]
    mail = EmailMessage()
    mail["Message-ID"] = f"<{notification.id}@{domain}>"
    mail["References"] = f"<alert-{thread}@{domain}>"
    mail["Date"] = format_datetime(notification.created_at)
    mail["From"] = settings.sender
    mail["To"] = notification.address or ", ".join(settings.recipients)
    mail["Subject"] = message.title
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = settings.language.value
    mail.set_content(message.text + "\n", charset="utf-8")
    return mail
