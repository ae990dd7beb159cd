"""A channel's settings, which all its nodes share: members, policies, limits, and the version of Fabric."""

from dataclasses import dataclass

from adapters.outbound.fabric.gateway.messages import SerializedIdentity
from shared.protowire import NotProtobuf, decode
from tests.fabric_simulator.identities import InvalidIdentity, Known, Membership, UnknownIdentity
from tests.fabric_simulator.messages import SignaturePolicyEnvelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When blocks are cut, how large things may be, and when a silent peer counts as gone."""

    batch_timeout_seconds: float = 2.0
    max_message_count: int = 500
    preferred_max_bytes: int = 2 << 20
    absolute_max_bytes: int = 10 << 20
    gossip_expiry_seconds: float = 5.0
    concurrent_calls: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel with one chaincode. `orderer_msp_id` is the orderer's own organisation."""

    name: str
    version: str
    membership: Membership
    orderer_msp_id: str
    chaincode: str
    policy: SignaturePolicyEnvelope
    limits: Limits
    chaincode_version: str = "1"

    @property
    def newer(self) -> bool:
        """Fabric 3.1 and later."""
        return not self.version.startswith("v2.")

    def may_write(self, known: Known) -> bool:
        """`/Channel/Application/Writers`."""
        return known.msp_id != self.orderer_msp_id and known.role in ("client", "admin")

    def may_read(self, serialized: bytes, data: bytes, signature: bytes) -> bool:
        """`/Channel/Application/Readers`, for signed questions."""
        try:
            known = self.membership.signed(serialized, data, signature)
        except (UnknownIdentity, InvalidIdentity):
            return False
        return known.msp_id != self.orderer_msp_id and known.role in ("client", "admin", "peer")

    def denied(self, policy: str) -> str:
        """What a peer says where nobody satisfies a policy of the application's."""
        return (
            f"Failed evaluating policy on signed data during check policy on channel [{self.name}] with policy "
            f"[/Channel/Application/{policy}]: [{unsatisfied(policy)}]"
        )


def unsatisfied(policy: str) -> str:
    """Why an implicit policy (any of the organisations') refuses."""
    return (
        "implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the "
        f"'{policy}' sub-policies to be satisfied"
    )


def claimed_msp_id(serialized: bytes) -> str:
    """The organisation that an identity names; empty where it is none."""
    try:
        return decode(SerializedIdentity, serialized).mspid
    except NotProtobuf:
        return ""
