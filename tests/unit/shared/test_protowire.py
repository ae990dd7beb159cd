"""The codec against protobuf's own runtime as the oracle, and every malformed input by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from shared.protowire import DEEPEST, NotProtobuf, decode, encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A message inside another, which may hold itself."""

    name: Annotated[str, 1] = ""
    inner: "Annotated[Part | None, 2]" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Every kind of field, the numbers not in the order of the declaration."""

    text: Annotated[str, 3] = ""
    number: Annotated[int, 1] = 0
    data: Annotated[bytes, 2] = b""
    flag: Annotated[bool, 4] = False
    chosen: Annotated[int | None, 5] = None
    part: Annotated[Part | None, 16] = None
    parts: Annotated[tuple[Part, ...], 17] = ()
    texts: Annotated[tuple[str, ...], 18] = ()
    named: Annotated[Mapping[str, bytes], 2000] = field(default_factory=dict)


def _oracle() -> Any:
    """The same message as protobuf declares it."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="sample.proto", package="sample", syntax="proto3")
    part = file.message_type.add(name="Part")
    part.field.add(name="name", number=1, type=kinds.TYPE_STRING, label=1)
    part.field.add(name="inner", number=2, type=kinds.TYPE_MESSAGE, type_name=".sample.Part", label=1)
    sample = file.message_type.add(name="Sample")
    sample.oneof_decl.add(name="_chosen")
    sample.field.add(name="text", number=3, type=kinds.TYPE_STRING, label=1)
    sample.field.add(name="number", number=1, type=kinds.TYPE_INT64, label=1)
    sample.field.add(name="data", number=2, type=kinds.TYPE_BYTES, label=1)
    sample.field.add(name="flag", number=4, type=kinds.TYPE_BOOL, label=1)
    sample.field.add(name="chosen", number=5, type=kinds.TYPE_INT32, label=1, oneof_index=0, proto3_optional=True)
    sample.field.add(name="part", number=16, type=kinds.TYPE_MESSAGE, type_name=".sample.Part", label=1)
    sample.field.add(name="parts", number=17, type=kinds.TYPE_MESSAGE, type_name=".sample.Part", label=3)
    sample.field.add(name="texts", number=18, type=kinds.TYPE_STRING, label=3)
    entry = sample.nested_type.add(name="NamedEntry", options=descriptor_pb2.MessageOptions(map_entry=True))
    entry.field.add(name="key", number=1, type=kinds.TYPE_STRING, label=1)
    entry.field.add(name="value", number=2, type=kinds.TYPE_BYTES, label=1)
    sample.field.add(name="named", number=2000, type=kinds.TYPE_MESSAGE, type_name=".sample.Sample.NamedEntry", label=3)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("sample.Sample"))


ORACLE = _oracle()

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
parts = st.recursive(st.builds(Part, name=texts), lambda inner: st.builds(Part, name=texts, inner=inner), max_leaves=6)
samples = st.builds(
    Sample,
    text=texts,
    number=st.integers(-(1 << 63), (1 << 63) - 1),
    data=st.binary(max_size=300),
    flag=st.booleans(),
    chosen=st.none() | st.integers(-(1 << 31), (1 << 31) - 1),
    part=st.none() | parts,
    parts=st.lists(parts, max_size=3).map(tuple),
    texts=st.lists(texts, max_size=3).map(tuple),
    named=st.dictionaries(texts, st.binary(max_size=9), max_size=4),
)


def _as_oracle(message: Any) -> Any:
    """The oracle's message with the same values."""
    made = ORACLE()
    _fill(made, message)
    return made


def _fill(made: Any, message: Any) -> None:
    for name in message.__dataclass_fields__:
        value = getattr(message, name)
        if isinstance(value, Part):
            getattr(made, name).SetInParent()
            _fill(getattr(made, name), value)
        elif isinstance(value, tuple):
            for one in value:
                _fill(getattr(made, name).add(), one) if isinstance(one, Part) else getattr(made, name).append(one)
        elif isinstance(value, dict):
            for key, one in value.items():
                getattr(made, name)[key] = one
        elif value is not None:
            setattr(made, name, value)


@given(samples)
def test_what_is_written_is_what_protobuf_writes(sample: Sample) -> None:
    theirs = _as_oracle(sample).SerializeToString()
    assert ORACLE.FromString(encode(sample)) == _as_oracle(sample)
    assert sorted(encode(sample)) == sorted(theirs)
    # A map's entries have no order that everybody agrees on.
    assert len(sample.named) > 1 or encode(sample) == theirs


@given(samples)
def test_what_protobuf_writes_is_read(sample: Sample) -> None:
    assert decode(Sample, _as_oracle(sample).SerializeToString(deterministic=True)) == sample
    assert decode(Sample, encode(sample)) == sample


@given(st.binary(max_size=60))
def test_whatever_is_read_protobuf_would_read_too(data: bytes) -> None:
    try:
        sample = decode(Sample, data)
    except NotProtobuf:
        return
    try:
        ORACLE.FromString(data)
    except DecodeError:
        pytest.fail("protobuf itself refuses these bytes")
    assert decode(Sample, encode(sample)) == sample


@given(samples, st.data())
def test_a_message_that_is_cut_short_is_never_the_same_message(sample: Sample, data: st.DataObject) -> None:
    whole = encode(sample)
    cut = whole[: data.draw(st.integers(0, max(len(whole) - 1, 0)))]
    try:
        assert not whole or decode(Sample, cut) != sample or encode(decode(Sample, cut)) == cut
    except NotProtobuf:
        assert cut != whole


MALFORMED = {
    "a varint without an end": b"\x08\x80",
    "a varint of eleven bytes": b"\x08" + b"\x80" * 10 + b"\x01",
    "a varint of more than 64 bits": b"\x08" + b"\xff" * 9 + b"\x02",
    "a length beyond the end": b"\x12\x05abc",
    "a length that is enormous": b"\x12\xff\xff\xff\xff\x0f",
    "a tag without a value": b"\x12",
    "field number 0": b"\x02\x00",
    "a field number out of range": b"\x82\x80\x80\x80\x10\x00",
    "a group": b"\x23\x24",
    "a wire type that does not exist": b"\x27",
    "another wire type than declared": b"\x0a\x00",
    "an unknown field that is cut short": b"\xfd\x01abc",
    "text that is not UTF-8": b"\x1a\x01\xff",
    "a field twice": b"\x08\x01\x08\x01",
    "a message twice": encode(Sample(part=Part())) * 2,
    "a map entry with a key twice": b"\x82\x7d\x04\x0a\x00\x0a\x00",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_bytes_are_refused(name: str) -> None:
    with pytest.raises(NotProtobuf):
        decode(Sample, MALFORMED[name])


def test_fields_that_are_not_declared_are_skipped() -> None:
    unknown = b"\xf8\x01\x05" + b"\xf9\x01" + bytes(8) + b"\xfa\x01\x02hi" + b"\xfd\x01" + bytes(4)
    assert decode(Sample, unknown + encode(Sample(text="a"))) == Sample(text="a")
    assert encode(decode(Sample, unknown)) != unknown


def test_an_absent_value_and_an_empty_one_differ_where_a_field_says_so() -> None:
    assert encode(Sample(chosen=0)) == b"\x28\x00"
    assert decode(Sample, b"\x28\x00").chosen == 0
    assert decode(Sample, b"").chosen is None
    assert decode(Sample, encode(Sample(part=Part()))).part == Part()


def test_messages_are_nested_only_so_deep() -> None:
    deep = Part()
    for _level in range(DEEPEST - 2):
        deep = Part(inner=deep)
    assert decode(Sample, encode(Sample(part=deep))).part == deep
    with pytest.raises(NotProtobuf, match="deeper"):
        decode(Sample, encode(Sample(part=Part(inner=Part(inner=deep)))))


@pytest.mark.parametrize("number", [1 << 63, -(1 << 63) - 1])
def test_an_integer_of_more_than_64_bits_is_not_written(number: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        encode(Sample(number=number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnumbered:
    """A declaration without a field number."""

    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Formless:
    """A declaration with a type that the wire does not have."""

    ratio: Annotated[float, 1] = 0.5


@pytest.mark.parametrize(("message", "said"), [(Unnumbered(), "number"), (Formless(), "no wire form")])
def test_a_declaration_that_makes_no_sense_is_a_defect(message: object, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        encode(message)
