"""REST of what people set for daily use: one router a kind, all alike."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from alerts.duty.roster import Strict
from alerts.duty_desk.entries import FORMS, Entry, EntryKind
from alerts.users.roles import Permission
from api.alerts.conditions import IfMatch, etag, read_tag
from api.dependencies import CurrentActor
from api.duty.desk import CurrentDutyDesk
from api.duty.schema import EXAMPLES, EntriesOut, EntryHistoryOut, EntryOut, RemovedOut
from api.permits import needs
from api.problem_schema import CHANGE_PROBLEMS, LIST_PROBLEMS, ONE_PROBLEMS
from api.wire import JsonResponse, time_text

_P = Permission
# Path, who reads it and who changes it. Contacts hold telephone numbers: they are read by who manages them.
_KINDS: dict[EntryKind, tuple[str, Permission, Permission]] = {
    EntryKind.DUTY: ("duties", _P.DUTY_READ, _P.DUTY_MANAGE),
    EntryKind.ABSENCE: ("absences", _P.DUTY_READ, _P.DUTY_MANAGE),
    EntryKind.ROUTE: ("routes", _P.DUTY_READ, _P.DUTY_MANAGE),
    EntryKind.SILENCE: ("silences", _P.DUTY_READ, _P.SILENCES_MANAGE),
    EntryKind.CONTACT: ("contacts", _P.DUTY_MANAGE, _P.DUTY_MANAGE),
    EntryKind.DIGEST: ("digests", _P.DUTY_READ, _P.DUTY_MANAGE),
}
_EntryId = Annotated[str, Path(max_length=100)]


def _document(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "version": entry.version,
        "author": entry.author,
        "updated_at": time_text(entry.updated_at),
        "content": entry.content.model_dump(mode="json"),
    }


def _answer(entry: Entry) -> JsonResponse:
    return JsonResponse(_document(entry), headers={"ETag": etag(entry.version)})


def _router_of(kind: EntryKind) -> APIRouter:
    plural, reads, manages = _KINDS[kind]
    router = APIRouter(prefix=f"/api/v1/{plural}", tags=["duty"], default_response_class=JsonResponse)
    _add_reading(router, kind, plural, [needs(reads)])
    _add_changing(router, kind, [needs(manages)])
    return router


def _add_reading(router: APIRouter, kind: EntryKind, plural: str, permit: list[Any]) -> None:
    form = FORMS[kind]

    def list_entries(desk: CurrentDutyDesk) -> JsonResponse:
        return JsonResponse({"items": [_document(e) for e in desk.entries.all(kind)]})

    def get_entry(desk: CurrentDutyDesk, entry_id: _EntryId) -> JsonResponse:
        return _answer(desk.entries.get(kind, entry_id))

    def get_history(desk: CurrentDutyDesk, entry_id: _EntryId) -> JsonResponse:
        changes = desk.entries.history(kind, entry_id)
        return JsonResponse({"items": [
            {"at": time_text(c.at), "actor": c.actor, "origin": c.origin, "action": c.action, "version": c.version,
             "content": c.document} for c in changes
        ]})  # fmt: skip

    listed: Any = EntriesOut[form]  # type: ignore[valid-type]
    router.get("", response_model=listed, responses=LIST_PROBLEMS, summary=f"All {plural}", dependencies=permit)(
        list_entries
    )
    router.get(
        "/{entry_id}", response_model=_one(kind), responses=ONE_PROBLEMS, summary=f"One {kind.value}",
        dependencies=permit,
    )(get_entry)  # fmt: skip
    router.get(
        "/{entry_id}/history", response_model=EntryHistoryOut, responses=ONE_PROBLEMS, summary="Who changed it",
        dependencies=permit,
    )(get_history)  # fmt: skip


def _add_changing(router: APIRouter, kind: EntryKind, permit: list[Any]) -> None:
    def put_entry(
        desk: CurrentDutyDesk, actor: CurrentActor, entry_id: _EntryId, content: Strict, if_match: IfMatch = None
    ) -> JsonResponse:
        """With If-Match only if it is still as it was seen; `"0"`: only if there is none of this id yet."""
        return _answer(desk.entries.put(kind, entry_id, content, actor, expected_version=read_tag(if_match)))

    def delete_entry(
        desk: CurrentDutyDesk, actor: CurrentActor, entry_id: _EntryId, if_match: IfMatch = None
    ) -> JsonResponse:
        """Its history stays."""
        desk.entries.remove(kind, entry_id, actor, expected_version=read_tag(if_match))
        return JsonResponse({"removed": entry_id})

    put_entry.__annotations__["content"] = FORMS[kind]  # what FastAPI reads and describes
    example = EXAMPLES[kind].model_dump(mode="json")
    router.put(
        "/{entry_id}", response_model=_one(kind), responses=CHANGE_PROBLEMS, dependencies=permit,
        summary=f"Create or replace a {kind.value}",
        openapi_extra={"requestBody": {"content": {"application/json": {"example": example}}}},
    )(put_entry)  # fmt: skip
    router.delete(
        "/{entry_id}", response_model=RemovedOut, responses=CHANGE_PROBLEMS, summary=f"Remove a {kind.value}",
        dependencies=permit,
    )(delete_entry)  # fmt: skip


def _one(kind: EntryKind) -> Any:
    form = FORMS[kind]
    return EntryOut[form]  # type: ignore[valid-type]


ROUTERS = tuple(_router_of(kind) for kind in FORMS)
