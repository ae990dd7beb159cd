"""Which settings are unsafe: decided from the settings alone."""

from collections.abc import Iterator
from ipaddress import ip_address

from adapters.outbound.sql.postgres_url import exposed_host
from concordat.checks import Check, State
from concordat.settings import PREFIX, Settings

SUBJECT = "settings"


def unsafe_settings(settings: Settings) -> list[Check]:
    """What must not be so, or should not be; empty when all is well."""
    return [*(_local(settings) if settings.local else _real(settings)), *_in_the_clear(settings)]


def _local(settings: Settings) -> Iterator[Check]:
    if not is_loopback(settings.host):
        yield Check(
            subject=SUBJECT,
            state=State.WARNING,
            found=f"the local profile listens on {settings.host}, where others can reach it",
            advice="Take the production profile for anything but trying and developing.",
        )


def _real(settings: Settings) -> Iterator[Check]:
    for name in ("docs", "reflection"):
        if getattr(settings, name):
            yield _failed(f"{name} shows everybody what there is to call", f"Set {PREFIX}{name.upper()}=false.")
    for name in ("issuer", "audience", "network"):
        if getattr(settings, name).startswith("local.") or getattr(settings, name).endswith(".example"):
            yield _failed(
                f"{name} is {getattr(settings, name)}, a name for trying things out",
                f"Set {PREFIX}{name.upper()} to a name of your own"
                + (", before the first club is founded: it is fixed for ever." if name == "network" else "."),
            )
    if not is_loopback(settings.admin_host) and settings.admin_host == settings.host:
        yield Check(
            subject=SUBJECT,
            state=State.WARNING,
            found=f"metrics are shown on {settings.admin_host}:{settings.admin_port}, as public as the API",
            advice=f"Set {PREFIX}ADMIN_HOST to an address that only your own network reaches.",
        )
    if not settings.allowed_hosts:
        yield Check(
            subject=SUBJECT,
            state=State.WARNING,
            found="requests are answered under any host name",
            advice=f"Set {PREFIX}ALLOWED_HOSTS to the names that the API is known by.",
        )


def _in_the_clear(settings: Settings) -> Iterator[Check]:
    for name in ("database_url", "database_owner_url"):
        host = exposed_host(getattr(settings, name))
        if host is not None and not is_loopback(host):
            yield Check(
                subject=SUBJECT,
                state=State.WARNING,
                found=f"passwords and personal values may go to Postgres on {host} unencrypted",
                advice=f"Add ?sslmode=verify-full&sslrootcert=FILE to {PREFIX}{name.upper()}.",
            )


def is_loopback(host: str) -> bool:
    """Is it an address that only this machine reaches?"""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _failed(found: str, advice: str) -> Check:
    return Check(subject=SUBJECT, state=State.FAILED, found=found, advice=advice)
