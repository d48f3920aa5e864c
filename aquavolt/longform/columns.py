"""The columns a long-form file must and may have."""

from __future__ import annotations

from collections.abc import Sequence

from aquavolt.longform.faults import LongFormError

COLUMNS = ("meter", "quantity", "time", "value")
OPTIONAL_COLUMNS = ("quality",)


def check_columns(where: str, names: Sequence[str]) -> None:
    """Refuse a file whose columns are not those of the long form.

    Raises:
        LongFormError: a column is missing, unknown or named twice; the message begins with `where`.
    """
    allowed = f"a long-form file has the columns {','.join(COLUMNS)} and may have {','.join(OPTIONAL_COLUMNS)}"
    for name in COLUMNS:
        if name not in names:
            raise LongFormError(f"{where}: no column {name!r} among {','.join(names) or 'nothing'}; {allowed}")
    for name in names:
        if name not in (*COLUMNS, *OPTIONAL_COLUMNS):
            raise LongFormError(f"{where}: unknown column {name!r}; {allowed}")
        if names.count(name) > 1:
            raise LongFormError(f"{where}: the column {name!r} stands twice; {allowed}")
