"""How texts in the settings have to look, as expressions and in words."""

from __future__ import annotations

SERVER, SERVICE = r"^https?://[^/]+/?$", r"^https?://[^/]+:\d{1,5}/?$"
LISTEN, BUCKET = r"^([\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}$", r"^[^_\"][^\"]*$"
NAME, CURRENCY = "^[a-z0-9][a-z0-9._-]{0,39}$", "^[A-Z]{3}$"
FORMS = {
    SERVER: "like http://host:port or https://host",
    SERVICE: "like http://host:port or https://host:port",
    LISTEN: "like host:port or [::1]:port",
    BUCKET: "without quotation marks, and not begin with _",
    NAME: "of a-z, 0-9, '.', '_' and '-', at most 40, and begin with a letter or digit",
    CURRENCY: "three capital letters (ISO 4217)",
}
