"""What the SQL adapter can be told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`url` is `sqlite:///path`, `sqlite://` (in memory) or `postgresql://user:secret@host:port/database`.

    Times in seconds. The timeouts are set on every Postgres session, so that no statement outlives its request.
    """

    url: str
    pool_size: int = 20
    acquire_timeout_seconds: float = 1.0
    statement_timeout_seconds: float = 10.0
    lock_timeout_seconds: float = 3.0
    idle_in_transaction_timeout_seconds: float = 15.0
