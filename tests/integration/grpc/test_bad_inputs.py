"""What each bad input gets, and that it leaves nothing behind: the gRPC rows of the list that all edges are held to."""

import base64
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio

from adapters.inbound.grpc.generated.concordat.v1 import log_pb2 as log
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from tests.integration.grpc.network import Network, Refusal, network_at, refusal, request_of
from tests.support.scenes import found
from tests.support.world import TODAY, caller

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE = grpc.StatusCode
VISITS, LOG = "/concordat.v1.VisitService", "/concordat.v1.LogService"
ID = "019ce161-a9d4-729a-8954-6be6411c63b4"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """One for all of these tests: what they send leaves nothing behind."""
    folder = tmp_path_factory.mktemp("bad-inputs")
    shutil.copyfile(sqlite_template, folder / "concordat.db")
    async with network_at(f"sqlite:///{folder / 'concordat.db'}", folder / "data") as network:
        yield network


async def raw(network: Network, method: str, data: bytes, **metadata: str) -> Refusal:
    """How the server answers these very bytes."""
    call: Any = network.channel.unary_unary(method)
    return await refusal(call(data, metadata=network.home.saying(**metadata)))


async def with_metadata(network: Network, *metadata: tuple[str, str | bytes]) -> Refusal:
    """How the server answers a harmless request that carries exactly this."""
    request = pb.GetVisitRequest(visit_id=ID)
    return await refusal(network.home.visits.GetVisit(request, metadata=metadata))


def field(number: int, wire_type: int, payload: bytes = b"") -> bytes:
    """A field on the wire; a payload of wire type 2 gets its length."""
    return _varint(number << 3 | wire_type) + (_varint(len(payload)) + payload if wire_type == 2 else payload)


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


async def test_no_metadata_is_unauthenticated(network: Network) -> None:
    refused = await with_metadata(network)
    assert (refused.code, refused.reason) == (CODE.UNAUTHENTICATED, "auth/unauthenticated")


@pytest.mark.parametrize("junk", [b"\x00\xff\xfe", b"", bytes(range(256))])
async def test_binary_junk_for_a_credential_is_unauthenticated(network: Network, junk: bytes) -> None:
    alone = await with_metadata(network, ("authorization-bin", junk))
    beside = await with_metadata(network, ("authorization-bin", junk), ("authorization", network.home.authorization))
    assert (alone.code, beside.code) == (CODE.UNAUTHENTICATED, CODE.UNAUTHENTICATED)


async def test_two_tenants_are_unauthenticated(network: Network) -> None:
    both = [("authorization", client.authorization) for client in (network.home, network.host)]
    refused = await with_metadata(network, *both)
    assert (refused.code, refused.reason) == (CODE.UNAUTHENTICATED, "auth/token-refused")
    joined = await with_metadata(network, ("authorization", ", ".join(value for _, value in both)))
    assert joined.code is CODE.UNAUTHENTICATED


async def test_tenant_comes_from_the_token_and_from_nowhere_else(network: Network) -> None:
    visit = await network.scene.requested((await network.scene.member()).id)
    eve = network.client(caller((await found(network.world, "meadow")).id, "eve"))
    club = str(network.scene.home.of_club)
    saying = eve.saying(x_club_id=club, x_org_id=club, club=club, tenant=club)
    refused = await refusal(eve.visits.GetVisit(pb.GetVisitRequest(visit_id=str(visit.id)), metadata=saying))
    assert refused.code is CODE.NOT_FOUND


@pytest.mark.parametrize(
    "spelling", ["bearer {}", "BEARER {}", "Bearer  {}", "{}", "Basic {}", "Bearer {}x", "Bearer {} {}"]
)
async def test_any_other_spelling_of_a_credential_is_unauthenticated(network: Network, spelling: str) -> None:
    token = network.token(network.scene.home)
    refused = await with_metadata(network, ("authorization", spelling.format(token, token)))
    assert (refused.code, refused.reason) == (CODE.UNAUTHENTICATED, "auth/token-refused")


async def test_expired_token_is_unauthenticated(network: Network) -> None:
    authorization = network.home.authorization
    network.world.clock.forward(minutes=6)
    assert (await with_metadata(network, ("authorization", authorization))).code is CODE.UNAUTHENTICATED


async def test_token_of_5_kb_is_unauthenticated_and_metadata_of_64_kb_is_too_much(network: Network) -> None:
    long = await with_metadata(network, ("authorization", "Bearer v4.public." + "a" * 5_000))
    assert long.code is CODE.UNAUTHENTICATED
    longer = await with_metadata(network, ("authorization", "Bearer v4.public." + "a" * 65_536))
    assert longer.code is CODE.RESOURCE_EXHAUSTED


async def test_message_over_4_mib_is_too_much_and_one_at_the_limit_is_read(network: Network) -> None:
    limit = 4 * 1024 * 1024
    over = await raw(network, f"{VISITS}/GetVisit", b"\0" * (limit + 1))
    assert over.code is CODE.RESOURCE_EXHAUSTED
    at = await raw(network, f"{VISITS}/GetVisit", b"\0" * limit)
    assert (at.code, at.reason) == (CODE.INVALID_ARGUMENT, "request/malformed-message")


async def test_message_that_unpacks_to_more_than_4_mib_is_too_much(network: Network) -> None:
    call: Any = network.channel.unary_unary(f"{VISITS}/GetVisit")
    bomb, saying = b"\0" * (64 * 1024 * 1024), network.home.saying()
    refused = await refusal(call(bomb, metadata=saying, compression=grpc.Compression.Gzip))
    assert refused.code is CODE.RESOURCE_EXHAUSTED


async def test_deep_recursion_is_invalid(network: Network) -> None:
    groups = field(15, 3) * 1_000 + field(15, 4) * 1_000
    nested = b""
    for _ in range(1_000):
        nested = field(15, 2, nested)
    for data, reason in ((groups, "request/malformed-message"), (nested, "request/invalid")):
        refused = await raw(network, f"{VISITS}/GetVisit", data)
        assert (refused.code, refused.reason) == (CODE.INVALID_ARGUMENT, reason)


@pytest.mark.parametrize("number", [9, 99, -1, 2**31 - 1])
async def test_unknown_enum_value_is_invalid(network: Network, number: int) -> None:
    client = network.home
    unknown: Any = number
    request = pb.ListVisitsRequest(state=unknown)
    refused = await refusal(client.visits.ListVisits(request, metadata=client.saying()))
    assert (refused.code, refused.reason) == (CODE.INVALID_ARGUMENT, "request/invalid")
    assert refused.violations == {"state": "is a value that this version does not know"}


async def test_missing_oneof_is_invalid(network: Network) -> None:
    client = network.home
    refused = await refusal(client.log.GetProof(log.GetProofRequest(), metadata=client.saying()))
    assert refused.code is CODE.INVALID_ARGUMENT
    assert refused.violations == {"proof": "is required: inclusion or consistency"}


@pytest.mark.parametrize(
    "data", [field(99, 2, b"x"), field(3, 0, b"\x01"), field(1, 2, ID.encode()) + field(7, 5, b"abcd")]
)
async def test_unknown_field_is_invalid(network: Network, data: bytes) -> None:
    refused = await raw(network, f"{VISITS}/GetVisit", data)
    assert refused.code is CODE.INVALID_ARGUMENT
    assert refused.violations == {"": "has a field that this version does not know"}


async def test_text_that_is_not_utf_8_is_invalid(network: Network) -> None:
    for text in (b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80"):
        refused = await raw(network, f"{VISITS}/GetVisit", field(1, 2, text))
        assert (refused.code, refused.reason) == (CODE.INVALID_ARGUMENT, "request/malformed-message")


async def test_nul_in_text_is_invalid(network: Network) -> None:
    client = network.home
    request = log.GetCheckpointRequest(origin="a\0b")
    refused = await refusal(client.log.GetCheckpoint(request, metadata=client.saying()))
    assert (refused.code, refused.violations) == (CODE.INVALID_ARGUMENT, {"origin": "has a NUL"})


@pytest.mark.parametrize(
    ("old", "new", "at_fault"),
    [
        (-(2**63), None, "old_size"),
        (-1, 5, "old_size"),
        (2**63 - 1, None, "old_size"),
        (5, 4, "new_size"),
        (0, -(2**63), "new_size"),
        (0, 2**63 - 1, "new_size"),
    ],
)
async def test_smallest_and_largest_integers_are_invalid(
    network: Network, old: int, new: int | None, at_fault: str
) -> None:
    client = network.home
    query = log.ConsistencyQuery(origin="x", old_size=old, new_size=new)
    refused = await refusal(client.log.GetProof(log.GetProofRequest(consistency=query), metadata=client.saying()))
    assert refused.code is CODE.INVALID_ARGUMENT
    assert list(refused.violations) == [f"consistency.{at_fault}"]


async def test_sizes_beyond_the_newest_checkpoint_are_not_found(network: Network) -> None:
    client = network.home
    await network.world.settle()
    origin = (await network.world.backlog.directory())[0].origin
    for old, new in ((0, 10_000), (10_000, None)):
        query = log.ConsistencyQuery(origin=origin, old_size=old, new_size=new)
        refused = await refusal(client.log.GetProof(log.GetProofRequest(consistency=query), metadata=client.saying()))
        assert refused.code is CODE.NOT_FOUND


@pytest.mark.parametrize("origin", ["nobody/at-all/1", "' OR 1=1--", "%", "../../etc/passwd"])
async def test_unknown_log_is_not_found(network: Network, origin: str) -> None:
    client = network.home
    request = log.GetCheckpointRequest(origin=origin)
    assert (await refusal(client.log.GetCheckpoint(request, metadata=client.saying()))).code is CODE.NOT_FOUND


@pytest.mark.parametrize("origin", ["", "x" * 256, "x" * 1_000_000])
async def test_origin_without_a_sensible_length_is_invalid(network: Network, origin: str) -> None:
    client = network.home
    request = log.GetCheckpointRequest(origin=origin)
    refused = await refusal(client.log.GetCheckpoint(request, metadata=client.saying()))
    assert (refused.code, list(refused.violations)) == (CODE.INVALID_ARGUMENT, ["origin"])


@pytest.mark.parametrize(
    "text", ["", "1", "../../etc", ID.upper(), f" {ID}", f"{{{ID}}}", ID.replace("-", ""), ID.replace("729a", "429a")]
)
async def test_id_in_any_other_spelling_is_invalid(network: Network, text: str) -> None:
    client, saying = network.home, network.home.saying(idempotency_key="k")
    for refused in (
        await refusal(client.visits.GetVisit(pb.GetVisitRequest(visit_id=text), metadata=saying)),
        await refusal(client.visits.CheckIn(pb.CheckInRequest(visit_id=text), metadata=saying)),
    ):
        assert (refused.code, list(refused.violations)) == (CODE.INVALID_ARGUMENT, ["visit_id"])
        assert not text or text not in refused.violations["visit_id"]


@pytest.mark.parametrize(
    "text", ["", "1700000000", "20260312", "2026-W11-4", "2026-3-12", "2026-02-30", "2026-03-12T00:00", "٢٠٢٦-03-12"]
)
async def test_day_in_any_other_spelling_is_invalid(network: Network, text: str) -> None:
    client = network.home
    request = request_of(network, network.world.new_id(), text, TODAY.isoformat())
    refused = await refusal(client.visits.RequestVisit(request, metadata=client.saying()))
    assert (refused.code, list(refused.violations)) == (CODE.INVALID_ARGUMENT, ["first_day"])


async def test_every_field_at_fault_is_named(network: Network) -> None:
    client, events = network.home, await network.events()
    refused = await refusal(client.visits.RequestVisit(pb.RequestVisitRequest(), metadata=client.saying()))
    assert refused.violations == dict.fromkeys(("member_id", "host_club", "first_day", "last_day"), "is required")
    assert await network.events() == events


async def test_check_in_without_a_key_is_invalid(network: Network) -> None:
    visit, host = await network.scene.confirmed((await network.scene.member()).id), network.host
    events = await network.events()
    request = pb.CheckInRequest(visit_id=str(visit.id))
    refused = await refusal(host.visits.CheckIn(request, metadata=host.saying()))
    assert (refused.code, refused.reason) == (CODE.INVALID_ARGUMENT, "idempotency/key-required")
    assert refused.violations == {"metadata.idempotency-key": "is required"}
    assert await network.events() == events


async def test_malformed_or_repeated_conditions_are_invalid(network: Network) -> None:
    visit, host = await network.scene.confirmed((await network.scene.member()).id), network.host
    events = await network.events()
    request = pb.CheckInRequest(visit_id=str(visit.id))
    key = ("idempotency-key", "k")
    for bad in (
        [("idempotency-key", "")],
        [("idempotency-key", "k" * 256)],
        [key, key],
        [key, ("if-match", "1")],
        [key, ("if-match", '"1", "2"')],
        [key, ("if-match", '"1"'), ("if-match", '"1"')],
    ):
        refused = await refusal(host.visits.CheckIn(request, metadata=(*host.saying(), *bad)))
        assert (refused.code, refused.reason) == (CODE.INVALID_ARGUMENT, "request/invalid")
        assert list(refused.violations) == [f"metadata.{bad[-1][0]}"]
    assert await network.events() == events


async def test_version_is_refused_where_nothing_has_one_yet(network: Network) -> None:
    home = network.home
    request = request_of(network, (await network.scene.member()).id, TODAY.isoformat())
    refused = await refusal(home.visits.RequestVisit(request, metadata=home.saying(if_match='"1"')))
    assert list(refused.violations) == ["metadata.if-match"]


@pytest.mark.parametrize("limit", [0, -1, 201, 10**9, -(2**31)])
async def test_limit_out_of_range_is_invalid(network: Network, limit: int) -> None:
    client = network.home
    refused = await refusal(client.visits.ListVisits(pb.ListVisitsRequest(limit=limit), metadata=client.saying()))
    assert (refused.code, list(refused.violations)) == (CODE.INVALID_ARGUMENT, ["limit"])


@pytest.mark.parametrize("cursor", ["x", "%00", "A" * 44, "A" * 65, base64.urlsafe_b64encode(b"\1" * 33).decode(), "é"])
async def test_cursor_that_was_not_made_here_is_invalid(network: Network, cursor: str) -> None:
    client = network.home
    refused = await refusal(client.visits.ListVisits(pb.ListVisitsRequest(cursor=cursor), metadata=client.saying()))
    assert (refused.code, refused.reason) == (CODE.INVALID_ARGUMENT, "request/bad-cursor")
    assert list(refused.violations) == ["cursor"]


async def test_rpc_that_does_not_exist_is_unimplemented(network: Network) -> None:
    for method in (f"{VISITS}/Nothing", f"{LOG}/Nothing", "/concordat.v2.VisitService/GetVisit", "/"):
        assert (await _bare(network, method)).code is CODE.UNIMPLEMENTED


async def _bare(network: Network, method: str) -> Refusal:
    return await raw(network, method, b"")
