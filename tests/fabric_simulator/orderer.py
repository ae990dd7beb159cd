"""A single orderer: takes envelopes that pass its filters, cuts blocks by count, bytes and time, keeps the chain."""

import asyncio
from collections.abc import Callable

from adapters.outbound.fabric.gateway.messages import (
    ChannelHeader,
    Envelope,
    Payload,
    SignatureHeader,
)
from shared.protowire import NotProtobuf, decode, encode
from tests.fabric_simulator.channel import Channel, unsatisfied
from tests.fabric_simulator.identities import InvalidIdentity, UnknownIdentity, expires_at
from tests.fabric_simulator.node import Node, Now
from tests.fabric_simulator.state import Block, Changes


class Rejected(Exception):
    """An orderer's answer other than SUCCESS: a status of `common.Status` by name, with its words."""

    def __init__(self, status: str, info: str) -> None:
        super().__init__(f"received unsuccessful response from orderer: status={status}, info={info}")


class Orderer(Node):
    """What is acknowledged and not yet in a block is lost when it is killed."""

    def __init__(self, address: str, channel: Channel, now: Now) -> None:
        super().__init__("orderer", now)
        self.address = address
        self.chain: list[Block] = []
        self.forgetful = False
        """Acknowledges and keeps nothing, until it is started again: as if it died right after each answer."""

        self.watch: Callable[[Envelope], None] | None = None
        """Sees every envelope that comes, before anything is done with it."""

        self._channel = channel
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._changed = Changes()

    async def broadcast(self, envelope: Envelope) -> None:
        """Returns with the acknowledgement; raises Rejected."""
        if self.watch is not None:
            self.watch(envelope)
        self._filter(envelope)
        if not self.forgetful:
            self._order(encode(envelope), len(envelope.payload) + len(envelope.signature))

    def found(self, envelopes: tuple[bytes, ...]) -> None:
        """One of the first blocks, which nobody submits."""
        self._cut_block(envelopes)

    async def block(self, number: int) -> Block:
        """As peers pull it: waits until there is one, and until the orderer lives and is awake."""
        await self._changed.until(lambda: self.alive and len(self.chain) > number)
        await self.awake()
        return self.chain[number]

    async def kill(self) -> None:
        self._pending, self._pending_bytes = [], 0
        self._stop_timer()
        await super().kill()

    def revive(self) -> None:
        self.forgetful = False
        super().revive()
        self._changed.tell()

    def _filter(self, envelope: Envelope) -> None:
        channel = self._channel
        try:
            header = decode(Payload, envelope.payload).header
            if header is None:
                raise NotProtobuf("header not set")
            named = decode(ChannelHeader, header.channel_header).channel_id
            creator = decode(SignatureHeader, header.signature_header).creator
        except NotProtobuf as error:
            raise Rejected("BAD_REQUEST", f"could not determine channel ID: {error.reason}") from error
        if named != channel.name:
            raise Rejected("BAD_REQUEST", "channel does not exist")
        size = len(envelope.payload) + len(envelope.signature)
        if size > channel.limits.absolute_max_bytes:
            allowed = channel.limits.absolute_max_bytes
            raise Rejected(
                "BAD_REQUEST", f"message payload is {size} bytes and exceeds maximum allowed {allowed} bytes"
            )
        expiry = expires_at(creator)
        if expiry is not None and self.now() > expiry.timestamp() * 1_000_000_000:
            raise Rejected("BAD_REQUEST", "broadcast client identity expired")
        try:
            allowed_to = channel.may_write(channel.membership.signed(creator, envelope.payload, envelope.signature))
        except (UnknownIdentity, InvalidIdentity):
            allowed_to = False
        if not allowed_to:
            raise Rejected("FORBIDDEN", f"{unsatisfied('Writers')}: permission denied")

    def _order(self, envelope: bytes, size: int) -> None:
        limit = self._channel.limits.preferred_max_bytes
        if self._pending and self._pending_bytes + size > limit:
            self._cut_pending()
        if size > limit:
            self._cut_block((envelope,))
            return
        self._pending.append(envelope)
        self._pending_bytes += size
        if len(self._pending) >= self._channel.limits.max_message_count:
            self._cut_pending()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._channel.limits.batch_timeout_seconds, self._time_is_over)

    def _time_is_over(self) -> None:
        """A block that is due while the orderer stands still is cut when it goes on."""
        self._timer = None
        self.background(self._cut_when_awake())

    async def _cut_when_awake(self) -> None:
        await self.awake()
        self._cut_pending()

    def _cut_pending(self) -> None:
        self._stop_timer()
        if self._pending:
            envelopes, self._pending, self._pending_bytes = tuple(self._pending), [], 0
            self._cut_block(envelopes)

    def _cut_block(self, envelopes: tuple[bytes, ...]) -> None:
        previous = self.chain[-1].hash if self.chain else b""
        self.chain.append(Block(number=len(self.chain), previous_hash=previous, envelopes=envelopes))
        self._changed.tell()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
