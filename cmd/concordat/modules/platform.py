"""The manifest of what every module stands on: the event table, its relay to the bus, idempotent answers."""

from adapters.inbound.jobs.runner import Job
from adapters.outbound.sql.log import SqlLogTx
from app.relay import Relay
from concordat.module import Infrastructure, Module


def build(i: Infrastructure) -> Relay:
    return Relay(begin=i.begin(SqlLogTx), backlog=i.backlog, bus=i.bus)


PLATFORM = Module(
    name="platform",
    docs="docs/modules/platform.md",
    build=build,
    permissions=frozenset(),
    tables=frozenset({"directory", "event", "pending", "inbox", "parked", "answer"}),
    codes=frozenset({"auth", "bus", "canonical", "database", "idempotency", "request", "secrets"}),
    packages=("shared", "ports.unit_of_work", "ports.tokens", "ports.bus", "ports.secrets"),
    jobs=lambda relay, i: [Job(name="platform.relay", every_seconds=i.rhythm.relay_seconds, tick=relay.tick)],
)
