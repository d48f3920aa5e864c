"""Photos that the platform named by address: fetched one at a time, from allowed hosts, within bounds."""

from __future__ import annotations

import random
import time

import httpx

from alerts.backoff import Backoff
from alerts.orders.pictures import MOST_BYTES
from alerts.platform.photos import WantedPhotos
from alerts.values import Clock, utc_now
from aquavolt.channels.address_guard import ForbiddenAddressError, checked_addresses
from aquavolt.repair.settings import RepairPlatformSettings

_TIMEOUTS = 3  # the client's timeout is for each piece of a photo; this is for all of it
# The address is the platform's: one that is none, or has a port beyond all ports, is left like one that is silent.
_FAULTS = (httpx.HTTPError, httpx.InvalidURL, OSError, OverflowError, ForbiddenAddressError, ValueError)
_PORTS = {"http": 80, "https": 443}


class PhotoFetch:
    """Steps through what is wanted. No redirect is followed, and a name leads only to addresses that were checked."""

    def __init__(self, settings: RepairPlatformSettings, wanted: WantedPhotos, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._wanted = wanted
        self._clock = clock
        self._backoff = Backoff(first_s=30.0, most_s=3600.0)
        self._client = httpx.Client(timeout=settings.timeout_s, trust_env=False)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def step(self) -> bool:
        """Fetch the next one; False when none is due."""
        photo = self._wanted.next(self._clock())
        if photo is None:
            return False
        try:
            content = self._fetch(photo.url)
        except _FAULTS as error:
            wait_s = self._backoff.wait_s(photo.attempts + 1, random.random())  # noqa: S311 - no secret
            self._wanted.put_off(photo, wait_s, str(error) or type(error).__name__, self._clock())
        else:
            self._wanted.keep(photo, content, self._clock())
        return True

    def _fetch(self, url: str) -> bytes:
        parsed = httpx.URL(url)
        host = parsed.host.lower()
        if host not in self._settings.photos_from:  # the settings may have changed since it was noted
            raise ValueError(f"{host} is no host that photos are fetched from")
        port = parsed.port or _PORTS[parsed.scheme]
        address = checked_addresses(parsed.host, port, self._settings.allow_networks)[0]
        named = {"Host": parsed.netloc.decode("ascii")}
        end = time.monotonic() + _TIMEOUTS * self._settings.timeout_s
        there = parsed.copy_with(host=address)
        with self._client.stream("GET", there, headers=named, extensions={"sni_hostname": parsed.host}) as answer:
            if not answer.is_success:
                raise ValueError(f"{host} answered {answer.status_code}")
            content = bytearray()
            for piece in answer.iter_bytes():
                content += piece
                if time.monotonic() > end:  # the messages of this thread wait meanwhile
                    raise ValueError(f"{host} answers too slowly")
                if len(content) > MOST_BYTES:
                    raise ValueError(f"it is longer than {MOST_BYTES >> 20} MB")
            return bytes(content)
