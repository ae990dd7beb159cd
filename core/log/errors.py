"""The refusals of the verifiable log: one family, so that whoever reads hostile bytes has one error to catch."""

from shared.errors import Invalid


class LogInvalid(Invalid):
    """Something of the log is malformed or does not verify. Parameter: reason."""

    code = "log/invalid"
    title = "This does not verify."

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


class ProofInvalid(LogInvalid):
    """An inclusion or consistency proof does not lead to the root, or cannot exist."""

    code = "log/invalid-proof"
    title = "The Merkle proof does not verify."


class MalformedTile(LogInvalid):
    """A tile, its path or an entry bundle is not as tlog-tiles lays it out."""

    code = "log/malformed-tile"
    title = "This is not a well-formed tile."


class MalformedKey(LogInvalid):
    """A verifier key is not well-formed, or of an algorithm that is not supported."""

    code = "log/malformed-key"
    title = "This is not a well-formed verifier key."


class MalformedNote(LogInvalid):
    """The text is not a signed note."""

    code = "log/malformed-note"
    title = "This is not a well-formed signed note."


class SignatureInvalid(LogInvalid):
    """A note carries no signature of a known key, or one that does not verify."""

    code = "log/invalid-signature"
    title = "The signature does not verify."


class MalformedCheckpoint(LogInvalid):
    """The body of a note is not a checkpoint of three lines."""

    code = "log/malformed-checkpoint"
    title = "This is not a well-formed checkpoint."


class WrongEmptyRoot(MalformedCheckpoint):
    """A checkpoint of no leaves with another root than the one that the empty tree has."""


class MalformedPolicy(LogInvalid):
    """The text is not a policy as tlog-policy lays it out."""

    code = "log/malformed-policy"
    title = "This is not a well-formed witness policy."


class MalformedProof(LogInvalid):
    """The text is not a proof as tlog-proof lays it out."""

    code = "log/malformed-proof"
    title = "This is not a well-formed transparency log proof."


class MalformedOrigin(LogInvalid):
    """The text does not name a log as `<network>/<club>/<epoch>`."""

    code = "log/malformed-origin"
    title = "This is not the name of a log."


class MalformedRecord(LogInvalid):
    """The bytes are not a record of version 1, or no record can be made of the values."""

    code = "log/malformed-record"
    title = "This is not a well-formed record."


class DisclosureInvalid(LogInvalid):
    """A disclosure is malformed, or opens nothing of the record that it came with."""

    code = "log/invalid-disclosure"
    title = "The disclosure does not open a value of the record."


class MalformedReceipt(LogInvalid):
    """The text is not a receipt of version 1."""

    code = "log/malformed-receipt"
    title = "This is not a well-formed receipt."


class MalformedBundle(LogInvalid):
    """The bytes are not a trust bundle of version 1."""

    code = "log/malformed-trust-bundle"
    title = "This is not a well-formed trust bundle."


class EvidenceInvalid(LogInvalid):
    """The ledger's evidence is malformed, or does not vouch for the checkpoint that it came with."""

    code = "log/invalid-evidence"
    title = "The ledger evidence does not verify."


class MalformedSettlement(LogInvalid):
    """The bytes are not a proof of a settlement of version 1."""

    code = "log/malformed-settlement-proof"
    title = "This is not a well-formed proof of a settlement."
