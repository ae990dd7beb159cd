"""The ledger on Hyperledger Fabric: rounds of checkpoints as transactions of the contract `witness`, never twice.

A round's transaction id follows from what it brings and from the number of the attempt. The signed transaction is kept
before it is sent, and sent again until its outcome is certain; only then may another attempt be made.
"""

import asyncio
import hmac
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

from adapters.outbound.fabric.attesting import Told, about_answered, asked_one_by_one, attested_read
from adapters.outbound.fabric.faults import answering
from adapters.outbound.fabric.gateway.errors import (
    VALID,
    CommitStatusError,
    EndorseError,
    EvaluateError,
    Fault,
    SubmitError,
)
from adapters.outbound.fabric.gateway.gateway import Contract
from adapters.outbound.fabric.gateway.signables import (
    NONCE_SIZE,
    Argument,
    Endorsed,
    Proposal,
    action_of,
    status_question,
)
from core.log.errors import EvidenceInvalid
from core.log.fabric.attested import CHECKPOINT_FUNCTION, CheckEndorsement, has_writes
from core.log.trust import KeyRange, LedgerTrust, parse_range
from core.log.witness import Reason
from ports.attempts import REFUSED, Attempt, Attempts
from ports.ledger import (
    Anchored,
    CommitUnknown,
    LedgerBusy,
    LedgerHead,
    LedgerRejected,
    Submission,
)
from shared.canonical import b64url, dumps, loads, unb64url

Answer = Anchored | LedgerRejected
MOST_ITEMS = 100
"""As many checkpoints as the contract takes in one transaction."""

MOST_ATTEMPTS = 5
_NAMES = {VALID: "valid"}
_FINAL = frozenset({Fault.ACCESS_DENIED, Fault.TOO_LARGE, Fault.CONFIGURATION})
"""Faults of Submit after which the orderer will never take the transaction."""

_NOT_REACHED = "UNAVAILABLE"
"""The code of a peer that cannot be connected to, and of an orderer that cannot."""

_MOMENTARY = frozenset({Fault.MISMATCH, Fault.UNDERWAY})
"""Faults of Endorse that pass by themselves: a peer has not committed yet what another one has, or is at it already."""

PAUSES_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Before each further try, where the trouble is of that kind."""

OUTCOMES = ("valid", "void", "refused", "unknown")
"""What becomes of a transaction: in a block, in a block and void, refused by the orderer, or not known yet."""

_NOBODY = "concordat/nobody/1"
"""A log that nobody registers: asking for it shows whether the contract answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for a commit before the same bytes are sent again, in seconds, and how often that is done."""

    asked_first_seconds: float = 1.0
    commit_seconds: float = 15.0
    sendings: int = 3


class FabricLedger:
    """Implements ports.ledger.Ledger. `secret` (32 bytes) makes transaction ids that nobody can foresee.

    `failures` counts what the Gateway refused, `outcomes` what became of transactions, since the process began.
    """

    def __init__(
        self,
        contract: Contract,
        attempts: Attempts,
        trust: LedgerTrust,
        secret: bytes,
        check: CheckEndorsement,
        *,
        patience: Patience | None = None,
    ) -> None:
        self._contract = contract
        self._attempts = attempts
        self._trust = trust
        self._secret = secret
        self._check = check
        self._patience = patience or Patience()
        self._turn = asyncio.Lock()
        """Whoever brings the same at the same time makes the same transaction id, which peers endorse one at a time."""
        self.failures = Counter(dict.fromkeys(Fault, 0))
        self.outcomes = Counter(dict.fromkeys(OUTCOMES, 0))

    async def head(self, origin: str) -> LedgerHead | None:
        answer = await self.ask("Head", origin)
        if answer is None:
            return None
        return LedgerHead(size=answer["size"], root=unb64url(answer["root"]))

    async def keys(self, origin: str) -> Sequence[KeyRange]:
        answer = await self.ask("Keys", origin, absent=Reason.UNKNOWN_ORIGIN)
        return () if answer is None else tuple(parse_range(each) for each in answer["keys"])

    async def origins(self) -> Sequence[str]:
        found: list[str] = []
        while page := await self.ask("Origins", found[-1] if found else ""):
            found += page
        return found

    async def register(self, origin: str, verifier_key: str) -> None:
        await self.transact("RegisterLog", origin, verifier_key)

    async def rotate(self, origin: str, size: int, verifier_key: str, signatures: tuple[bytes, bytes]) -> None:
        await self.transact("RotateKey", origin, str(size), verifier_key, *map(b64url, signatures))

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Answer]:
        answers: list[Answer] = []
        for start in range(0, len(submissions), MOST_ITEMS):
            answers += _answers(await self.transact("Anchor", _items(submissions[start : start + MOST_ITEMS])))
        return answers

    async def transact(self, function: str, *arguments: Argument) -> Endorsed:
        """A call as a transaction that is in a block and valid, whatever it takes, or that would change nothing.

        Raises LedgerRejected where the contract refuses the call.
        """
        async with self._turn:
            with answering(self.failures):
                await self._settle_left()
                return await self._round(function, *arguments)

    async def ask(self, function: str, *arguments: Argument, absent: Reason = Reason.NOT_HELD) -> Any:
        """What one peer answers to a read; None where the contract says `absent`."""
        with answering(self.failures):
            try:
                return loads(await self._contract.evaluate(function, *arguments))
            except EvaluateError as error:
                if _says(error, absent):
                    return None
                raise

    async def evidence(self, origin: str, size: int) -> dict[str, object] | None:
        return await self.attested((CHECKPOINT_FUNCTION, origin, str(size)), about_answered)

    async def attested(self, call: tuple[str, ...], told: Told) -> dict[str, object] | None:
        """An attested read of the contract as evidence; None where nothing is held."""
        with answering(self.failures):
            try:
                return await self._attested(call, told)
            except EndorseError as error:
                if _says(error, Reason.NOT_HELD):
                    return None
                raise

    async def trust(self) -> dict[str, object]:
        return {**self._trust.to_json()}

    async def check(self) -> None:
        await self.head(_NOBODY)

    async def _settle_left(self) -> None:
        """What was kept by whomever, and whose outcome nobody knows yet."""
        for attempt in await self._attempts.unsettled():
            # Of what was refused for good, say since its identity has expired, another attempt may be made.
            with suppress(SubmitError):
                await self._settled(attempt, asking_first=True)

    async def organisations(self) -> Mapping[str, Fault | None]:
        """What each organisation's peers say when one of them is asked to endorse: None where it answers."""
        return await asked_one_by_one(self._contract, self._contract.propose("Head", _NOBODY), self._trust)

    async def _round(self, function: str, *arguments: Argument) -> Endorsed:
        """One transaction of this call, attempt after attempt until one is valid."""
        brought = b"\0".join(each.encode() if isinstance(each, str) else each for each in (function, *arguments))
        digest = sha256(brought).digest()
        last = await self._attempts.newest(digest)
        # One that another worker has kept meanwhile is the same for us until its outcome is known.
        first = 0 if last is None else last.number + (last.outcome is not None)
        for number in range(first, first + MOST_ATTEMPTS):
            nonce = hmac.digest(self._secret, brought + b"\0" + str(number).encode(), "sha256")[:NONCE_SIZE]
            transaction = await self._endorsed(self._contract.propose(function, *arguments, nonce=nonce))
            if transaction is None:
                continue
            if not has_writes(action_of(transaction.data).results):
                return transaction
            attempt = Attempt(
                round=digest, number=number, tx_id=transaction.transaction_id, envelope=transaction.envelope
            )
            attempt = await self._attempts.keep(attempt)
            if await self._settled(attempt, asking_first=False) == VALID:
                return Endorsed.from_envelope(attempt.envelope)
        raise _conflict()

    async def _endorsed(self, proposal: Proposal) -> Endorsed | None:
        """The signed transaction of an attempt; None where one of its id is in a block already, valid or not."""
        try:
            transaction = await self._agreed(proposal)
        except EndorseError as error:
            if error.fault is Fault.DUPLICATE:
                return None
            raise _refused(error) from error
        return self._contract.gateway.signed(transaction)

    async def _agreed(self, proposal: Proposal) -> Endorsed:
        """The endorsers' word, asked again for a while where they are only not of one mind yet."""
        for pause in PAUSES_SECONDS:
            try:
                return await self._contract.gateway.endorse(proposal)
            except EndorseError as error:
                if error.fault not in _MOMENTARY:
                    raise
            await asyncio.sleep(pause)
        return await self._contract.gateway.endorse(proposal)

    async def _attested(self, call: tuple[str, ...], told: Told) -> dict[str, object]:
        """An attested read; whose peer has not committed what is asked for is given a while. Raises LedgerBusy."""
        for pause in (*PAUSES_SECONDS, None):
            try:
                read = await attested_read(self._contract, call, told, self._trust, self._check)
            except EvidenceInvalid as error:
                if pause is None:
                    raise LedgerBusy(fault=error.reason, stage="evidence", remedy="ask again") from error
                await asyncio.sleep(pause)
            else:
                return {**read.to_json()}
        raise AssertionError("the last try returns or raises")

    async def _settled(self, attempt: Attempt, *, asking_first: bool) -> int:
        """The outcome of an attempt, noted; the same bytes are sent as often as it takes.

        Raises CommitUnknown, and SubmitError where the orderer will never take it, which is noted as REFUSED.

        The orderer's word that it has a transaction is worth nothing: one that was killed right after has lost it.
        """
        outcome = await self._asked(attempt, self._patience.asked_first_seconds) if asking_first else None
        for _sending in range(self._patience.sendings):
            if outcome is None:
                await self._sent(attempt)
                outcome = await self._asked(attempt, self._patience.commit_seconds)
        if outcome is None:
            self.outcomes["unknown"] += 1
            raise CommitUnknown(tx_id=attempt.tx_id)
        self.outcomes[_NAMES.get(outcome, "void")] += 1
        await self._attempts.settle(attempt, outcome)
        return outcome

    async def _sent(self, attempt: Attempt) -> None:
        """What became of it must be asked. Raises SubmitError where the orderer will never take it."""
        try:
            await self._contract.gateway.submit(Endorsed.from_envelope(attempt.envelope))
        except SubmitError as error:
            # What kept us from a peer is no word of the orderer, which may have it from an earlier sending.
            if error.fault in _FINAL and error.code != _NOT_REACHED:
                self.outcomes["refused"] += 1
                await self._attempts.settle(attempt, REFUSED)
                raise

    async def _asked(self, attempt: Attempt, seconds: float) -> int | None:
        """The peer's word on the transaction; None where it has none within this time."""
        gateway = self._contract.gateway
        question = status_question(gateway.identity.serialized, self._contract.channel, attempt.tx_id)
        try:
            return (await gateway.commit_status(question, within_seconds=seconds)).code
        except CommitStatusError as error:
            if error.fault in (Fault.OUTCOME_UNKNOWN, Fault.OVERLOADED):
                return None
            raise


def _conflict() -> LedgerBusy:
    return LedgerBusy(fault="conflict", stage="submit", remedy="others write of the same logs at the same time")


def _items(submissions: Sequence[Submission]) -> bytes:
    """The argument of Anchor."""
    return dumps(
        [
            {
                "note": one.checkpoint,
                "old_size": one.old_size,
                "proof": [b64url(each) for each in one.proof],
            }
            for one in submissions
        ]
    )


def _answers(transaction: Endorsed) -> list[Answer]:
    """What the contract said of each item."""
    return [_answer(each) for each in cast("list[Any]", loads(transaction.response.payload))]


def _answer(said: dict[str, Any]) -> Answer:
    if "reason" in said:
        return LedgerRejected(**said)
    return Anchored(origin=said["origin"], size=said["size"])


def _says(error: EvaluateError | EndorseError, reason: Reason) -> bool:
    return error.contract is not None and error.contract[1].startswith(f"{reason}: ")


def _refused(error: EndorseError) -> EndorseError | LedgerRejected:
    """The contract's refusal where it is one that we know, else the error as it is."""
    reason, _, detail = ("", "", "") if error.contract is None else error.contract[1].partition(": ")
    if reason not in set(Reason):
        return error
    return LedgerRejected(reason=reason, origin=None, stored_size=0, detail=detail)
