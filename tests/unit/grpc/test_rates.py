"""How often, over gRPC: what a client gets beyond its rate, and whom that concerns."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from adapters.inbound.grpc.edge.authentication import address_of
from adapters.inbound.limits import Limits
from adapters.outbound.inprocess.rates import InProcessRates
from ports.rates import Policy
from tests.contracts.rates import SECOND, Watch
from tests.unit.grpc.served import Ended, Served, serving

CODE = grpc.StatusCode
NO_TOKEN = ("authorization", "Bearer guessed")


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def limited(watch: Watch) -> AsyncIterator[Served]:
    limits = Limits(
        rates=InProcessRates(watch),
        requests=Policy(name="requests", quota=2, window_seconds=60),
        refusals=Policy(name="refusals", quota=1, window_seconds=60),
    )
    async with serving(limits=limits) as served:
        yield served


def _retry_seconds(ended: Ended) -> int:
    assert (ended.code, ended.details["ErrorInfo"].reason) == (CODE.RESOURCE_EXHAUSTED, "request/too-often")
    seconds: int = ended.details["RetryInfo"].retry_delay.seconds
    return seconds


async def test_one_call_too_many_is_exhausted_and_says_when_to_come_back(
    limited: Served, watch: Watch, logs: list[Any]
) -> None:
    assert [(await limited.get()).code for _ in range(2)] == [CODE.OK] * 2
    assert _retry_seconds(await limited.get()) == 30
    assert [(line["status"], line["principal"]) for line in logs[-1:]] == [("RESOURCE_EXHAUSTED", "ann")]
    watch.now += 30 * SECOND
    assert (await limited.get()).code is CODE.OK


async def test_who_shows_no_valid_token_is_refused_so_often_and_then_told_to_wait(limited: Served) -> None:
    assert (await limited.get(credential=NO_TOKEN)).code is CODE.UNAUTHENTICATED
    assert _retry_seconds(await limited.get(credential=NO_TOKEN)) == 60
    assert (await limited.get()).code is CODE.OK, "whoever shows one is not turned away for it"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.1:4711", "192.0.2.1"),
        ("ipv6:%5B2001:db8::1%5D:4711", "2001:db8::1"),
        ("ipv6:[::1]:4711", "::1"),
        ("unix:", ""),
    ],
)
def test_address_is_read_from_what_grpc_calls_a_peer(peer: str, address: str) -> None:
    assert address_of(peer) == address
