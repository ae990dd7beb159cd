"""The URL of a Postgres, with parameters as libpq names them: which it may have, and what every connection is made of.

It loads nothing but the standard library, so that settings can be judged before anything is connected.
"""

import os
from urllib.parse import parse_qsl, urlsplit

MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
PARAMETERS = ("sslmode", *FILES, "sslpassword", "ssl_min_protocol_version", "host", "port")
OF_THE_ROLE = ("sslcert", "sslkey", "sslpassword")
"""What says who connects: another role has a certificate of its own."""

_ENCRYPTED = MODES[MODES.index("require") :]
_VERIFIED = MODES[MODES.index("verify-ca") :]


def is_postgres(url: str) -> bool:
    return url.partition(":")[0].partition("+")[0] == "postgresql"


def dsn(url: str) -> str:
    """What asyncpg connects by: it reads libpq's parameters itself, so nobody else has to."""
    return f"postgresql://{url.partition('://')[2]}"


def complaint(url: str) -> str | None:
    """What is wrong with the URL of a Postgres, without any value of it; None where nothing is."""
    if not is_postgres(url):
        return None
    parts, given = urlsplit(url), _parameters(url)
    if "@" not in parts.netloc and "@" in url:
        return "in a user's name and a password, percent-encode the signs / ? # @ (as %2F %3F %23 %40)"
    if not _takes_apart(url):
        return "host and port cannot be read; percent-encode what is special in the password"
    if unknown := next((name for name in given if name not in PARAMETERS), None):
        return f"no connection takes the parameter {unknown}; leave it out, or take one of {', '.join(PARAMETERS)}"
    mode = given.get("sslmode", "prefer")
    if mode not in MODES:
        return f"sslmode has to be one of {', '.join(MODES)}"
    if unreadable := next((name for name in FILES if name in given and not os.access(given[name], os.R_OK)), None):
        return f"{unreadable} has to be the path of a file that can be read"
    if mode in _VERIFIED and "sslrootcert" not in given:
        return f"with sslmode={mode}, sslrootcert has to name the file with the authority's certificate"
    return None


def exposed_host(url: str) -> str | None:
    """The host to which the URL lets a connection be unencrypted; None for TLS, for a socket and for no Postgres."""
    given = _parameters(url)
    if not is_postgres(url) or given.get("sslmode") in _ENCRYPTED:
        return None
    host = given.get("host") or urlsplit(url).hostname or ""
    return host if host and not host.startswith("/") else None


def _takes_apart(url: str) -> bool:
    """A password with a character of URLs in it moves everything that comes after."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True


def _parameters(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
