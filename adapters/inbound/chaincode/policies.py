"""Key-level endorsement policies, in the one form that a peer's state validation reads."""

from collections.abc import Iterable

from adapters.inbound.chaincode.messages import (
    MSPPrincipal,
    MSPRole,
    NOutOf,
    SignaturePolicy,
    SignaturePolicyEnvelope,
)
from shared.protowire import encode

_PEER = 3
"""MSPRole.PEER: a client's certificate leads to the same roots, and must not count as an endorsement."""


def peers_of_all(msp_ids: Iterable[str]) -> bytes:
    """A SignaturePolicyEnvelope: a peer of each of these organisations has to endorse."""
    organisations = sorted(set(msp_ids))
    each = tuple(SignaturePolicy(signed_by=place) for place in range(len(organisations)))
    principals = tuple(
        MSPPrincipal(principal=encode(MSPRole(msp_identifier=msp_id, role=_PEER))) for msp_id in organisations
    )
    rule = SignaturePolicy(n_out_of=NOutOf(n=len(each), rules=each))
    return encode(SignaturePolicyEnvelope(rule=rule, identities=principals))
