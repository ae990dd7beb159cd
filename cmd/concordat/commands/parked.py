"""`concordat parked`: the messages that a consumer could not handle, to be delivered again or forgotten."""

import json
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from concordat.failures import USAGE, Failure
from concordat.interrupts import run
from concordat.options import DataFolder, Profile
from concordat.settings import Settings, load
from shared.errors import code_of
from shared.ids import MalformedId, parse_id

if TYPE_CHECKING:
    from app.parked import ParkedMessages
    from ports.parking import ParkedMessage

parked = typer.Typer(help="Messages that a consumer could not handle.", no_args_is_help=True)

Event = Annotated[str, typer.Argument(help="The event's id, as the list shows it.", show_default=False)]
Consumer = Annotated[
    str | None, typer.Option("--consumer", help="Only for this one, of several that it is parked for.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(parked, name="parked")


@parked.command("list")
def show(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per message.")] = False,
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """List what is parked: event, consumer, type, the error's code, and since when.

    The bus tries five times, then it parks a message and goes on with those of other aggregates.
    """
    settings = load(profile=profile, data_folder=data_folder)
    found = run(_list(settings))
    if not found and not as_json:
        typer.echo("Nothing is parked.")
    for one in found:
        typer.echo(json.dumps(_as_json(one)) if as_json else "  ".join(str(value) for value in _as_json(one).values()))


@parked.command("retry")
def retry(event: Event, *, consumer: Consumer = None, profile: Profile = None, data_folder: DataFolder = None) -> None:
    """Deliver a parked message again, to the consumer that could not handle it alone.

    Its inbox makes the effect happen once, whatever happened before. What fails again stays parked, with exit status 1.
    It may run beside a server.
    """
    run(_retry(load(profile=profile, data_folder=data_folder), event, consumer))


@parked.command("drop")
def drop(
    event: Event,
    *,
    consumer: Consumer = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """Forget a parked message: its consumer will never handle it.

    It cannot be undone. The event itself, its records and its receipts stay.
    """
    run(_drop(load(profile=profile, data_folder=data_folder), event, consumer, yes=yes))


async def _list(settings: Settings) -> "Sequence[ParkedMessage]":
    async with _messages(settings) as messages:
        return await messages.parking.list()


async def _retry(settings: Settings, event: str, consumer: str | None) -> None:
    failed = []
    async with _found(settings, event, consumer) as (messages, found):
        for one in found:
            try:
                await messages.retry(one)
            except Exception as error:
                failed.append(f"{one.consumer} ({code_of(error)})")
                if settings.log_level == "debug":
                    traceback.print_exception(error)
            else:
                typer.echo(f"{one.consumer} has handled {one.event_id}: it is parked no more.")
    if failed:
        advice = "Run it again with CONCORDAT_LOG_LEVEL=debug to see where, or drop it."
        raise Failure(f"{event} stays parked for {', '.join(failed)}.", advice)


async def _drop(settings: Settings, event: str, consumer: str | None, *, yes: bool) -> None:
    async with _found(settings, event, consumer) as (messages, found):
        consumers = ", ".join(one.consumer for one in found)
        if not yes:
            typer.confirm(f"Forget {event}, which {consumers} could not handle, for ever?", abort=True)
        for one in found:
            await messages.parking.drop(one)
    typer.echo(f"{event} is parked no more, and {consumers} will not handle it.")


@asynccontextmanager
async def _found(
    settings: Settings, event: str, consumer: str | None
) -> "AsyncIterator[tuple[ParkedMessages, Sequence[ParkedMessage]]]":
    """What is parked of the event; raises Failure for what is no id, and where there is nothing."""
    from ports.parking import NotParked

    advice = "concordat parked list shows what there is."
    try:
        key = parse_id(event)
    except MalformedId:
        raise Failure(f"{event} is not an event's id.", advice, status=USAGE) from None
    async with _messages(settings) as messages:
        try:
            found = await messages.of(key, consumer)
        except NotParked:
            whom = "" if consumer is None else f" for {consumer}"
            raise Failure(f"Nothing of {event} is parked{whom}.", advice) from None
        yield messages, found


@asynccontextmanager
async def _messages(settings: Settings) -> "AsyncIterator[ParkedMessages]":
    from adapters.outbound.sql.log import SqlLogTx
    from app.parked import ParkedMessages
    from concordat.container import migrated

    async with migrated(settings) as system:
        i = system.infrastructure
        handlers = {each.consumer: each.handler for built in system.modules for each in built.subscriptions()}
        yield ParkedMessages(look=i.look(SqlLogTx), parking=i.parking, handlers=handlers)


def _as_json(one: "ParkedMessage") -> dict[str, str]:
    return {
        "event": str(one.event_id),
        "consumer": one.consumer,
        "type": one.type,
        "error": one.error,
        "since": f"{one.at:%Y-%m-%dT%H:%M:%SZ}",
    }
