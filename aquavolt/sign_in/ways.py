"""The providers of the settings, opened. Nothing is asked of any of them before somebody presses its button."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from api.sign_in import SignInError, SignInWays
from aquavolt.config.settings import Settings
from aquavolt.setup import ProgramError
from aquavolt.sign_in.dingtalk import DingtalkWay
from aquavolt.sign_in.oidc import OidcWay
from aquavolt.sign_in.places import unknown_places
from aquavolt.sign_in.settings import DingtalkSignInSettings, OidcSettings, SignInSettings, WecomSignInSettings
from aquavolt.sign_in.wecom import WecomWay
from metering.site import Site


def open_ways(settings: Settings, site: Site) -> SignInWays:
    """All providers.

    Raises:
        ProgramError: a rule names a place that the site does not have, or certificates cannot be read.
    """
    if faults := list(unknown_places(settings, site)):
        raise ProgramError("\n".join(faults))
    return SignInWays(tuple(_open(way) for way in settings.sign_in), settings.page_url)


def _open(settings: SignInSettings) -> OidcWay | WecomWay | DingtalkWay:
    try:
        match settings:
            case OidcSettings():
                return OidcWay(settings)
            case WecomSignInSettings():
                return WecomWay(settings)
            case DingtalkSignInSettings():
                return DingtalkWay(settings)
            case _:
                assert_never(settings)
    except OSError as error:
        raise ProgramError(f"sign_in: {settings.id}: certificates {settings.ca_file}: {error}") from error


def unreachable(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every provider, and what is wrong with reaching it now; nothing is: empty text.

    Raises:
        ProgramError: certificates cannot be read.
    """
    for given in settings.sign_in:
        way = _open(given)
        try:
            way.probe()
        except SignInError as error:
            yield given.id, str(error)
        else:
            yield given.id, ""
        finally:
            way.close()
