"""The manifest of what every module stands on: the event table, its relay to the bus, idempotent answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.inbound.jobs.runner import Job
from adapters.inbound.jobs.trouble import teller
from adapters.outbound.sql.log import SqlLogTx
from adapters.outbound.sql.unit_of_work import SqlLeftovers
from app.purge import Purge
from app.relay import Relay
from app.workers import Turns
from concordat.module import Infrastructure, Module

RELAY, PURGE = "platform.relay", "platform.purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformWorkers:
    """Nobody calls these: the clock drives them."""

    relay: Relay
    purge: Purge

    def jobs(self, i: Infrastructure) -> Sequence[Job]:
        return (
            Job(name=RELAY, every_seconds=i.rhythm.relay_seconds, tick=self.relay.tick),
            Job(name=PURGE, every_seconds=i.rhythm.purge_seconds, tick=self.purge.tick),
        )


def build(i: Infrastructure) -> PlatformWorkers:
    return PlatformWorkers(
        relay=Relay(begin=i.begin(SqlLogTx), backlog=i.backlog, bus=i.bus, turns=Turns(now=i.now, tell=teller(RELAY))),
        purge=Purge(leftovers=SqlLeftovers(i.database), backlog=i.backlog, turns=Turns(now=i.now, tell=teller(PURGE))),
    )


PLATFORM = Module(
    name="platform",
    docs="docs/modules/platform.md",
    build=build,
    permissions=frozenset(),
    tables=frozenset({"directory", "event", "pending", "inbox", "parked", "answer"}),
    codes=frozenset({"auth", "bus", "canonical", "database", "idempotency", "protobuf", "request", "secrets"}),
    packages=("shared", "ports.unit_of_work", "ports.tokens", "ports.bus", "ports.parking", "ports.secrets"),
    jobs=lambda workers, i: workers.jobs(i),
)
