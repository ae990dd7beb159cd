"""Tells the log of the process what befell a club's turn of a job."""

from uuid import UUID

import structlog

from app.workers import Tell, Trouble

_log = structlog.get_logger(__name__)


def teller(job: str) -> Tell:
    """Says whose turn of this job failed, and when it went well again."""

    def tell(club: UUID, trouble: Trouble | None) -> None:
        if trouble is None:
            _log.info("turn recovered", job=job, club=str(club))
            return
        if trouble.times & (trouble.times - 1):
            # Told whenever the number has doubled: what others have to mend, such as a witness that does not follow a
            # log yet, may last for days.
            return
        # The first failure is told whole, the following ones in a line, as of a job that fails altogether.
        whole = trouble.error if trouble.times == 1 else None
        _log.error("turn failed", job=job, club=str(club), times=trouble.times, error=trouble.error, exc_info=whole)

    return tell
