"""`/api/v1/account`, `/api/v1/users` and `/api/v1/users/audit`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from alerts.users.roles import Permission, Role
from alerts.users.values import AccountAction, AccountState
from api.dependencies import CurrentUser, CurrentUsers
from api.permits import needs
from api.problem_schema import problems
from api.wire import JsonResponse, jsonable

router = APIRouter(prefix="/api/v1", tags=["accounts"], default_response_class=JsonResponse)
_READ = [needs(Permission.USERS_READ)]
_NODES = "Parts of the site, each with all below it; `*`: the whole site"


class MeOut(BaseModel):
    """Who asks. `role` is null for the demo administrator and for a token of the settings."""

    name: str
    role: Role | None
    nodes: list[str] = Field(description=_NODES)
    permissions: list[Permission]


class AccountOut(BaseModel):
    """One account. Its password is told to nobody."""

    name: str
    role: Role
    nodes: list[str] = Field(description=_NODES)
    state: AccountState
    must_change_password: bool
    created_at: datetime
    signed_in_at: datetime | None
    open_alerts: list[str] = Field(description="Active alerts it has acknowledged and not resolved")


class AccountsOut(BaseModel):
    """All accounts, by name."""

    items: list[AccountOut]


class AccountEntryOut(BaseModel):
    """One line of the accounts' audit."""

    id: int
    at: datetime
    actor: str
    origin: str
    account: str
    action: AccountAction
    detail: dict[str, Any]


class AccountAuditOut(BaseModel):
    """A page of it, newest first; `next_before` asks for the page after, null at the end."""

    items: list[AccountEntryOut]
    next_before: int | None


@router.get(
    "/account",
    response_model=MeOut,
    responses=problems(401, 403, 421),
    summary="Who asks",
    dependencies=[needs(Permission.SIGNED_IN)],
)
def get_me(user: CurrentUser) -> JsonResponse:
    """The account behind a session or token, and what it may do by it."""
    role = user.account.role if user.account else None
    document = {"name": user.name, "role": role, "nodes": user.nodes, "permissions": sorted(user.permissions)}
    return JsonResponse(document)


@router.get(
    "/users", response_model=AccountsOut, responses=problems(401, 403, 421), summary="The accounts", dependencies=_READ
)
def list_accounts(users: CurrentUsers) -> JsonResponse:
    """With the open alerts that each has; deleted ones are left out."""
    items = [
        {
            "name": a.name,
            "role": a.role,
            "nodes": a.nodes,
            "state": a.state,
            "must_change_password": a.must_change,
            "created_at": a.created_at,
            "signed_in_at": a.signed_in_at,
            "open_alerts": [alert.id for alert in users.leaving.held_by(a.name)],
        }
        for a in users.accounts.list()
    ]
    return JsonResponse(jsonable({"items": items}))


@router.get(
    "/users/audit",
    response_model=AccountAuditOut,
    responses=problems(401, 403, 421, 422),
    summary="What happened to accounts",
    dependencies=_READ,
)
def get_account_audit(
    users: CurrentUsers,
    account: Annotated[str | None, Query(max_length=200, description="Of this account only")] = None,
    before: Annotated[int | None, Query(ge=1, le=2**53, description="Entries below this id")] = None,
) -> JsonResponse:
    """Who did what to which account, when and from where."""
    entries = users.accounts.history(account, before=before)
    items = [
        {
            "id": e.id,
            "at": e.at,
            "actor": e.actor,
            "origin": e.origin,
            "account": e.account,
            "action": e.action,
            "detail": e.detail,
        }
        for e in entries
    ]
    next_before = entries[-1].id if len(entries) == users.accounts.page else None
    return JsonResponse(jsonable({"items": items, "next_before": next_before}))
