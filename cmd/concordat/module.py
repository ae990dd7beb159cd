"""What a module says of itself, and what it is built from; nothing here knows any one module."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypedDict, TypeVar

from adapters.inbound.jobs.runner import Job
from adapters.inbound.rest.edge.metrics import Reading
from adapters.outbound.sql.database import Database, Session
from adapters.outbound.sql.unit_of_work import SqlBegin, SqlTx
from app.log.audit.catalogue import Audited
from app.log.keys import KeyPair
from concordat.witnesses import Witnesses
from core.log.evidence import Signatures
from ports.authoriser import Allow
from ports.bus import Bus, Handler
from ports.caller import Caller
from ports.cosigners import Cosigners
from ports.ledger import Ledger
from ports.log import Backlog, Publication
from ports.pairs import Pairs
from ports.parking import Parking
from ports.rates import Rates
from ports.reader import Reader
from ports.secrets import Secrets
from ports.tokens import Tokens
from shared.clock import Now
from shared.errors import ConcordatError
from shared.ids import NewId

TxT = TypeVar("TxT", bound=SqlTx)
U = TypeVar("U")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often the workers take their turns, in seconds."""

    integrate_seconds: float
    relay_seconds: float
    sign_seconds: float
    anchor_seconds: float
    conclude_seconds: float
    purge_seconds: float


class Parts(TypedDict, Generic[TxT]):
    """What every class of use cases is given."""

    begin: SqlBegin[TxT]
    look: SqlBegin[TxT]
    read: Reader
    allow: Allow
    now: Now
    new_id: NewId


@dataclass(frozen=True, slots=True, kw_only=True)
class Infrastructure:
    """What modules are built from: ports with an adapter behind each, and clock, ids and randomness as callables."""

    network: str
    database: Database
    read: Reader
    allow: Allow
    backlog: Backlog
    secrets: Secrets
    ledger: Ledger
    pairs: Pairs
    parking: Parking
    bus: Bus
    publication: Publication
    cosigners: Cosigners | None
    witnesses: Witnesses
    tokens: Tokens
    rates: Rates
    cursor_key: bytes
    signatures: Signatures
    key_pair: KeyPair
    now: Now
    new_id: NewId
    random_bytes: Callable[[int], bytes]
    rhythm: Rhythm

    def begin(self, tx: Callable[[Session, Caller], TxT]) -> SqlBegin[TxT]:
        """Opens transactions of a module, whose own kind of transaction `tx` is."""
        return SqlBegin(self.database, tx)

    def look(self, tx: Callable[[Session, Caller], TxT]) -> SqlBegin[TxT]:
        """The same for reading alone: they wait for no writer."""
        return SqlBegin(self.database, tx, reading=True)

    def parts(self, tx: Callable[[Session, Caller], TxT]) -> Parts[TxT]:
        """What a class of use cases over this kind of transaction is built from."""
        return Parts(
            begin=self.begin(tx), look=self.look(tx), read=self.read, allow=self.allow, now=self.now, new_id=self.new_id
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A durable consumer of the bus: its name, the event types that it wants, and what it does with each."""

    consumer: str
    types: frozenset[str]
    handler: Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A gRPC service: its full name, the servicer, and the generated function that adds it to a server."""

    name: str
    servicer: object
    add: Callable[[Any, Any], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module(Generic[U]):
    """One module, announced in one place: `build` makes its use cases, the rest drives them or describes them.

    Names of permissions, consumers and jobs start with the module's own. `network_permissions` are those of the
    permissions that need no club. `codes` are the first words of its error codes, `packages` where its errors are
    defined, `docs` the page that explains it; `alarms` are reasons why this process must not serve, `gauges` what its
    metrics show, `audited` what the audit of the logs has to know of its events.
    """

    name: str
    docs: str
    build: Callable[[Infrastructure], U]
    permissions: frozenset[str]
    network_permissions: frozenset[str] = frozenset()
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tables: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    packages: tuple[str, ...] = ()
    routers: Callable[[U, Infrastructure], Sequence[Any]] = lambda _built, _infrastructure: ()
    services: Callable[[U, Infrastructure], Sequence[Service]] = lambda _built, _infrastructure: ()
    subscriptions: Callable[[U], Sequence[Subscription]] = lambda _built: ()
    jobs: Callable[[U, Infrastructure], Sequence[Job]] = lambda _built, _infrastructure: ()
    alarms: Callable[[U], Sequence[str]] = lambda _built: ()
    gauges: Callable[[U, Infrastructure], Sequence[Reading]] = lambda _built, _infrastructure: ()
    audited: Audited | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A module with the use cases that it built."""

    module: Module[Any]
    use_cases: Any

    def routers(self, infrastructure: Infrastructure) -> Sequence[Any]:
        return self.module.routers(self.use_cases, infrastructure)

    def services(self, infrastructure: Infrastructure) -> Sequence[Service]:
        return self.module.services(self.use_cases, infrastructure)

    def jobs(self, infrastructure: Infrastructure) -> Sequence[Job]:
        return self.module.jobs(self.use_cases, infrastructure)

    def subscriptions(self) -> Sequence[Subscription]:
        return self.module.subscriptions(self.use_cases)

    def alarms(self) -> Sequence[str]:
        return self.module.alarms(self.use_cases)

    def gauges(self, infrastructure: Infrastructure) -> Sequence[Reading]:
        return self.module.gauges(self.use_cases, infrastructure)


def names(module: str, words: str) -> frozenset[str]:
    """Full names out of a module's own words, for manifests that would otherwise repeat themselves."""
    return frozenset(f"{module}.{word}" for word in words.split())


def roles_of(modules: Collection[Module[Any]]) -> dict[str, frozenset[str]]:
    """What each role may do: modules add to each other's roles."""
    roles: dict[str, frozenset[str]] = {}
    for module in modules:
        for role, granted in module.roles.items():
            roles[role] = roles.get(role, frozenset()) | granted
    return roles


def error_codes(module: Module[Any]) -> Iterator[tuple[str, type[ConcordatError]]]:
    """The stable codes of the errors that a module's packages define; only of what is imported by now."""
    packages = tuple(f"{package}." for package in module.packages)
    for error in all_errors():
        if f"{error.__module__}.".startswith(packages):
            yield error.code, error


def all_errors() -> Iterator[type[ConcordatError]]:
    """Every kind of refusal that is imported by now and has a code of its own."""
    waiting: list[type[ConcordatError]] = [ConcordatError]
    while waiting:
        for error in waiting.pop().__subclasses__():
            waiting.append(error)
            if "code" in vars(error):
                yield error
