"""What a caller is told when the contract refuses: a status, and a message that begins with the reason."""

from collections.abc import Mapping

from adapters.inbound.chaincode.stub import Answer
from core.log.witness import LedgerRejected, Reason

REFUSALS: Mapping[Reason, tuple[int, str]] = {
    Reason.MALFORMED: (400, "what is wrong stands here instead of this sentence"),
    Reason.NOT_ALLOWED: (403, "the caller's organisation may not do this"),
    Reason.UNKNOWN_ORIGIN: (404, "nobody registered a log of this name"),
    Reason.UNKNOWN_PAIR: (404, "nobody opened this pair"),
    Reason.NOT_HELD: (404, "there is no such checkpoint or settlement"),
    Reason.BAD_SIGNATURE: (409, "it is not signed with the keys that are good for it"),
    Reason.BAD_PROOF: (409, "the proof does not lead to the newer root"),
    Reason.STALE: (409, "the log is beyond this size, and another checkpoint was anchored"),
    Reason.FORK: (409, "another root is held at this size"),
    Reason.WRONG_OLD_SIZE: (409, "the proof begins at another size than the head's"),
    Reason.OTHER_KEY: (409, "the log was registered with another key, or had this one before"),
    Reason.FROZEN: (409, "checkpoints of this log contradict each other, so nothing follows"),
    Reason.NO_FORK: (409, "the two checkpoints do not contradict each other"),
    Reason.WRONG_SIZE: (409, "a key begins at a size beyond the head and beyond the last key's first"),
    Reason.OTHER_PAIR: (409, "the pair was opened with other organisations or keys"),
    Reason.SETTLED: (409, "the period was settled with another commitment"),
}


def refusal(refused: LedgerRejected) -> Answer:
    """`<reason>: <sentence>`."""
    status, sentence = REFUSALS[Reason(str(refused.parameters["reason"]))]
    return Answer(
        status=status, message=f"{refused.parameters['reason']}: {refused.parameters.get('detail', sentence)}"
    )
