"""What no gRPC library would send: metadata that is not what it claims to be, written as HTTP/2 frames by hand."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

import pytest

from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from tests.integration.grpc.network import Network

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, GO_AWAY = 0x0, 0x1, 0x3, 0x4, 0x7
OK, INVALID_ARGUMENT, UNAUTHENTICATED = 0, 3, 16
REFUSED_BY_THE_LIBRARY = 13
"""gRPC's own parser answers INTERNAL to metadata that breaks its own rules, before any of our code sees the call."""

END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
PATH = b"/concordat.v1.VisitService/CheckIn"

Fields = Sequence[tuple[bytes, bytes]]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """A header field without indexing and without Huffman coding (RFC 7541, section 6.2.2)."""
    return b"\x00" + _length(name) + name + _length(value) + value


def _length(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)])
    rest, out = len(text) - 127, b"\x7f"
    while rest > 0x7F:
        out += bytes([rest & 0x7F | 0x80])
        rest >>= 7
    return out + bytes([rest])


def request(fields: Fields, message: bytes) -> bytes:
    """A whole call on stream 1."""
    usual = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", PATH),
        (b":authority", b"localhost"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    ]
    head = b"".join(literal(name, value) for name, value in (*usual, *fields))
    body = b"\x00" + len(message).to_bytes(4) + message
    opening = PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, head)
    return opening + frame(DATA, END_STREAM, 1, body)


async def answered(port: int, sent: bytes) -> list[tuple[int, int, bytes]]:
    """The frames that come back (kind, flags, payload) until the call or the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(20):
            writer.write(sent)
            return [each async for each in _frames(reader, writer)]
    finally:
        writer.close()


async def _frames(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[tuple[int, int, bytes]]:
    while True:
        try:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3]))
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:])
        yield kind, flags, payload
        if kind == SETTINGS and not flags & ACK:
            writer.write(frame(SETTINGS, ACK, 0))
        over = kind in (DATA, HEADERS) and stream == 1 and flags & END_STREAM
        if over or kind in (RESET, GO_AWAY):
            return


def status_in(frames: Sequence[tuple[int, int, bytes]]) -> int | None:
    """The status of the call, as the server spells it: without Huffman coding; None if it was not told."""
    found = re.search(
        rb"grpc-status[\x01\x02]([0-9]+)", b"".join(payload for kind, _, payload in frames if kind == HEADERS)
    )
    return None if found is None else int(found[1])


async def _check_in(network: Network, *fields: tuple[bytes, bytes]) -> tuple[int | None, int]:
    """The status of such a check-in, and how many events it leaves."""
    visit = await network.scene.confirmed((await network.scene.member()).id)
    events = await network.events()
    message = pb.CheckInRequest(visit_id=str(visit.id)).SerializeToString()
    frames = await answered(network.port, request(fields, message))
    return status_in(frames), await network.events() - events


def _credential(network: Network) -> tuple[bytes, bytes]:
    return b"authorization", network.host.authorization.encode()


async def test_call_written_by_hand_is_a_call(network: Network) -> None:
    status, events = await _check_in(network, _credential(network), (b"idempotency-key", b"k"))
    assert status == OK
    assert events > 0


@pytest.mark.parametrize(
    ("junk", "status"),
    [
        ((b"authorization-bin", b"\x00\xff\xfe"), UNAUTHENTICATED),
        ((b"authorization", b"Bearer \xff\xfe"), UNAUTHENTICATED),
        ((b"authorization", b"Bearer\ttoken"), UNAUTHENTICATED),
        ((b"idempotency-key", b"k\x00"), INVALID_ARGUMENT),
        ((b"idempotency-key", b"\xc3\xa9"), INVALID_ARGUMENT),
        ((b"if-match", b'"1"\r\nx: y'), INVALID_ARGUMENT),
        ((b"authorization-bin", b"!!! not base64 !!!"), REFUSED_BY_THE_LIBRARY),
        ((b"authorization-bin", b"A"), REFUSED_BY_THE_LIBRARY),
        ((b"grpc-timeout", b"-5S"), REFUSED_BY_THE_LIBRARY),
    ],
)
async def test_metadata_that_no_library_sends_does_nothing(
    network: Network, junk: tuple[bytes, bytes], status: int
) -> None:
    rest = [each for each in (_credential(network), (b"idempotency-key", b"k")) if each[0] != junk[0]]
    assert await _check_in(network, *rest, junk) == (status, 0)
    assert (await network.home.visits.ListVisits(pb.ListVisitsRequest(), metadata=network.home.saying())).data


async def test_message_cut_short_does_nothing(network: Network) -> None:
    visit = await network.scene.confirmed((await network.scene.member()).id)
    events = await network.events()
    message = pb.CheckInRequest(visit_id=str(visit.id)).SerializeToString()
    fields = [_credential(network), (b"idempotency-key", b"k")]
    whole = request(fields, message)
    for cut in (len(whole) - 1, len(whole) - len(message), len(PREFACE) + 20):
        reader, writer = await asyncio.open_connection("127.0.0.1", network.port)
        writer.write(whole[:cut])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        del reader
    assert (await network.host.get(str(visit.id))).state == pb.VISIT_STATE_CONFIRMED
    assert await network.events() == events
