"""Somebody with the database in an editor who knows how logs are made: what is forged fits together."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from core.log.merkle import HASH_SIZE
from core.log.records import commitment, leaf_of
from core.log.tiles import TILE_WIDTH, Coordinate, root_from_tiles, tile_root

_LONGEST = "SELECT club_id, origin, size FROM log ORDER BY size DESC LIMIT 1"
_AT = """SELECT r.event_id, r.data FROM leaf l JOIN record r ON r.club_id = l.club_id AND r.event_id = l.event_id
    WHERE l.club_id = ? AND l."index" = ?"""
_COMMITMENTS = """SELECT r.commitment FROM leaf l
    JOIN record r ON r.club_id = l.club_id AND r.event_id = l.event_id WHERE l.club_id = ? ORDER BY l."index" """
_REPLACE = "UPDATE record SET data = ?, salt = ?, commitment = ? WHERE club_id = ? AND event_id = ?"
_MOVE = 'UPDATE leaf SET "index" = "index" - 1 WHERE club_id = ? AND "index" = ?'


T = TypeVar("T")


def forge(path: Path, work: "Callable[[Forger], T]") -> T:
    """Does this work on a database file."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return work(Forger(connection))


class Forger:
    """Works on the longest log of a database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.club, self.origin, self.size = connection.execute(_LONGEST).fetchone()

    def record_at(self, index: int) -> tuple[str, bytes]:
        """Event id, as the database writes it, and bytes of the record of a leaf."""
        event_id, data = self._connection.execute(_AT, (self.club, index)).fetchone()
        return event_id, data

    def replace(self, index: int, data: bytes) -> None:
        """Another record in the place of a leaf's, with a salt and a commitment that go with it."""
        salt = bytes(32)
        told = (data, salt, commitment(salt, data), self.club, self.record_at(index)[0])
        self._connection.execute(_REPLACE, told)

    def cut(self, index: int) -> str:
        """A leaf with its record, event and values taken out, and the leaves after it moved up; returns the event."""
        event_id = self.record_at(index)[0]
        self.run("DELETE FROM disclosure WHERE club_id = ? AND event_id = ?", self.club, event_id)
        self.run("DELETE FROM record WHERE club_id = ? AND event_id = ?", self.club, event_id)
        self.run("DELETE FROM leaf WHERE club_id = ? AND event_id = ?", self.club, event_id)
        self.run("DELETE FROM event WHERE id = ?", event_id)
        for after in range(index + 1, self.size):
            self.run(_MOVE, self.club, after)
        return event_id

    def set_back(self, size: int) -> None:
        """Everything as it was at a size, as a backup brings it back; later leaves only rename the club."""
        while self.size > size:
            self.cut(self.size - 1)
            self.rebuild()
        self.run("DELETE FROM checkpoint WHERE club_id = ? AND size > ?", self.club, size)
        self.run("DELETE FROM anchor WHERE club_id = ? AND size > ?", self.club, size)
        (last,) = json.loads(self.record_at(size - 1)[1])["after"]
        name = last["fields"]["name"]
        self.run("UPDATE club SET version = ?, name = ? WHERE id = ?", last["version"], name, self.club)
        self.run("UPDATE directory SET name = ? WHERE club = ?", name, self.club)

    def rebuild(self) -> None:
        """Every tile and the head made anew out of the commitments as they are now."""
        hashes = [leaf_of(commitment) for (commitment,) in self._connection.execute(_COMMITMENTS, [self.club])]
        self.size, tiles, level = len(hashes), dict[Coordinate, bytes](), 0
        while hashes:
            here = [b"".join(hashes[start : start + TILE_WIDTH]) for start in range(0, len(hashes), TILE_WIDTH)]
            tiles.update({(level, index): tile for index, tile in enumerate(here)})
            hashes = [tile_root(tile) for tile in here if len(tile) == TILE_WIDTH * HASH_SIZE]
            level += 1
        self.run("DELETE FROM tile WHERE club_id = ?", self.club)
        for at, tile in tiles.items():
            self.run("INSERT INTO tile VALUES (?, ?, ?, ?)", self.club, *at, tile)
        root = root_from_tiles(self.size, lambda level, index: tiles[level, index])
        self.run("UPDATE log SET size = ?, root = ? WHERE club_id = ?", self.size, root, self.club)

    def run(self, statement: str, *values: Any) -> None:
        """Any other edit."""
        self._connection.execute(statement, values)
