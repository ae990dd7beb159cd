"""Logs that are gone as a whole: the ledger or the publication knows them, and the database has no such club."""

from collections.abc import Collection, Sequence

from ports.ledger import Ledger
from ports.log import Publication


async def missing(
    network: str, present: Collection[str], ledger: Ledger, publication: Publication | None
) -> Sequence[str]:
    """Origins of this network that are known elsewhere, in order; other networks may share ledger and publication."""
    known = {*await ledger.origins(), *(() if publication is None else await publication.origins())}
    return sorted(origin for origin in known - {*present} if origin.startswith(f"{network}/"))
