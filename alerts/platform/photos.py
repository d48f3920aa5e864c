"""Photos that the platform sends along: in the event itself, or as addresses, fetched only from hosts that are allowed.

An address that anybody could write into an event must not make this program ask around in the own network.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.database import Database
from alerts.orders.errors import OrderStateError
from alerts.orders.models import OrderRow
from alerts.orders.photos import put_photo
from alerts.orders.pictures import Picture, PictureError, take_picture
from alerts.orders.states import FINISHED, OrderState
from alerts.orders.values import PhotoStage
from alerts.platform.models import WantedPhotoRow
from alerts.platform.values import PLATFORM, SentState
from alerts.platform.whys import Why
from alerts.rows import ms_of
from alerts.values import Actor

LONGEST_URL = 1000
MOST_ATTEMPTS = 8
_DATA = re.compile(r"data:[\w/+.-]{0,60};base64,", re.ASCII)
_LEAST_PICTURE = 200  # characters: less is no picture, but perhaps a file's name
_ACTOR = Actor(PLATFORM)
Ready = Picture | str | PictureError | ValueError
"""A photo as it was written anew; an address; or why it is neither."""


@dataclass(frozen=True, slots=True)
class PhotoTaker:
    """Takes what may be taken. `hosts`: from where photos may be fetched; none: from nowhere."""

    hosts: Collection[str] = ()

    def take(self, session: Session, order: OrderRow, photos: Sequence[Ready], now_ms: int) -> list[Why]:
        """Put them to the order, or on the list of what is to be fetched; why not, of those that are not."""
        refused = []
        for number, photo in enumerate(photos, start=1):
            try:
                if isinstance(photo, Picture):
                    keep_photo(session, order, photo, now_ms)
                elif isinstance(photo, str):
                    self._want(session, order, photo, now_ms)
                else:
                    raise photo
            except (PictureError, ValueError) as error:
                refused.append(Why("photo", {"number": str(number), "error": str(error)}))
        return refused

    def _want(self, session: Session, order: OrderRow, url: str, now_ms: int) -> None:
        """Raises: ValueError."""
        try:
            parts = urlsplit(url)
            host, is_web = (parts.hostname or "").lower(), parts.scheme in {"http", "https"}
        except ValueError:
            host, is_web = "", False
        if host not in self.hosts or not is_web or len(url) > LONGEST_URL:
            raise ValueError(f"not fetched from {host or 'there'}: `repair_platform.photos_from` does not name it")
        known = select(WantedPhotoRow.id).where(WantedPhotoRow.order_id == order.id, WantedPhotoRow.url == url)
        if session.scalars(known).first() is None:
            session.add(
                WantedPhotoRow(
                    order_id=order.id, url=url, state=SentState.PENDING.value, attempts=0, due_ms=now_ms, last_error=""
                )
            )


def ready(photos: Sequence[str]) -> tuple[Ready, ...]:
    """Decoded before a transaction begins: nobody could write meanwhile."""
    return tuple(_ready(photo) for photo in photos)


def _ready(photo: str) -> Ready:
    if "://" in photo[:20]:
        return photo.strip()
    try:
        return take_picture(_inline(photo))
    except (PictureError, ValueError) as error:
        return error


def _inline(text: str) -> bytes:
    """Raises: ValueError."""
    found = _DATA.match(text)
    coded = text[found.end() :] if found else text
    if found is None and len(coded) < _LEAST_PICTURE:
        raise ValueError("it is neither an address nor a picture in base64")
    try:
        return base64.b64decode("".join(coded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is no base64") from error


def keep_photo(session: Session, order: OrderRow, picture: Picture, now_ms: int) -> None:
    """Put it to the order. Raises: ValueError: there is no room."""
    stage = PhotoStage.CLOSING if OrderState(order.state) in FINISHED else PhotoStage.WORK
    try:
        put_photo(session, order, picture, stage, _ACTOR, now_ms)
    except OrderStateError as error:
        raise ValueError(str(error)) from error


@dataclass(frozen=True, slots=True)
class WantedPhoto:
    """A photo to be fetched."""

    id: int
    url: str
    attempts: int


class WantedPhotos:
    """What is to be fetched, and what became of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self, now: datetime) -> WantedPhoto | None:
        """The one that is due longest."""
        due = (WantedPhotoRow.state == SentState.PENDING.value, WantedPhotoRow.due_ms <= ms_of(now))
        with self._database.reading() as session:
            row = session.scalars(select(WantedPhotoRow).where(*due).order_by(WantedPhotoRow.due_ms).limit(1)).first()
            return None if row is None else WantedPhoto(row.id, row.url, row.attempts)

    def keep(self, photo: WantedPhoto, content: bytes, now: datetime) -> None:
        """It was fetched. What is no photo is refused for good."""
        try:
            picture: Picture | PictureError = take_picture(content)
        except PictureError as error:
            picture = error
        with self._database.writing() as session:
            row = session.get_one(WantedPhotoRow, photo.id)
            try:
                if isinstance(picture, PictureError):
                    raise picture
                order = session.get_one(OrderRow, row.order_id, with_for_update=True)
                keep_photo(session, order, picture, ms_of(now))
                row.state, row.last_error = SentState.DELIVERED.value, ""
            except (PictureError, ValueError) as error:
                row.state, row.last_error = SentState.FAILED.value, str(error)

    def put_off(self, photo: WantedPhoto, wait_s: float, error: str, now: datetime) -> None:
        """It could not be fetched; after eight attempts it is left."""
        with self._database.writing() as session:
            row = session.get_one(WantedPhotoRow, photo.id)
            row.attempts, row.last_error = row.attempts + 1, error[:500]
            row.due_ms = ms_of(now + timedelta(seconds=wait_s))
            if row.attempts >= MOST_ATTEMPTS:
                row.state = SentState.FAILED.value
