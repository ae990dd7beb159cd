"""What a driver's error means for a caller: come again, or the database is away."""

import sqlite3
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ports.unit_of_work import StoreUnavailable
from shared.errors import Busy, ConcordatError


class Contended(Busy):
    """Too many changes of the same thing at once; a retry is safe."""

    code = "database/contended"
    title = "The object is being changed by others right now."


@asynccontextmanager
async def meaning() -> AsyncIterator[None]:
    """Turn what the driver says into what it means for a caller; a broken constraint passes on to its repository."""
    try:
        yield
    except (ConcordatError, IntegrityError):
        raise
    except PoolTimeout as error:
        raise StoreUnavailable(reason="no connection was free in time") from error
    except DBAPIError as error:
        raise _meaning_of(error) from error
    except asyncpg.InvalidCachedStatementError as error:
        # A migration came between; the driver prepares its statements anew.
        raise StoreUnavailable(reason="its tables have just been changed") from error
    except asyncpg.PostgresError as error:
        found = _meaning_of_state(error.sqlstate)
        if found is None:
            raise
        raise found from error
    except asyncpg.InterfaceError as error:
        if isinstance(error, ValueError):
            # A value that its column cannot hold is a defect, and a retry mends none.
            raise
        raise StoreUnavailable(reason="the connection failed") from error
    except asyncpg.InternalClientError as error:
        # Between the server's farewell and the end of the connection, the driver calls every use of it this.
        raise StoreUnavailable(reason="the connection failed") from error
    except ssl.SSLCertVerificationError as error:
        raise StoreUnavailable(reason="the server's certificate is not one that this process trusts") from error
    except ssl.SSLError as error:
        raise StoreUnavailable(reason="no encrypted connection came about") from error
    except (TimeoutError, OSError) as error:
        raise StoreUnavailable(reason="the connection failed") from error


def _meaning_of(error: DBAPIError) -> Exception:
    found = _meaning_of_state(getattr(error.orig, "sqlstate", None))
    if found is not None:
        return found
    # The first byte is the kind; what stands above it says more than anybody is told.
    code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    if code == sqlite3.SQLITE_ERROR:
        # A table or column that is not there, say: a defect, which no retry mends.
        return error
    told = _REASON_BY_SQLITE_CODE.get(code)
    if told is not None:
        return StoreUnavailable(reason=told)
    if error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError)):
        return StoreUnavailable(reason="the connection failed or the statement ran out of time")
    return error


def _meaning_of_state(state: str | None) -> ConcordatError | None:
    """What an SQLSTATE says that is no fault of the statement."""
    if state in {"40001", "40P01", "55P03"}:
        return Contended()
    if state is not None and state[:2] in {"08", "53", "57", "58"}:
        return StoreUnavailable(reason="the server could not do it now")
    told = None if state is None else _REASON_BY_STATE.get(state[:2])
    return None if told is None else StoreUnavailable(reason=told)


_REASON_BY_STATE = {"28": "it does not accept the role or its password", "3D": "it has no database of that name"}
_REASON_BY_SQLITE_CODE = {
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "its file cannot be read or written",
    sqlite3.SQLITE_NOTADB: "its file is damaged, or was never a database",
    sqlite3.SQLITE_READONLY: "its file cannot be written",
}
