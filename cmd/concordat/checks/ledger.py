"""What the ledger says of itself; on Fabric also which organisations answer, and how long our identity is good."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from adapters.outbound.fabric.faults import REMEDIES, WAITING
from adapters.outbound.fabric.gateway.errors import Fault
from adapters.outbound.fabric.ledger import FabricLedger
from adapters.outbound.fabric.profile import Settings as Profile
from concordat.assembly.fabric import profile_at
from concordat.builders import profile_of
from concordat.checks import Check, State, examine_port
from concordat.container import System
from ports.ledger import LedgerBusy, LedgerUnavailable

SUBJECT = "ledger"
WARNED_BEFORE = timedelta(days=30)
_MEANWHILE = "Business goes on meanwhile, and receipts stay provisional."
_RENEW = "Have its organisation issue another one, and name it in the profile."


async def examine_ledger(system: System) -> list[Check]:
    """The first check is whether it answers."""
    ledger, url = system.infrastructure.ledger, system.settings.ledger_url
    if not isinstance(ledger, FabricLedger):
        return [await examine_port(SUBJECT, ledger, url, ledger.check)]
    profile = profile_at(profile_of(system.settings))
    answer = await _answer(ledger, url, profile)
    found = [answer, *life_of_identity(profile, system.infrastructure.now())]
    if answer.state is State.OK:
        found += organisations(await ledger.organisations(), profile.trust.k)
    return found


async def _answer(ledger: FabricLedger, url: str, profile: Profile) -> Check:
    """A ledger that is down keeps nobody from working; one that will never answer as it is set up is a mistake."""
    adapter = f"FabricLedger ({url})"
    where = f"the contract {profile.contract} on the channel {profile.channel}"
    try:
        await ledger.check()
    except (LedgerBusy, LedgerUnavailable) as error:
        fault, remedy = Fault(str(error.parameters["fault"])), _sentence(str(error.parameters["remedy"]))
        state = State.WARNING if fault in WAITING else State.FAILED
        advice = f"{remedy} {_MEANWHILE}" if state is State.WARNING else remedy
        found = f"{where} does not answer: {fault}"
        return Check(subject=SUBJECT, adapter=adapter, state=state, found=found, advice=advice)
    return Check(subject=SUBJECT, adapter=adapter, found=f"{where} answers")


def organisations(asked: Mapping[str, Fault | None], k: int) -> Iterator[Check]:
    """Fewer than `k` that answer are too few for the evidence of a receipt."""
    silent = {name: fault for name, fault in asked.items() if fault is not None}
    answering = len(asked) - len(silent)
    found = f"{answering} of {len(asked)} answer, and receipts need {k}"
    if not silent:
        yield Check(subject="organisations", found=found)
        return
    said = "; ".join(f"{name}: {fault} ({REMEDIES[fault]})" for name, fault in sorted(silent.items()))
    advice = _sentence(said) if answering >= k else f"{_sentence(said)} {_MEANWHILE}"
    yield Check(subject="organisations", state=State.WARNING, found=found, advice=advice)


def life_of_identity(profile: Profile, now: datetime) -> Iterator[Check]:
    """Expired, the orderer takes nothing more from it."""
    who, until = f"the certificate for {profile.identity.msp_id}", f"{profile.good_until:%Y-%m-%d %H:%M:%S} UTC"
    if profile.good_until <= now:
        yield Check(subject="identity", state=State.FAILED, found=f"{who} expired at {until}", advice=_RENEW)
    elif profile.good_until <= now + WARNED_BEFORE:
        yield Check(subject="identity", state=State.WARNING, found=f"{who} expires at {until}", advice=_RENEW)
    else:
        yield Check(subject="identity", found=f"{who} is good until {until}")


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:]}." if not said.endswith(".") else said
