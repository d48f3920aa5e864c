"""What accounts refuse, by who handles it. The messages may be shown to people."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Refusal(StrEnum):
    """Why something given is not allowed; the value is the sentence that says what is, with its parameters."""

    NAME_FORM = (
        "an account's name has 1 to 40 letters, digits, dots, hyphens, underscores or @, and is none of %(reserved)s"
    )
    NAME_TAKEN = "there is or was an account %(name)s; names are not given twice"
    ROLE = "there is no such role"
    ADMIN_LIMITED = "an administrator is limited to no part of the site"
    NODES = "an account is for 1 to %(most)s parts of the site, or for * (all of it)"
    UNKNOWN_NODE = "the site has no place %(node)s"
    LAST_ADMIN = "%(name)s is the last administrator: make another one first"
    HEIR = (
        "%(name)s cannot take these alerts over: it must be another active account that may handle them and sees them"
    )
    ONESELF = "nobody takes the own account out of use: ask another administrator"
    STATE = "%(name)s is not disabled"
    PASSWORD_LENGTH = "a password has %(shortest)s to %(longest)s characters"  # noqa: S105 - a sentence
    PASSWORD_COMMON = "this password is among the first that are tried: choose another"  # noqa: S105
    PASSWORD_NAME = "a password must not be the account's name"  # noqa: S105
    PASSWORD_SAME = "the new password is the old one: choose another"  # noqa: S105
    PASSWORD_REPEATED = "the two new passwords are not the same"  # noqa: S105
    TOKEN_NAME = "a token's name has 1 to %(longest)s characters"  # noqa: S105
    TOKEN_DAYS = "a token is good for 1 to %(most)s days"  # noqa: S105
    TOKEN_SCOPES = "a token of %(name)s has one or more of these scopes: %(allowed)s"  # noqa: S105
    TOKEN_MANY = "an account has at most %(most)s tokens: revoke one that is not used"  # noqa: S105


class ProviderRefusal(StrEnum):
    """Why somebody whom a provider has signed in is not let in."""

    NO_ROLE = "no_role"
    OUT_OF_USE = "out_of_use"
    TAKEN = "taken"


class AccountError(Exception):
    """What was asked of an account cannot be done."""


class UnknownAccountError(AccountError):
    """There is no account, session or token of this name."""


class AccountConflictError(AccountError):
    """Somebody else changed the account in between."""


class AccountRefusedError(AccountError):
    """What was given is not allowed."""

    def __init__(self, refusal: Refusal, **parameters: Any) -> None:
        super().__init__(refusal.value % parameters if parameters else refusal.value)
        self.refusal = refusal
        self.parameters = parameters


class ProviderRefusedError(AccountError):
    """A provider has signed this person in; here they are not let in."""

    def __init__(self, refusal: ProviderRefusal) -> None:
        super().__init__(f"the provider's sign-in is not taken: {refusal.value}")
        self.refusal = refusal


class WrongPasswordError(AccountError):
    """The account or its password is not right. It never says which."""

    def __init__(self) -> None:
        super().__init__("the account or the password is not right")


class ThrottledError(AccountError):
    """Too many wrong passwords: none is looked at for so many seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many wrong passwords: try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s
