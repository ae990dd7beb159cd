"""TLS files as the command line and the settings name them: a key, a chain, and the roots of those who may connect."""

from pathlib import Path

from adapters.inbound.grpc.settings import Tls
from concordat.failures import Failure


def read_tls(key: Path | None, chain: Path | None, roots: Path | None, *, advice: str) -> Tls | None:
    """None unless all three are named; raises Failure, with the advice, for one that cannot be read."""
    if key is None or chain is None or roots is None:
        return None
    try:
        return Tls(key=key.read_bytes(), chain=chain.read_bytes(), client_roots=roots.read_bytes())
    except OSError as error:
        raise Failure(f"The TLS file {error.filename} cannot be read: {error.strerror}.", advice) from error
