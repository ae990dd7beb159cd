"""A network keeps its name for ever: is the one in the settings that of the clubs that were founded?"""

from concordat.failures import Failure
from concordat.settings import PREFIX
from core.log.origins import parse_origin
from ports.log import Backlog

ADVICE = f"Set {PREFIX}NETWORK to the name that they were founded under, or name another database."


async def another(backlog: Backlog, network: str) -> str | None:
    """What is wrong where there are clubs, and none of this network."""
    founded = {parse_origin(entry.origin).network for entry in await backlog.directory()}
    if not founded or network in founded:
        return None
    return f"the clubs of this database are of the network {min(founded)}, and {PREFIX}NETWORK is {network}"


async def refuse_another(backlog: Backlog, network: str) -> None:
    """Raises Failure before a club of another network can be founded beside them."""
    found = await another(backlog, network)
    if found is not None:
        raise Failure(f"{found[0].upper()}{found[1:]}.", ADVICE)
