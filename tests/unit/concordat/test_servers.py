"""Where servers listen: what somebody is told whose port or address cannot be had."""

import errno

import pytest

from concordat.failures import Failure
from concordat.servers import listen


def refusal(number: int, host: str) -> Failure:
    def refuse(_host: str, _port: int) -> int:
        raise OSError(number, "no")

    with pytest.raises(Failure) as refused:
        listen("http", refuse, host, 8000, anywhere=True)
    return refused.value


def test_taken_port_is_to_be_freed_or_exchanged() -> None:
    assert "CONCORDAT_HTTP_PORT" in refusal(errno.EADDRINUSE, "127.0.0.1").advice


def test_address_of_another_machine_is_no_matter_of_the_port() -> None:
    refused = refusal(errno.EADDRNOTAVAIL, "192.0.2.1")
    assert "192.0.2.1:8000" in refused.sentence
    assert "CONCORDAT_HOST" in refused.advice and "PORT" not in refused.advice
