"""What orders refuse, by who handles it."""

from __future__ import annotations

from alerts.errors import AlertError, EntryConflictError, RefusedError, UnknownEntryError


class UnknownOrderError(UnknownEntryError):
    """No order has this number, or none that the caller sees."""

    def __init__(self, order_id: int) -> None:
        super().__init__(f"there is no work order {order_id}")


class UnknownReportError(UnknownEntryError):
    """No report has this number, or none that the caller sees."""

    def __init__(self, report_id: int) -> None:
        super().__init__(f"there is no report {report_id}")


class UnknownPhotoError(UnknownEntryError):
    """No photo has this id, or none that the caller sees."""

    def __init__(self) -> None:
        super().__init__("there is no such photo")


class OrderConflictError(EntryConflictError):
    """Somebody else acted on the order in between; `version` is the one that stands, `by` who made it."""

    def __init__(self, message: str, version: int, by: str | None = None) -> None:
        super().__init__(message, version)
        self.by = by


class OrderStateError(AlertError):
    """What is asked cannot be done in the state in which the order stands, whatever was seen of it.

    code  `meters_disagree`: the alert is still active; `wrong_state`; `not_yours`: somebody else's; `full`
    by    who brought it to this state, where somebody did
    """

    def __init__(self, message: str, code: str = "wrong_state", by: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.by = by


class TickConflictError(AlertError):
    """The id of a tick stands for another tick."""


class TickTimeError(RefusedError):
    """A tick cannot be of this time. `code`: `ahead`, `too_old`."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
