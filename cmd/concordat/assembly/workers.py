"""The log's workers put together from infrastructure: integrator, signer, anchorer and witnesses in a row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from adapters.inbound.jobs.pipeline import Pipeline
from adapters.inbound.jobs.runner import Job
from adapters.inbound.jobs.trouble import teller
from adapters.inbound.rest.edge.metrics import Reading
from adapters.outbound.sql.log import SqlLogTx
from app.log.anchorer import Anchorer
from app.log.anchoring import Anchoring
from app.log.guard import Guard
from app.log.integrator import Integrator
from app.log.keys import LogKeys
from app.log.publisher import Publisher
from app.log.rebuild import Rebuild
from app.log.restoration import Planner
from app.log.rotation import Rotation
from app.log.signer import Signer
from app.log.witnessing import Witnessing
from app.workers import Turns
from concordat.module import Infrastructure


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWorkers:
    """One set of them runs in the whole deployment."""

    pipeline: Pipeline
    anchoring: Anchoring

    def jobs(self, i: Infrastructure) -> Sequence[Job]:
        """Wishes to be anchored are looked for as often as records, and wake the anchorer."""
        pipeline, rhythm = self.pipeline, i.rhythm
        return (
            Job(name="log.integrate", every_seconds=rhythm.integrate_seconds, tick=pipeline.integrate),
            Job(name="log.sign", every_seconds=rhythm.sign_seconds, tick=pipeline.sign),
            Job(name="log.anchor", every_seconds=rhythm.anchor_seconds, tick=pipeline.anchor, wake=pipeline.wanted),
            Job(name="log.wishes", every_seconds=rhythm.integrate_seconds, tick=self.hear_wishes),
            Job(name="log.rotate", every_seconds=rhythm.integrate_seconds, tick=pipeline.rotate),
            *(
                Job(
                    name=f"log.witness.{witness.name}",
                    every_seconds=rhythm.anchor_seconds,
                    tick=partial(pipeline.witness, witness),
                    wake=witness.wanted,
                )
                for witness in pipeline.witnesses
            ),
        )

    def alarms(self) -> Sequence[str]:
        """Why nothing should be served here: a log that contradicts the ledger is not signed any further."""
        return [str(frozen) for frozen in self.pipeline.guard.frozen.values()]

    def gauges(self, i: Infrastructure) -> Sequence[Reading]:
        """How far the logs are anchored and witnessed, of the deployment: a series of each log would be without bound.

        Nothing in a process whose workers do not run: it does not know.
        """
        pipeline = self.pipeline
        if not pipeline.knows:
            return ()
        waiting = pipeline.waiting.values()
        lag = (i.now() - min(waiting)).total_seconds() if waiting else 0
        anchored = sum(pipeline.anchorer.anchored.values())
        return (
            Reading(name="concordat_anchored_leaves", help="Leaves of all logs that are anchored", value=anchored),
            Reading(name="concordat_anchor_waiting_logs", help="Logs that wait for the ledger", value=len(waiting)),
            Reading(name="concordat_anchor_lag_seconds", help="How long the longest of them has waited", value=lag),
            *(reading for witness in pipeline.witnesses for reading in _of_witness(witness)),
        )

    async def hear_wishes(self) -> None:
        """Let the anchorer hurry when anybody asked for it, in whichever process."""
        if await self.anchoring.wanted():
            self.pipeline.hurry()


def _of_witness(witness: Witnessing) -> Iterator[Reading]:
    """Whether it answered last, how many logs wait for it, and how many it contradicts."""
    for name, text, value in (
        ("up", "Whether a witness answered when asked last", witness.down is None),
        ("waiting_logs", "Logs that wait for a witness to cosign", len(witness.waiting)),
        ("disputed_logs", "Logs that a witness contradicts", len(witness.disputed)),
    ):
        yield Reading(name=f"concordat_witness_{name}", help=text, value=value, labels={"witness": witness.name})


def build_keys(i: Infrastructure) -> LogKeys:
    """The keys of the logs, wherever they are known."""
    return LogKeys(secrets=i.secrets, key_pair=i.key_pair, ledger=i.ledger)


def build_rotation(i: Infrastructure, guard: Guard) -> Rotation:
    """Exchanges keys of logs; its `tick` is the worker's."""
    return Rotation(
        begin=i.begin(SqlLogTx),
        look=i.look(SqlLogTx),
        guard=guard,
        backlog=i.backlog,
        turns=Turns(now=i.now, tell=teller("log.rotate")),
        random_bytes=i.random_bytes,
    )


def build_guard(i: Infrastructure) -> Guard:
    """It knows of no log yet whether anything contradicts it."""
    return Guard(
        look=i.look(SqlLogTx),
        ledger=i.ledger,
        publisher=Publisher(publication=i.publication),
        keys=build_keys(i),
    )


def build_rebuild(i: Infrastructure) -> Rebuild:
    """What brings logs back after a restore; no worker may run beside it."""
    guard = build_guard(i)
    planner = Planner(look=guard.look, guard=guard, signatures=i.signatures)
    return Rebuild(begin=i.begin(SqlLogTx), backlog=i.backlog, guard=guard, planner=planner, now=i.now)


def build_witnessing(i: Infrastructure, guard: Guard) -> tuple[Witnessing, ...]:
    """The witnesses of the policy that have a URL, so that they can be asked."""
    if i.cosigners is None:
        return ()
    return tuple(
        Witnessing(
            name=name,
            key=i.witnesses.keys[name],
            url=url,
            begin=i.begin(SqlLogTx),
            look=i.look(SqlLogTx),
            cosigners=i.cosigners,
            guard=guard,
            turns=Turns(now=i.now, tell=teller(f"log.witness.{name}")),
            verify=i.signatures.ed25519,
            now=i.now,
        )
        for name, url in i.witnesses.urls.items()
    )


def build_workers(i: Infrastructure) -> LogWorkers:
    """Nothing runs yet."""
    begin, look, guard = i.begin(SqlLogTx), i.look(SqlLogTx), build_guard(i)

    def turns(job: str) -> Turns:
        return Turns(now=i.now, tell=teller(job))

    pipeline = Pipeline(
        guard=guard,
        integrator=Integrator(begin=begin, backlog=i.backlog, guard=guard, turns=turns("log.integrate")),
        signer=Signer(
            begin=begin, look=look, guard=guard, turns=turns("log.sign"), now=i.now, random_bytes=i.random_bytes
        ),
        anchorer=Anchorer(
            begin=begin,
            look=look,
            ledger=i.ledger,
            guard=guard,
            turns=turns("log.anchor"),
            settling=turns("log.anchor"),
            now=i.now,
        ),
        rotation=build_rotation(i, guard),
        backlog=i.backlog,
        now=i.now,
        witnesses=build_witnessing(i, guard),
    )
    return LogWorkers(
        pipeline=pipeline,
        anchoring=Anchoring(begin=begin, allow=i.allow, backlog=i.backlog, turns=turns("log.wishes")),
    )
