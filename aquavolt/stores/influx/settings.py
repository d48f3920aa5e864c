"""Where InfluxDB is and how it is used."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class InfluxSettings:
    """One bucket of one server, for one site.

    url             `http(s)://host:port`
    token           may read and write both buckets; creating them on first start needs more
    retention_days  how long raw readings stay, set when the bucket is created; None for ever. Intervals stay for ever
    timeout_s       how long one request may take
    patience_s      how long a call goes on trying before it says that the store is unavailable
    """

    url: str
    token: str
    org: str
    bucket: str
    site: str
    retention_days: float | None = None
    timeout_s: float = 30.0
    patience_s: float = 8.0

    @property
    def derived_bucket(self) -> str:
        """The bucket of intervals."""
        return f"{self.bucket}_intervals"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine: compressing would cost more than it saves."""
        host = urlsplit(self.url).hostname or ""
        return host in {"localhost", "::1"} or host.startswith("127.")
