"""From an order's document to what the platform reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from alerts.platform.mapping import Scalar, Send
from alerts.platform.template import fill
from alerts.platform.values import CODED, TIMES
from metering.site import Site


class Wire:
    """Renders. `site` is the site as it is now: codes of places are looked up in it, times may be its local ones."""

    def __init__(self, send: Send, site: Callable[[], Site]) -> None:
        self._send = send
        self._site = site

    def body(self, document: dict[str, Any]) -> bytes:
        """The JSON that is sent."""
        return msgspec.json.encode(fill(self._send.template, document, self._value))

    def _value(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if name == "place":
            return self._place(str(value))
        if name in CODED:
            return getattr(self._send.codes, name).get(value, value)
        return self._time(str(value)) if name in TIMES else value

    def _place(self, node: str) -> Scalar:
        codes, site = self._send.codes.place, self._site()
        path = site.place_path(node) if node in site.nodes else (node,)
        return next((codes[one] for one in reversed(path) if one in codes), node)

    def _time(self, text: str) -> str | int:
        moment = datetime.fromisoformat(text)
        match self._send.times:
            case "unix_s":
                return int(moment.timestamp())
            case "unix_ms":
                return int(moment.timestamp() * 1000)
            case "local":
                return moment.astimezone(self._site().zone).strftime("%Y-%m-%d %H:%M:%S")
        return text
