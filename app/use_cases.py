"""What every use-case class is given, and what most of them share."""

from dataclasses import dataclass, fields
from enum import Enum
from typing import Final, Generic, TypeVar

from ports.authoriser import Allow
from ports.caller import Caller
from ports.reader import Reader, View
from ports.unit_of_work import Begin, Tx
from shared.clock import Now
from shared.errors import StaleVersion
from shared.events import Aggregate
from shared.ids import NewId

TxT = TypeVar("TxT", bound=Tx)
A = TypeVar("A", bound=Aggregate)
V = TypeVar("V", bound=View)
T = TypeVar("T")


class Absent(Enum):
    """What a field of a change holds that its sender left out; None is for one that was sent to be empty."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, kw_only=True)
class UseCases(Generic[TxT]):
    """A module's use cases. `begin` opens a transaction that writes, `look` one that reads and waits for no writer."""

    begin: Begin[TxT]
    look: Begin[TxT]
    read: Reader
    allow: Allow
    now: Now
    new_id: NewId


def as_expected(caller: Caller, aggregate: A) -> A:
    """The aggregate, if it is at the version that the caller expects (rule sh1); raises StaleVersion."""
    if caller.expected_version is not None and caller.expected_version != aggregate.version:
        raise StaleVersion(expected=caller.expected_version, found=aggregate.version)
    return aggregate


def given(value: T | Absent, known: T) -> T:
    """What a change says of a field, or where it says nothing what is known already."""
    return known if value is ABSENT else value


def show(view: type[V], aggregate: Aggregate) -> V:
    """The view of an aggregate: its fields of the same names."""
    return view(**{field.name: getattr(aggregate, field.name) for field in fields(view)})
