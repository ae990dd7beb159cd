"""The parts of the documentation that are made from the code: `python -m tests.docs` writes them into the pages."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from enum import StrEnum
from typing import Any, TypeVar, cast, get_type_hints

from adapters.inbound.grpc.edge.statuses import STATUS as GRPC_STATUS
from adapters.inbound.rest.edge.problems import STATUS as HTTP_STATUS
from concordat.module import Module, all_errors, roles_of
from concordat.modules import BUILT_IN
from concordat.modules.clubs import CLUBS
from concordat.modules.log import LOG
from core.clubs import agreement_states, eligibility, member, visit_states
from core.log.sealing import personal_fields
from shared.errors import (
    Busy,
    ConcordatError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooOften,
    Unauthenticated,
    Unavailable,
)
from shared.events import Event
from tests.architecture.runtime import modules
from tests.architecture.tree import REPOSITORY
from tests.docs import witness
from tests.docs.command_line import top_level

StateT = TypeVar("StateT", bound=StrEnum)
MoveT = TypeVar("MoveT", bound=StrEnum)

_KINDS = (Invalid, Unauthenticated, Forbidden, NotFound, Conflict, Busy, TooOften, Unavailable)
KINDS = {kind.__name__: kind for kind in _KINDS}


def table(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """A Markdown table, in the order of its rows."""
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def drawing(moves: Mapping[tuple[StateT, MoveT], StateT]) -> str:
    """A life cycle as a Mermaid state diagram; moves between the same two states share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, move), after in moves.items():
        arrows.setdefault((state.value, after.value), []).append(move.value)
    first = next(iter(moves))[0]
    last = sorted({after.value for after in moves.values()} - {one for one, other in arrows if one != other})
    lines = ["stateDiagram-v2", f"    [*] --> {first.value}"]
    lines += [f"    {one} --> {other}: {', '.join(names)}" for (one, other), names in arrows.items()]
    lines += [f"    {state} --> [*]" for state in last]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def error_codes() -> str:
    """Every code that a caller can see, with what each edge makes of it."""
    for name in modules():
        importlib.import_module(name)
    ours = {error for error in all_errors() if not error.__module__.startswith("tests.")}
    # Where a narrower error keeps its parent's code, the wider one explains it.
    widest: dict[str, type[ConcordatError]] = {}
    for error in sorted(ours, key=lambda each: (len(each.__mro__), each.__module__)):
        widest.setdefault(error.code, error)
    headings = ("code", "kind", "REST", "gRPC", "title", "when")
    return table(headings, (_error_row(code, error) for code, error in sorted(widest.items())))


def verdict_codes() -> str:
    """The codes of failed rules, which stand in verdicts."""
    codes = {
        eligibility.NOT_IN_GOOD_STANDING: "mem1",
        eligibility.CATEGORY: "vis1",
        eligibility.DISTANCE: "vis8",
        eligibility.QUOTA_EXCEEDED: "vis6",
        **{code: eligibility.RULE_BY_STATUS[status] for status, code in eligibility.CODE_BY_STATUS.items()},
    }
    return table(("code", "rule"), ((f"`{code}`", rule) for code, rule in sorted(codes.items())))


def permissions(module: Module[Any]) -> str:
    """Who may do what: permissions by role."""
    roles = sorted(roles_of(BUILT_IN))
    rows = (
        (f"`{name}`", *("yes" if name in module.roles.get(role, ()) else "" for role in roles))
        for name in sorted(module.permissions)
    )
    return table(("permission", *roles), rows)


def events(package: str) -> str:
    """What a club's log may say by a package of the core, and which of it is personal."""
    for name in modules():
        if name.startswith(package):
            importlib.import_module(name)
    found = {event.type: event for event in _events() if event.__module__.startswith(package)}
    return table(("type", "meaning", "personal"), (_event_row(kind, event) for kind, event in sorted(found.items())))


def commands() -> str:
    """Every command, with the first sentence of its help."""
    return table(("command", "what it does"), ((f"`concordat {name}`", says) for name, says in top_level()))


def operations() -> str:
    """Every operation of REST, in the order in which routes are matched within a module."""
    anything: Any = _Anything()
    routes = [route for module in BUILT_IN for router in module.routers(anything, anything) for route in router.routes]
    rows = (
        (
            " ".join(sorted(route.methods)),
            f"`{route.path.replace(':path', '')}`",
            inspect.cleandoc(route.endpoint.__doc__).split("\n")[0],
        )
        for route in routes
    )
    return table(("method", "path", "what it does"), rows)


def calls() -> str:
    """Every rpc, with the first sentence of its comment in the proto."""
    rows = []
    for proto in sorted((REPOSITORY / "adapters/inbound/grpc/proto").rglob("*.proto"), reverse=True):
        text = proto.read_text(encoding="utf-8")
        (service,) = re.findall(r"^service (\w+)", text, re.MULTILINE)
        for comment, name in re.findall(r"((?:^ +// .*\n)+)^ +rpc (\w+)", text, re.MULTILINE):
            said = " ".join(line.strip().removeprefix("// ") for line in comment.splitlines())
            rows.append((f"`{service}/{name}`", said.partition(". ")[0].rstrip(".") + "."))
    return table(("rpc", "what it does"), iter(rows))


class _Anything:
    """Stands for use cases and infrastructure where routers are only looked at: they keep them and call nothing."""

    def __getattr__(self, _name: str) -> "_Anything":
        return self


PARTS: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "rest-operations": operations,
    "grpc-calls": calls,
    "error-codes": error_codes,
    "verdict-codes": verdict_codes,
    "clubs-permissions": lambda: permissions(CLUBS),
    "clubs-events": lambda: events("core.clubs"),
    "log-events": lambda: events("core.log"),
    "log-permissions": lambda: permissions(LOG),
    "witness-functions": lambda: table(("function", "arguments", "event", "what it does"), witness.functions()),
    "witness-answers": witness.answers,
    "witness-refusals": lambda: table(("reason", "status", "sentence"), witness.refusals()),
    "witness-limits": lambda: table(("what", "at most"), witness.limits()),
    "agreement-life-cycle": lambda: drawing(agreement_states.LIFE_CYCLE),
    "visit-life-cycle": lambda: drawing(visit_states.LIFE_CYCLE),
    "membership-life-cycle": lambda: drawing(member.TENURES),
}


def _error_row(code: str, error: type[ConcordatError]) -> tuple[str, ...]:
    http = next((str(int(HTTP_STATUS[kind])) for kind in error.__mro__ if kind in HTTP_STATUS), "500")
    grpc = next((GRPC_STATUS[kind].name for kind in error.__mro__ if kind in GRPC_STATUS), "INTERNAL")
    kind = next((name for name, kind in KINDS.items() if issubclass(error, kind)), "")
    # What one edge alone knows is never said by the other.
    http = "" if error.__module__.startswith("adapters.inbound.grpc") else http
    grpc = "" if error.__module__.startswith("adapters.inbound.rest") else grpc
    said = " ".join(inspect.cleandoc(error.__doc__ or "").split("\n\n")[0].split())
    return f"`{code}`", kind, http, grpc, error.title, said


def _event_row(kind: str, event: type[Event]) -> tuple[str, ...]:
    hidden = [*personal_fields(event)]
    for name, held in get_type_hints(event).items():
        if is_dataclass(held):
            hidden += [f"{name}.{inner}" for inner in personal_fields(cast(type, held))]
    return f"`{kind}`", " ".join((event.__doc__ or "").split()), ", ".join(f"`{name}`" for name in hidden)


def _events() -> Iterator[type[Event]]:
    waiting = Event.__subclasses__()
    while waiting:
        event = waiting.pop()
        waiting += event.__subclasses__()
        if "type" in vars(event):
            yield event
