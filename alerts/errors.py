"""What the records refuse, by who handles it."""

from __future__ import annotations

from alerts.values import Alert


class RecordsError(Exception):
    """The records database cannot be opened or is of a version this program does not know."""


class AlertError(Exception):
    """What a caller asked for cannot be done; the message may be shown to a person."""


class UnknownAlertError(AlertError):
    """No alert has this id."""

    def __init__(self, alert_id: str) -> None:
        super().__init__(f"there is no alert {alert_id!r}")
        self.alert_id = alert_id


class ConflictError(AlertError):
    """Somebody else acted on the alert in between; `current` is how it stands now."""

    def __init__(self, message: str, current: Alert) -> None:
        super().__init__(message)
        self.current = current


class StaleError(ConflictError):
    """The caller acts on a version that is no longer the alert's."""


class PolicyConflictError(AlertError):
    """Somebody else changed the desk's policy in between; `version` is the one in force."""

    def __init__(self, message: str, version: int) -> None:
        super().__init__(message)
        self.version = version


class CursorError(AlertError):
    """The cursor is none that a page of this list gave."""


class RefusedError(AlertError):
    """An argument is not allowed (an empty comment, a page of 0); the message says what is."""


class UnknownEntryError(AlertError):
    """No duty, absence, route, silence, contact, digest or drill has this id."""


class EntryConflictError(AlertError):
    """Somebody else changed the entry in between; `version` is the one that stands now, 0: none."""

    def __init__(self, message: str, version: int) -> None:
        super().__init__(message)
        self.version = version


class DrillConflictError(AlertError):
    """A drill is under way already, or the drill is over; `current` is its id."""

    def __init__(self, message: str, current: str) -> None:
        super().__init__(message)
        self.current = current
