"""What a person's claims give: a role in parts of the site, and the name of a new account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.users.identities import Grant
from alerts.users.roles import WHOLE_SITE
from aquavolt.sign_in.settings import RoleGrant, RoleRule


def claim_of(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name; else, for `a.b`, the member b of the claim a. None where there is none."""
    if name in claims:
        return claims[name]
    first, dot, rest = name.partition(".")
    inner = claims.get(first) if dot else None
    return claim_of(inner, rest) if isinstance(inner, Mapping) else None


def fits(rule: RoleRule, claims: Mapping[str, Any]) -> bool:
    """Whether the claim has the value, or is a list that has it. `1` and `"1"` are the same, `true` and `1` are not."""
    found = claim_of(claims, rule.claim)
    return any(_same(rule.value, value) for value in (found if isinstance(found, list) else [found]))


def _same(wanted: str | int | bool, found: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    return isinstance(found, str | int) and str(found) == str(wanted)


def grant_of(rules: tuple[RoleRule, ...], default: RoleGrant | None, claims: Mapping[str, Any]) -> Grant | None:
    """The first rule that fits gives the role; others that fit and give the same one add their places."""
    fitting = [rule for rule in rules if fits(rule, claims)]
    grants: list[RoleGrant] = [*fitting] if fitting else [default] if default else []
    if not grants:
        return None
    role = grants[0].role
    nodes = [node for grant in grants if grant.role is role for node in grant.nodes]
    return Grant(role, (WHOLE_SITE,) if WHOLE_SITE in nodes else tuple(dict.fromkeys(nodes)))


def name_of(claims: Mapping[str, Any], name_claim: str, subject: str) -> str:
    """What a new account is called, about; it is made to fit where it is made."""
    found = claim_of(claims, name_claim)
    return found if isinstance(found, str) and found.strip() else subject
