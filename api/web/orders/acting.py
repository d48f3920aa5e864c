"""One act of a form on an order: what is refused becomes a notice on the order's page, never an error page."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from alerts.errors import RefusedError
from alerts.orders.errors import OrderConflictError, OrderStateError
from alerts.orders.pictures import PictureError
from alerts.orders.values import Order
from api.orders.answering import tell
from api.parts import ApiParts
from api.web.forms import local_path

_SEE_OTHER = 303


def notice_of(error: Exception) -> str:
    """The notice of what was refused."""
    match error:
        case OrderConflictError():
            return "conflict"
        case OrderStateError():
            return error.code
        case PictureError():
            return error.reason.value
    return "empty"


REFUSED = (OrderConflictError, OrderStateError, PictureError, RefusedError)


def acted(parts: ApiParts, order_id: int, change: str, act: Callable[[], Order], notice: str = "") -> Response:
    """Do it, tell the live pages, and go back to the order's page."""
    try:
        tell(parts, act(), change)
    except REFUSED as error:
        notice = notice_of(error)
    return back_to(f"/orders/{order_id}", notice)


def back_to(page: str, notice: str = "", back: str = "") -> Response:
    """See other: the page again, so that going back never repeats the change."""
    address = local_path(back, page) if back else page
    if notice:
        address += ("&" if "?" in address else "?") + urlencode({"notice": notice})
    return RedirectResponse(address, _SEE_OTHER)
