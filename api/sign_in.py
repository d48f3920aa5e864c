"""Signing in elsewhere: what a provider's way in does for the pages. The program brings the ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # a program that only reads settings loads no database library
    from alerts.users.departures import Departure
    from alerts.users.identities import Arrival


class Trouble(StrEnum):
    """Why a sign-in at a provider came to nothing.

    UNREACHABLE  it does not answer, or not in a way that can be understood
    DENIED       the person said no there, or it did not let them in
    STALE        nothing is under way that this answers: too late, a second time, another browser, or forged
    REFUSED      it does not take our code or our secret
    UNTRUSTED    what it says of the person does not hold: signature, issuer, audience, time, nonce
    OUTSIDER     the person is none of the organisation
    """

    UNREACHABLE = "unreachable"
    DENIED = "denied"
    STALE = "stale"
    REFUSED = "refused"
    UNTRUSTED = "untrusted"
    OUTSIDER = "outsider"


class SignInError(Exception):
    """A sign-in at a provider came to nothing. The message is for the log; people are told by `trouble`."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(detail)
        self.trouble = trouble


class Way(Protocol):
    """One provider. Thread-safe; every method may wait for the network, so none is called on the event loop."""

    @property
    def id(self) -> str:
        """Its name in the settings and in addresses."""
        ...

    @property
    def label(self) -> str:
        """What stands on its button."""
        ...

    def begin(self, departure: Departure, return_to: str, agent: str) -> str:
        """Where the browser is sent. `return_to`: where the provider sends it back; `agent`: what it calls itself.

        Raises:
            SignInError.
        """
        ...

    def finish(self, departure: Departure, return_to: str, answer: Mapping[str, str]) -> Arrival:
        """Who came back, with the parameters `answer` in the address.

        Raises:
            SignInError.
        """
        ...

    def leave(self, hint: str, return_to: str) -> str | None:
        """Where the browser is sent to sign out there too; None: the provider offers nothing, or is down."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


@dataclass(frozen=True, slots=True)
class SignInWays:
    """All providers, and the address of the page as people and providers reach it, without a slash at the end."""

    ways: tuple[Way, ...] = ()
    page_url: str = ""

    def find(self, name: str) -> Way | None:
        """The provider of this name in the settings."""
        return next((way for way in self.ways if way.id == name), None)

    def label_of(self, name: str) -> str:
        """Its label; the name itself where the settings have it no more."""
        way = self.find(name)
        return name if way is None else way.label

    def close(self) -> None:
        """Give the connections back."""
        for way in self.ways:
            way.close()

    def return_to(self, way: Way) -> str:
        """Where a provider sends browsers back to. It knows this address and takes no other."""
        return f"{self.page_url}/sign-in/with/{way.id}/back"
