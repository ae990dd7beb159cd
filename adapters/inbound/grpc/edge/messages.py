"""Reading messages strictly: what protobuf would pass over in silence is refused, with the field's name."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from adapters.inbound.grpc.edge.refusals import FieldsRefused, MalformedMessage, Violation

MOST_VIOLATIONS = 20

Parse = Callable[[bytes], Message]


def read(data: bytes, parse: Parse) -> Message:
    """The message in `data`; raises MalformedMessage and FieldsRefused."""
    try:
        message = parse(data)
    except DecodeError:
        raise MalformedMessage from None
    violations = [found for found, _ in zip(_violations(message, ""), range(MOST_VIOLATIONS), strict=False)]
    if violations:
        raise FieldsRefused(violations)
    return message


def _violations(message: Message, path: str) -> Iterator[Violation]:
    if len(UnknownFieldSet(message)):
        yield Violation(field=path.rstrip("."), reason="has a field that this version does not know")
    for oneof in message.DESCRIPTOR.oneofs:
        # The compiler makes a oneof of its own, called after the field, of every optional one.
        made = len(oneof.fields) == 1 and oneof.name == f"_{oneof.fields[0].name}"
        if not made and cast(Any, message).WhichOneof(oneof.name) is None:
            choices = " or ".join(field.name for field in oneof.fields)
            yield Violation(field=f"{path}{oneof.name}", reason=f"is required: {choices}")
    for field, value in message.ListFields():
        for item in value if field.is_repeated else (value,):
            yield from _of_value(field, item, f"{path}{field.name}")


def _of_value(field: FieldDescriptor, value: object, path: str) -> Iterator[Violation]:
    """Maps come by their keys alone: no request has one, and the walk says so rather than pass over it."""
    if isinstance(value, Message):
        yield from _violations(value, f"{path}.")
    elif field.message_type is not None:
        raise TypeError(f"{path} is a map, which requests cannot have yet")
    elif field.enum_type is not None and value not in field.enum_type.values_by_number:
        yield Violation(field=path, reason="is a value that this version does not know")
    elif isinstance(value, str) and "\0" in value:
        yield Violation(field=path, reason="has a NUL")
