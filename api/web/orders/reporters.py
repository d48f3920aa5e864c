"""How often who is not signed in may report: a bucket an address, and one for all. In memory."""

from __future__ import annotations

import math

from alerts.users.throttle import address_block
from api.parts import Rate, RateLimits
from api.rate_limits import Buckets

# Behind one address there may be a whole campus: ten people at once, then one a minute.
OF_ADDRESS = Rate(1 / 60, 10)
OF_ALL = Rate(1 / 6, 60)


class Reporters:
    """Thread-safe."""

    def __init__(self, of_address: Rate = OF_ADDRESS, of_all: Rate = OF_ALL) -> None:
        self._of_address = Buckets(RateLimits(writing=of_address))
        self._of_all = Buckets(RateLimits(writing=of_all))

    def wait_s(self, address: str) -> int:
        """Seconds until this address may report again; 0: now, and it is counted."""
        for buckets, key in ((self._of_address, address_block(address)), (self._of_all, "")):
            rate, left = buckets.take(key, is_reading=False)
            if left < 0:
                return max(1, math.ceil(-left / rate.per_s))
        return 0
