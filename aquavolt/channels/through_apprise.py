"""Everything that Apprise knows: some 130 services and SMS gateways, by their Apprise address.

Apprise says whether a message was taken and no more, so every refusal is tried again.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from alerts.channel import ChannelError, Notification
from alerts.words import Language
from aquavolt.channels.address_guard import ForbiddenAddressError, Networks, checked_addresses

_ADDRESS = "{address}"


class AppriseSettings(BaseModel):
    """An Apprise address; `{address}` in it stands for the contact's (a telephone number, a chat's id)."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: Literal["apprise"] = "apprise"
    name: str = Field(default="apprise", min_length=1, max_length=100)
    url: SecretStr
    language: Language = Language.ZH_CN
    per_minute: int | None = Field(default=None, ge=1, le=10_000)
    allow_networks: Networks = ()

    @field_validator("url")
    @classmethod
    def _is_known(cls, value: SecretStr) -> SecretStr:
        if _service(value.get_secret_value().replace(_ADDRESS, "13800138000")) is None:
            raise ValueError("is no address that Apprise knows; see https://appriseit.com/services/")
        return value

    @property
    def is_for_one(self) -> bool:
        """Whether each message goes to its contact's own address, and not to one place for all."""
        return _ADDRESS in self.url.get_secret_value()


def _service(url: str) -> Any:
    # Imported here: it takes half a second, and most programs have no such channel.
    import apprise  # noqa: PLC0415
    from apprise.logger import LogCapture  # noqa: PLC0415

    # Redirects could lead into the own network, and a body kept on disk would outlive its message.
    asset = apprise.AppriseAsset(http_redirects=False, storage_mode=apprise.PersistentStoreMode.MEMORY)
    with LogCapture(level=30):  # type: ignore[no-untyped-call]
        return apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)


class AppriseChannel:
    """One service by Apprise."""

    def __init__(self, settings: AppriseSettings) -> None:
        self._settings = settings

    @property
    def name(self) -> str:
        """As in the settings."""
        return self._settings.name

    def send(self, notification: Notification) -> None:
        """Hand it over. Raises: ChannelError."""
        url = self._settings.url.get_secret_value()
        if _ADDRESS in url and not notification.address:
            raise ChannelError("this channel needs an address; give the person one", is_retryable=False)
        service = _service(url.replace(_ADDRESS, quote(notification.address, safe="")))
        if service is None:
            raise ChannelError("the person's address does not fit this channel", is_retryable=False)
        self._check_host(service)
        message = notification.message(self._settings.language)
        if not service.notify(body=message.text, title=message.title, body_format="text"):
            raise ChannelError(f"{service.service_name} did not take it", is_retryable=True)

    def _check_host(self, service: Any) -> None:
        """Services of their own have fixed addresses; one that takes a host is held to the allowed ones."""
        host = getattr(service, "host", None)
        if not host:
            return
        try:
            checked_addresses(str(host), int(service.port or 0), self._settings.allow_networks)
        except ForbiddenAddressError as error:
            raise ChannelError(str(error), is_retryable=True) from error
        except OSError:
            return  # no such host here: for many services the host is a key, and what fails will say so

    def close(self) -> None:
        """Nothing stays open between messages."""
