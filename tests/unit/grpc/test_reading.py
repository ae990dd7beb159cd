"""Strict reading: messages whose every part is known, fields in one spelling, conditions that mean something."""

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from adapters.inbound.grpc.edge.fields import Fields
from adapters.inbound.grpc.edge.messages import MOST_VIOLATIONS, read
from adapters.inbound.grpc.edge.refusals import FieldsRefused, MalformedMessage
from adapters.inbound.grpc.generated.concordat.v1 import log_pb2 as log
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from shared.errors import ConcordatError


@given(st.binary(max_size=200))
def test_no_bytes_make_reading_fail_otherwise_than_by_a_refusal(data: bytes) -> None:
    for parse in (pb.RequestVisitRequest.FromString, pb.ListVisitsRequest.FromString, log.GetProofRequest.FromString):
        try:
            read(data, parse)
        except (MalformedMessage, FieldsRefused) as error:
            assert isinstance(error, ConcordatError)


def test_fault_inside_a_nested_message_is_named_by_its_path() -> None:
    query = log.ConsistencyQuery(origin="a\0")
    query.MergeFromString(b"\x78\x01")
    with pytest.raises(FieldsRefused) as caught:
        read(log.GetProofRequest(consistency=query).SerializeToString(), log.GetProofRequest.FromString)
    assert [each.field for each in caught.value.violations] == ["consistency", "consistency.origin"]


def test_fault_inside_a_repeated_field_is_found_and_there_are_not_too_many_of_them() -> None:
    unknown = FieldDescriptorProto()
    unknown.MergeFromString(b"\xf8\x07\x01")
    message = DescriptorProto(field=[unknown] * 50)
    with pytest.raises(FieldsRefused) as caught:
        read(message.SerializeToString(), DescriptorProto.FromString)
    assert len(caught.value.violations) == MOST_VIOLATIONS


def test_request_with_a_map_is_a_defect_until_somebody_reads_maps() -> None:
    message = Struct()
    message.update({"a": 1})
    with pytest.raises(TypeError):
        read(message.SerializeToString(), Struct.FromString)


def test_faults_are_refused_together_at_the_end_of_the_block() -> None:
    with pytest.raises(FieldsRefused) as caught, Fields(pb.RequestVisitRequest(first_day="x"), "deep.") as fields:
        fields.id("member_id")
        fields.day("first_day")
        fields.refuse("other", "is odd", code="a/b")
        raise ZeroDivisionError
    assert [(each.field, each.reason) for each in caught.value.violations] == [
        ("deep.member_id", "is required"),
        ("deep.first_day", "is not a day such as 2026-03-12"),
        ("deep.other", "is odd"),
    ]


def test_block_without_a_fault_lets_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), Fields(pb.GetVisitRequest()):
        raise ZeroDivisionError
