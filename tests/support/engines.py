"""Which engines a test run really used; tests/conftest.py prints it at the end, gathered from all workers."""

_ran: dict[str, list[str]] = {}


def ran(name: str, what: str) -> None:
    """Note that an engine was used, for example ("postgres", "real 18.4"); of one in two versions, both."""
    noted = _ran.setdefault(name, [])
    if what not in noted:
        noted.append(what)


def seen() -> dict[str, list[str]]:
    return {name: list(noted) for name, noted in _ran.items()}


def merge(other: dict[str, list[str]]) -> None:
    """Take over what another worker noted."""
    for name, noted in other.items():
        for what in noted:
            ran(name, what)


def told(noted: list[str]) -> str:
    """As people read it: `real v3.1.5, v2.5.16`."""
    kind = noted[0].partition(" ")[0]
    return ", ".join([noted[0], *(what.removeprefix(f"{kind} ") for what in noted[1:])])
