"""Passwords: Argon2id as argon2-cffi recommends it, what a new one must be, and one-time ones."""

from __future__ import annotations

import secrets
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from alerts.texts import is_storable
from alerts.users.errors import AccountRefusedError, Refusal

SHORTEST, LONGEST = 10, 200
_KINDS = 4  # of characters, so that `aaaaaaaaaa` is none
_AT_ONCE = 2  # each costs 64 MiB and a core for a moment
# For passwords that nobody signs in with, of a demo or a test: a real hash takes a tenth of a second and its 64 MiB.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
# Nothing that is mistaken for another when it is read off a screen.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
# The first of the lists that are tried, of those that are long enough.
_COMMON = frozenset(
    (
        "1234567890", "12345678910", "0123456789", "9876543210", "123456789a", "password123", "password1234",
        "passw0rd123", "qwertyuiop", "qwerty12345", "1q2w3e4r5t", "1qaz2wsx3edc", "administrator", "aquavolt123",
        "woaini1314", "woaini520", "iloveyou123",
    )
)  # fmt: skip


class Passwords:
    """Hashes and checks passwords, two at a time: more would only fight for the same cores and memory."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        self._decoy = ""

    def hash(self, password: str) -> str:
        """The form in which it is kept."""
        with self._places:
            return self._hasher.hash(_normal(password))

    def matches(self, password: str, kept: str) -> bool:
        """Whether it is the one that is kept. Where none is (`""`), it takes as long, so that time tells nothing."""
        with self._places:
            if not kept and not self._decoy:
                self._decoy = self._hasher.hash(secrets.token_urlsafe())
            try:
                self._hasher.verify(kept or self._decoy, _normal(password)[: 4 * LONGEST])
            except (VerificationError, InvalidHashError):
                return False
            return bool(kept)


def _normal(password: str) -> str:
    """One form of what can be typed in several; what is no text at all matches nothing."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace").decode()


def check_password(password: str, account: str) -> None:
    """Whether it may be somebody's new password.

    Raises:
        AccountRefusedError: it says what is allowed.
    """
    if not SHORTEST <= len(password) <= LONGEST or not is_storable(password):
        raise AccountRefusedError(Refusal.PASSWORD_LENGTH, shortest=SHORTEST, longest=LONGEST)
    plain = _normal(password).casefold()
    if plain in _COMMON or len(set(plain)) < _KINDS:
        raise AccountRefusedError(Refusal.PASSWORD_COMMON)
    if account in plain and len(plain.replace(account, "")) < SHORTEST // 2:
        raise AccountRefusedError(Refusal.PASSWORD_NAME)


def one_time_password() -> str:
    """79 random bits that can be read off a screen: `abcd-efgh-jkmn-pqrs`."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
