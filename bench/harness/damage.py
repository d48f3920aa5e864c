"""Damage to a journal's file, as a bad disk would do it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

_PAGE = 4096


def damage(path: Path, random: np.random.Generator) -> None:
    """Turn one byte of one entry, and overwrite the whole page where another one begins; nobody may have it open.

    Only entries that no reader of the store has passed are hit, so all that is lost is lost to the store too.
    """
    with closing(sqlite3.connect(path)) as journal:
        journal.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        bodies = [
            bytes(body)
            for (body,) in journal.execute(
                "SELECT body FROM entry WHERE rows > 0 AND seq > (SELECT max(seq) FROM cursor WHERE name IN ('live',"
                " 'backlog')) ORDER BY seq"
            )
        ]
    data = bytearray(path.read_bytes())
    turned, overwritten = random.choice(len(bodies) // 2, 2, replace=False) + len(bodies) // 4
    at = data.index(bodies[turned][:64]) + 40
    data[at] ^= 0xFF
    page = data.index(bodies[overwritten][:64]) // _PAGE * _PAGE
    data[page : page + _PAGE] = random.bytes(_PAGE)
    path.write_bytes(data)
