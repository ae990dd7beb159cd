"""Looking after parked messages: one is found, and delivered again to the consumer that could not handle it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.workers import worker
from ports.bus import Handler
from ports.log import LogTx
from ports.parking import NoSuchConsumer, NotParked, ParkedMessage, Parking
from ports.unit_of_work import Begin


@dataclass(frozen=True, kw_only=True)
class ParkedMessages:
    """Whoever runs the deployment looks after them, so no permission guards them. `handlers` are those of the bus."""

    look: Begin[LogTx]
    parking: Parking
    handlers: Mapping[str, Handler]

    async def of(self, event_id: UUID, consumer: str | None = None) -> Sequence[ParkedMessage]:
        """What is parked of an event, for this consumer or for any; raises NotParked."""
        found = [one for one in await self.parking.of(event_id) if consumer in (None, one.consumer)]
        if not found:
            raise NotParked(event_id=event_id, **({} if consumer is None else {"consumer": consumer}))
        return found

    async def retry(self, parked: ParkedMessage) -> None:
        """Deliver it to its consumer alone, whose inbox makes the effect happen once; then it is parked no more.

        Raises NoSuchConsumer, and whatever the consumer raises: it stays parked then.
        """
        handler = self.handlers.get(parked.consumer)
        if handler is None:
            raise NoSuchConsumer(consumer=parked.consumer)
        async with self.look(worker("parked", parked.club)) as tx:
            message = (await tx.log.messages([parked.event_id]))[parked.event_id]
        await handler(message)
        await self.parking.drop(parked)
