"""Signature policies: how chaincode and channels write them, and whether a set of identities satisfies one."""

from collections.abc import Sequence
from itertools import combinations

from shared.protowire import NotProtobuf, decode, encode
from tests.fabric_simulator.identities import Known
from tests.fabric_simulator.messages import (
    MSPPrincipal,
    MSPRole,
    NOutOf,
    SignaturePolicy,
    SignaturePolicyEnvelope,
)

MEMBER, ADMIN, CLIENT, PEER, ORDERER = range(5)
_OU = {ADMIN: "admin", CLIENT: "client", PEER: "peer", ORDERER: "orderer"}

VALIDATION_PARAMETER = "VALIDATION_PARAMETER"
"""The name of the metadata that holds a key's own policy."""


class UndecodablePolicy(Exception):
    """A key's policy that is none. A real peer stops processing the channel when it meets one."""


def out_of(count: int, msp_ids: Sequence[str], role: int = PEER) -> SignaturePolicyEnvelope:
    """So many of these organisations, one identity of that role each."""
    principals = tuple(MSPPrincipal(principal=encode(MSPRole(msp_identifier=msp_id, role=role))) for msp_id in msp_ids)
    rules = tuple(SignaturePolicy(signed_by=place) for place in range(len(principals)))
    rule = SignaturePolicy(n_out_of=NOutOf(n=count, rules=rules))
    return SignaturePolicyEnvelope(rule=rule, identities=principals)


def all_of(msp_ids: Sequence[str]) -> bytes:
    """A key's policy, encoded: peers of all of these organisations."""
    return encode(out_of(len(msp_ids), sorted(msp_ids)))


def policy_of(data: bytes) -> SignaturePolicyEnvelope:
    """A key's policy; raises UndecodablePolicy."""
    try:
        policy = decode(SignaturePolicyEnvelope, data)
    except NotProtobuf as error:
        raise UndecodablePolicy from error
    if policy.rule is None:
        raise UndecodablePolicy
    return policy


def satisfied(policy: SignaturePolicyEnvelope, signers: Sequence[Known]) -> bool:
    """Whether these identities, each counted once, satisfy the policy."""
    unique = list(dict.fromkeys(signers))
    used = [False] * len(unique)
    return policy.rule is not None and _rule(policy.rule, policy, unique, used)


def minimal_sets(policies: Sequence[SignaturePolicyEnvelope], available: Sequence[Known]) -> list[tuple[Known, ...]]:
    """Every smallest choice among the available peers that satisfies all policies, the fewest first."""
    found: list[tuple[Known, ...]] = []
    for size in range(1, len(available) + 1):
        for chosen in combinations(available, size):
            smaller = any(set(one) <= set(chosen) for one in found)
            if not smaller and all(satisfied(policy, chosen) for policy in policies):
                found.append(chosen)
    return found


def _rule(rule: SignaturePolicy, policy: SignaturePolicyEnvelope, signers: Sequence[Known], used: list[bool]) -> bool:
    if rule.n_out_of is not None:
        verified = 0
        for inner in rule.n_out_of.rules:
            tried = list(used)
            if _rule(inner, policy, signers, tried):
                verified += 1
                used[:] = tried
        return verified >= rule.n_out_of.n
    place = rule.signed_by
    if place is None or not 0 <= place < len(policy.identities):
        return False
    for number, signer in enumerate(signers):
        if not used[number] and _is(signer, policy.identities[place]):
            used[number] = True
            return True
    return False


def _is(signer: Known, principal: MSPPrincipal) -> bool:
    if principal.principal_classification != 0:
        return False
    try:
        role = decode(MSPRole, principal.principal)
    except NotProtobuf:
        return False
    return signer.msp_id == role.msp_identifier and (role.role == MEMBER or _OU.get(role.role) == signer.role)
