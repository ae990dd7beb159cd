"""Every way in which signatures are checked, in one value: what verifies a receipt needs no more."""

from adapters.outbound.ed25519 import verify
from adapters.outbound.x509 import check_endorsement
from core.log.evidence import Signatures

SIGNATURES = Signatures(ed25519=verify, endorsement=check_endorsement)
