"""The reach of each user on the site as it is now, worked out once a site and account."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from alerts.users.reach import Reach, reach_of
from api.parts import User
from metering.site import Site

_MOST = 256
_Key = tuple[tuple[str, ...], str | None]


class Reaches:
    """Thread-safe; the reaches that were asked for last are kept until the site changes."""

    def __init__(self, site: Callable[[], Site]) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, tuple[Site, Reach]] = OrderedDict()

    def of(self, user: User) -> Reach:
        """What of the site the user sees."""
        site, key = self._site(), (user.nodes, user.assignee)
        with self._lock:
            known = self._kept.get(key)
            if known is not None and known[0] is site:
                self._kept.move_to_end(key)
                return known[1]
        made = reach_of(site, *key)
        with self._lock:
            self._kept[key] = (site, made)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return made
