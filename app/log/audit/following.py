"""Rows that follow from what the log says: there when they have to be, and as they have to be."""

from collections.abc import Collection, Mapping

from app.log.audit.scene import Scene
from core.log.audit.findings import Code
from core.log.audit.rows import LiveRow, Unreadable
from shared.canonical import Json, NotCanonical, plain

Expected = Mapping[str, Json] | None
"""The columns that a row has to hold, as far as they follow; None where there must be no row."""


async def check_rows(
    scene: Scene,
    table: str,
    column: str,
    expected: Mapping[str, Expected],
    *,
    kind: str,
    needless: Code = Code.ROW_STRAY,
    known_missing: Collection[str] = (),
) -> dict[str, LiveRow]:
    """Compares the rows whose column holds these ids, and returns them; `needless` is the code of one too many."""
    rows = {str(row.key): row for row in await scene.look.live_by(table, column, expected)}
    for key, columns in expected.items():
        row = rows.get(key)
        if columns is None and row is not None:
            scene.report(needless, table, "it should be gone", kind=kind, id=key)
        elif columns is not None and row is None and key not in known_missing:
            scene.report(Code.ROW_MISSING, table, "there is no such row", kind=kind, id=key)
        elif columns is not None and row is not None:
            _compare(scene, table, row, columns, kind)
    return rows


def _compare(scene: Scene, table: str, row: LiveRow, columns: Mapping[str, Json], kind: str) -> None:
    for name, told in columns.items():
        found = _plain(row.values.get(name))
        if isinstance(found, Unreadable):
            scene.report(Code.FIELD_UNREADABLE, table, found.reason, kind=kind, id=str(row.key), field=name)
        elif found != told:
            detail = f"the log says {told!r}, the row {found!r}"
            scene.report(Code.FIELD_MISMATCH, table, detail, kind=kind, id=str(row.key), field=name)


def _plain(value: object) -> Json | Unreadable:
    if isinstance(value, Unreadable):
        return value
    try:
        return plain(value)
    except NotCanonical:
        return Unreadable("not a value that this column can hold")
