"""Verdicts as recorded, and judged again from their own inputs: the same inputs give the same verdict for ever."""

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from app.clubs.agreements import AgreementView
from app.use_cases import UseCases
from core.clubs.eligibility import Verdict, replay
from core.log.records import parse_record
from ports.caller import Caller
from ports.clubs import ClubsTx
from ports.unit_of_work import Missing
from shared.canonical import Json


class Replay(StrEnum):
    """What judging a recorded verdict again gave."""

    SAME = "same"
    DIFFERENT = "different"
    INPUTS_ERASED = "inputs erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictView:
    """A verdict as its record holds it; what was erased with the person stands in it as a digest."""

    id: UUID
    visit_id: UUID
    agreement_id: UUID
    replay: Replay
    verdict: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Verdicts(UseCases[ClubsTx]):
    """Reads records, so it never shows a verdict that is not bound for the log."""

    async def get(self, caller: Caller, key: UUID) -> VerdictView:
        """The verdict with this id (the receipt of the decision it was given for), replayed; raises Missing."""
        self.allow(caller, "clubs.verdict.read")
        async with self.look(caller) as tx:
            stored = await tx.verdicts.get(key)
            record = parse_record(stored.record)
            sealed = record.object.get("verdict")
            if not isinstance(sealed, dict):
                raise Missing(kind="verdict")
            shown: dict[str, Json] = {**sealed, **stored.disclosed}
            state = record.after[0].fields if record.after else record.object
            agreement_id = UUID(cast(str, state["agreement_id"]))
        view = VerdictView(
            id=key,
            visit_id=UUID(cast(str, sealed["visit_id"])),
            agreement_id=agreement_id,
            replay=Replay.INPUTS_ERASED,
            verdict=shown,
        )
        if stored.disclosed.keys() != {"failed", "inputs"}:
            return view
        verdict = Verdict.from_plain(shown)
        # Read as it stands, since a version of terms never changes: who only looks waits for nobody.
        agreement = await self.read.one(caller, AgreementView, agreement_id)
        version = next(known for known in agreement.versions if known.number == verdict.terms_number)
        return dataclasses.replace(view, replay=Replay.SAME if replay(version, verdict) else Replay.DIFFERENT)
