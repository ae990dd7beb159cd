"""Which engines a test run really used; tests/conftest.py prints it at the end, gathered from all workers."""

_ran: dict[str, str] = {}


def ran(name: str, what: str) -> None:
    """Note that an engine was used, for example ("postgres", "real 18.4"); the last note of a name counts."""
    _ran[name] = what


def seen() -> dict[str, str]:
    return dict(_ran)


def merge(other: dict[str, str]) -> None:
    """Take over what another worker noted."""
    _ran.update(other)
