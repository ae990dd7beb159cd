"""Today's exceptions, exact: a number may only be lowered, an entry only be removed. Nothing is added here."""

FILE_LINES: dict[str, int] = {}
FUNCTION_LINES: dict[str, int] = {}
USE_CASE_LINES: dict[str, int] = {}
MANIFEST_LINES: dict[str, int] = {}

PRAGMAS: dict[str, int] = {"noqa": 2, "type: ignore": 0, "pragma: no cover": 0}
