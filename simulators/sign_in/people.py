"""Who a simulated provider knows, and what is wrong with it on request."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from typing import Any

FAULTS = frozenset(
    {
        "audience", "issuer", "expired", "future", "nonce", "no_nonce", "foreign_key", "unsigned", "shared_secret",
        "other_userinfo", "access_token", "no_id_token", "token_down", "keys_down", "down", "no_json", "outsider",
        "stale_token", "busy", "redirects",
    }
)  # fmt: skip


@dataclass(slots=True)
class People:
    """Persons by subject, each with claims. Thread-safe as far as its own methods go.

    signed_in  who has signed in at the provider already: nobody is asked; None: a page asks
    faults     what is wrong now
    asked      what was asked of it, path by path: a test looks whether a secret went where it should not
    """

    persons: dict[str, dict[str, Any]] = field(default_factory=dict)
    signed_in: str | None = None
    faults: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def told(self, document: dict[str, Any]) -> None:
        """What the control says: `persons`, `signed_in`, `faults`.

        Raises:
            ValueError: a fault that there is not.
        """
        faults = frozenset(document.get("faults", self.faults))
        if strange := faults - FAULTS:
            raise ValueError(f"no such fault: {', '.join(sorted(strange))}; there are {', '.join(sorted(FAULTS))}")
        self.persons = document.get("persons", self.persons)
        self.signed_in = document.get("signed_in", self.signed_in)
        self.faults = faults

    def has(self, fault: str) -> bool:
        """Whether this is wrong now."""
        return fault in self.faults

    def code_for(self, subject: str) -> str:
        """A code, good once."""
        code = secrets.token_urlsafe(16)
        with self._lock:
            self._codes[code] = subject
        return code

    def redeem(self, code: str) -> str | None:
        """Whose code it is; None the second time."""
        with self._lock:
            return self._codes.pop(code, None)
