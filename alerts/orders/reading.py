"""Reading orders, their history, reports and photos of one records database."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.drills.mark import WITH_DRILLS
from alerts.orders import listing, reporting
from alerts.orders.errors import UnknownOrderError, UnknownPhotoError
from alerts.orders.models import OrderRow, PhotoRow
from alerts.orders.rows import order_of, photo_of, report_of
from alerts.orders.states import OrderState
from alerts.orders.values import Order, OrderEvent, OrderFilter, OrderPage, Photo, Report, ReportState
from alerts.texts import is_storable

EVERY_ORDER = OrderFilter()


def everywhere(_node: str) -> bool:
    """Sees every place."""
    return True


class OrderReading:
    """Thread-safe."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # -- orders ---------------------------------------------------------------------------------------------------

    def get(self, order_id: int, sees: Callable[[Order], bool] = lambda _: True) -> Order:
        """Raises: UnknownOrderError, also for one that the caller does not see."""
        with self.database.reading() as session:
            is_number = 0 < order_id < 1 << 62
            row = session.get(OrderRow, order_id, execution_options=WITH_DRILLS) if is_number else None
            if row is None or not sees(order := order_of(row)):
                raise UnknownOrderError(order_id)
            return order

    def find(self, wanted: OrderFilter = EVERY_ORDER, *, cursor: int | None = None, limit: int = 50) -> OrderPage:
        """Orders, the latest first. Raises: RefusedError (limit not in 1..500)."""
        with self.database.reading() as session:
            return listing.page_of(session, wanted, cursor, limit)

    def count(self, wanted: OrderFilter = EVERY_ORDER) -> dict[OrderState, int]:
        """How many orders of a filter stand where."""
        with self.database.reading() as session:
            return listing.counts_of(session, wanted)

    def events_of(self, order_id: int) -> tuple[OrderEvent, ...]:
        """The order's history, oldest first."""
        with self.database.reading() as session:
            return listing.events_of(session, order_id)

    def events_after(self, after: int, limit: int = 500) -> tuple[OrderEvent, ...]:
        """Events of all orders above this number, oldest first: for whoever follows them."""
        with self.database.reading() as session:
            return listing.events_after(session, after, limit)

    def reports_of(self, order_id: int) -> tuple[Report, ...]:
        """What people reported that led to this order, oldest first."""
        with self.database.reading() as session:
            return listing.reports_of_order(session, order_id)

    # -- reports and photos ---------------------------------------------------------------------------------------

    def get_report(self, report_id: int, sees_node: Callable[[str], bool] = everywhere) -> Report:
        """Raises: UnknownReportError."""
        with self.database.reading() as session:
            return report_of(reporting.seen_report(session, report_id, sees_node))

    def reports(
        self, states: Sequence[ReportState] = tuple(ReportState), nodes: Sequence[str] | None = None, limit: int = 100
    ) -> tuple[Report, ...]:
        """Reports of these places (None: all), the latest first."""
        with self.database.reading() as session:
            return listing.reports_of(session, states, nodes, limit)

    def photo_facts(self, photo_id: str) -> Photo:
        """Whose photo it is. Raises: UnknownPhotoError."""
        with self.database.reading() as session:
            return photo_of(_known_photo(session, photo_id))

    def photo_content(self, photo_id: str) -> bytes:
        """Its JPEG. Whether the caller sees its order or report is for the caller to ask. Raises: UnknownPhotoError."""
        with self.database.reading() as session:
            return _known_photo(session, photo_id).content

    def photos_of(self, order_id: int) -> tuple[Photo, ...]:
        """The order's photos and those of its reports, oldest first."""
        with self.database.reading() as session:
            return listing.photos_of_order(session, order_id)

    def photos_of_report(self, report_id: int) -> tuple[Photo, ...]:
        """What whoever reported sent along."""
        with self.database.reading() as session:
            return listing.photos_of_report(session, report_id)


def _known_photo(session: Session, photo_id: str) -> PhotoRow:
    row = session.get(PhotoRow, photo_id) if is_storable(photo_id) else None
    if row is None:
        raise UnknownPhotoError
    return row
