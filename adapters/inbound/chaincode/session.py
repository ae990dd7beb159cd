"""One peer's stream: registration, and then any number of transactions at once, each a task of its own."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

import structlog

from adapters.inbound.chaincode.messages import (
    ChaincodeAdditionalParams,
    ChaincodeEvent,
    ChaincodeID,
    ChaincodeMessage,
    Kind,
    Response,
)
from adapters.inbound.chaincode.stub import REFUSED, Answer, Contract, StateUnavailable
from adapters.inbound.chaincode.transaction import Conversation, Send, Transaction
from shared.protowire import NotProtobuf, decode, encode

LONGEST_SECONDS = 60.0
"""A peer has given a transaction up long before (30 s, unless set otherwise), and takes no answer any more."""

_DEFECT = Answer(status=500, message="defect: the contract failed; its log says how")
_UNAVAILABLE = Answer(status=500, message="unavailable: the peer did not answer the contract in time, or refused it")

Key = tuple[str, str]
log: structlog.typing.FilteringBoundLogger = structlog.get_logger("concordat.chaincode")


class StreamBroken(Exception):
    """The peer sent what no peer sends at this point; there is nothing to go on from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    conversation: Conversation
    task: "asyncio.Task[None]"


class Session:
    """Serves `contract` on one stream; `package_id` is what the peer knows it by. `send` may wait, and keeps order."""

    def __init__(self, contract: Contract, package_id: str, send: Send) -> None:
        self._contract = contract
        self._package_id = package_id
        self._send = send
        self._awaited: Kind | None = Kind.REGISTERED
        self._offers = ChaincodeAdditionalParams()
        self._running: dict[Key, _Running] = {}

    async def run(self, incoming: AsyncIterator[bytes]) -> None:
        """Until the peer ends the stream; raises NotProtobuf or StreamBroken. Nothing goes on afterwards."""
        register = encode(ChaincodeID(name=self._package_id))
        await self._send(ChaincodeMessage(type=Kind.REGISTER, payload=register))
        try:
            async for data in incoming:
                await self._take(decode(ChaincodeMessage, data))
        finally:
            left = [each.task for each in self._running.values()]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def drain(self) -> None:
        """Returns once no transaction is under way."""
        while self._running:
            await asyncio.wait([each.task for each in self._running.values()])

    async def _take(self, message: ChaincodeMessage) -> None:
        if message.type == Kind.KEEPALIVE:
            await self._send(message)
        elif self._awaited is not None:
            self._register(message)
        elif message.type in {Kind.TRANSACTION, Kind.INIT}:
            self._begin(message)
        elif message.type in {Kind.RESPONSE, Kind.ERROR}:
            running = self._running.get((message.channel_id, message.txid))
            if running is None or not running.conversation.hear(message):
                log.debug("answer_without_question", channel=message.channel_id, tx_id=message.txid)
        else:
            raise StreamBroken(f"a message of type {message.type}")

    def _register(self, message: ChaincodeMessage) -> None:
        if message.type != self._awaited:
            raise StreamBroken(f"a message of type {message.type} before the registration was over")
        if self._awaited is Kind.REGISTERED:
            self._awaited = Kind.READY
            return
        self._awaited, self._offers = None, decode(ChaincodeAdditionalParams, message.payload)
        batches, many = self._offers.use_write_batch, self._offers.use_get_multiple_keys
        log.info("peer_ready", package_id=self._package_id, write_batches=batches, multiple_keys=many)

    def _begin(self, message: ChaincodeMessage) -> None:
        key = message.channel_id, message.txid
        if key in self._running:
            # The peer has given the first one up, and was asked the same again.
            self._running[key].task.cancel()
        conversation = Conversation(self._send, *key)
        task = asyncio.create_task(self._transact(message, conversation))
        self._running[key] = _Running(conversation=conversation, task=task)
        task.add_done_callback(partial(self._end, key))

    def _end(self, key: Key, task: "asyncio.Task[None]") -> None:
        if key in self._running and self._running[key].task is task:
            del self._running[key]
        if not task.cancelled() and task.exception() is not None:
            log.warning("answer_not_sent", channel=key[0], tx_id=key[1], error=type(task.exception()).__name__)

    async def _transact(self, message: ChaincodeMessage, conversation: Conversation) -> None:
        answer, event = await self._answer(message, conversation)
        log.info("transaction", channel=message.channel_id, tx_id=message.txid, status=answer.status)
        response = Response(status=answer.status, message=answer.message, payload=answer.payload)
        await conversation.complete(response, event)

    async def _answer(
        self, message: ChaincodeMessage, conversation: Conversation
    ) -> tuple[Answer, ChaincodeEvent | None]:
        """No defect and no text of an exception reaches the peer: its answers must be the same everywhere."""
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                transaction = Transaction(message, conversation, self._offers)
                answer = await self._contract(transaction)
                if answer.status >= REFUSED:
                    return answer, None
                await transaction.write()
                return answer, transaction.event
        except (StateUnavailable, TimeoutError) as error:
            log.warning("state_unavailable", channel=message.channel_id, tx_id=message.txid, reason=str(error))
            return _UNAVAILABLE, None
        except NotProtobuf as error:
            log.warning("malformed_transaction", channel=message.channel_id, tx_id=message.txid, reason=error.reason)
            return _DEFECT, None
        except Exception:
            log.exception("defect", channel=message.channel_id, tx_id=message.txid)
            return _DEFECT, None
