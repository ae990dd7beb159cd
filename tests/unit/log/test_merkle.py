"""Merkle trees against a naive recursion, against public vectors, and against verifiers that are wrong on purpose."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.log import merkle
from core.log.errors import ProofInvalid
from core.log.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "log" / "merkle.json").read_text())
LARGEST = 70
LEAVES = tuple(leaf_hash(b"leaf %d" % index) for index in range(LARGEST))
RANDOM = sha256(b"random").digest()


@cache
def naive_root(start: int, end: int) -> bytes:
    """MTH of RFC 6962, word for word."""
    size = end - start
    if size == 0:
        return sha256(b"").digest()
    if size == 1:
        return LEAVES[start]
    split = 1
    while split * 2 < size:
        split *= 2
    return node_hash(naive_root(start, start + split), naive_root(start + split, end))


def naive_path(index: int, start: int, end: int) -> list[bytes]:
    """PATH of RFC 6962."""
    if end - start == 1:
        return []
    split = 1
    while split * 2 < end - start:
        split *= 2
    if index < start + split:
        return [*naive_path(index, start, start + split), naive_root(start + split, end)]
    return [*naive_path(index, start + split, end), naive_root(start, start + split)]


def naive_subproof(old: int, start: int, end: int, whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962; `old` counts from `start`."""
    if old == end - start:
        return [] if whole else [naive_root(start, end)]
    split = 1
    while split * 2 < end - start:
        split *= 2
    if old <= split:
        return [*naive_subproof(old, start, start + split, whole), naive_root(start + split, end)]
    return [*naive_subproof(old - split, start + split, end, False), naive_root(start, start + split)]


def read(level: int, index: int) -> bytes:
    return naive_root(index << level, (index + 1) << level)


@dataclass(frozen=True, kw_only=True)
class Inclusion:
    leaf: bytes
    index: int
    size: int
    proof: tuple[bytes, ...]
    root: bytes


@dataclass(frozen=True, kw_only=True)
class Consistency:
    old: int
    old_root: bytes
    new: int
    new_root: bytes
    proof: tuple[bytes, ...]


INCLUSIONS = [
    Inclusion(
        leaf=b64decode(case["leaf"]),
        index=case["index"],
        size=case["size"],
        proof=tuple(map(b64decode, case["proof"])),
        root=b64decode(case["root"]),
    )
    for case in VECTORS["inclusion"]
]
CONSISTENCIES = [
    Consistency(
        old=case["old"],
        old_root=b64decode(case["old_root"]),
        new=case["new"],
        new_root=b64decode(case["new_root"]),
        proof=tuple(map(b64decode, case["proof"])),
    )
    for case in VECTORS["consistency"]
]

CheckInclusion = Callable[[bytes, int, int, Sequence[bytes], bytes], None]
CheckConsistency = Callable[[int, bytes, int, bytes, Sequence[bytes]], None]


def broken_proofs(proof: tuple[bytes, ...], roots: tuple[bytes, ...]) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    for place in range(len(proof)):
        flipped = bytes((proof[place][0] ^ 0x08,)) + proof[place][1:]
        yield f"bit flipped in hash {place}", (*proof[:place], flipped, *proof[place + 1 :])
        yield f"hash {place} twice", (*proof[:place], proof[place], *proof[place:])
        yield f"hash {place} shortened", (*proof[:place], proof[place][:-1], *proof[place + 1 :])
        yield f"hash {place} lengthened", (*proof[:place], proof[place] + b"\0", *proof[place + 1 :])
    if proof:
        yield "last hash missing", proof[:-1]
        yield "first hash missing", proof[1:]
        yield "no hashes", ()
        yield "an empty hash in between", (proof[0], b"", *proof[1:])
    if len(set(proof)) > 1:
        yield "order reversed", tuple(reversed(proof))
    for name, extra in (("garbage", b""), ("random", RANDOM), *((f"root {n}", each) for n, each in enumerate(roots))):
        yield f"{name} before", (extra, *proof)
        yield f"{name} after", (*proof, extra)


def broken_inclusions(case: Inclusion) -> Iterator[tuple[str, Inclusion]]:
    for index in (case.index - 1, case.index + 1, case.index ^ 2, case.size, -1, MAX_SIZE):
        yield f"index {index}", replace(case, index=index)
    for size in (case.size * 2, case.size // 2, 0, -1, MAX_SIZE, MAX_SIZE + 1):
        yield f"size {size}", replace(case, size=size)
    for wrong in (b"", RANDOM, EMPTY_ROOT, case.root + b"\0"):
        yield "wrong root", replace(case, root=wrong)
    for wrong in (b"", sha256(b"wrong").digest(), case.leaf + b"\0"):
        yield "wrong leaf", replace(case, leaf=wrong)
    yield "no root and no leaf", replace(case, root=b"", leaf=b"")
    for name, proof in broken_proofs(case.proof, (case.root,)):
        yield name, replace(case, proof=proof)


def broken_consistencies(case: Consistency) -> Iterator[tuple[str, Consistency]]:
    for old in (case.old - 1, case.old + 1, case.old ^ 2, 0, -1, case.new + 1):
        yield f"old size {old}", replace(case, old=old)
    for new in (case.new * 2, case.new // 2, 0, -1, MAX_SIZE + 1):
        yield f"new size {new}", replace(case, new=new)
    for wrong in (b"", RANDOM, EMPTY_ROOT):
        yield "wrong old root", replace(case, old_root=wrong)
        yield "wrong new root", replace(case, new_root=wrong)
    if case.old_root != case.new_root:
        yield "roots swapped", replace(case, old_root=case.new_root, new_root=case.old_root)
    for name, proof in broken_proofs(case.proof, (case.old_root, case.new_root)):
        yield name, replace(case, proof=proof)


def wrong_inclusions(check: CheckInclusion) -> list[str]:
    """The names of all cases that `check` judges wrongly."""
    names = []
    for number, good in enumerate(INCLUSIONS):
        cases = [(True, "intact", good), *((False, name, case) for name, case in broken_inclusions(good))]
        for expected, name, case in cases:
            if _accepts(check, case.leaf, case.index, case.size, case.proof, case.root) is not expected:
                names.append(f"{number}: {name}")
    return names


def wrong_consistencies(check: CheckConsistency) -> list[str]:
    names = []
    for number, good in enumerate(CONSISTENCIES):
        cases = [(True, "intact", good), *((False, name, case) for name, case in broken_consistencies(good))]
        for expected, name, case in cases:
            if _accepts(check, case.old, case.old_root, case.new, case.new_root, case.proof) is not expected:
                names.append(f"{number}: {name}")
    return names


def _accepts(check: Callable[..., None], *case: object) -> bool:
    try:
        check(*case)
    except ProofInvalid:
        return False
    return True


def test_roots_of_the_reference_leaves_are_those_of_the_public_vectors() -> None:
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]
    for case in INCLUSIONS:
        assert (root(leaves[: case.size]), leaves[case.index]) == (case.root, case.leaf)
    for pair in CONSISTENCIES:
        assert (root(leaves[: pair.old]), root(leaves[: pair.new])) == (pair.old_root, pair.new_root)


def test_every_public_inclusion_case_and_its_alterations_get_the_right_answer() -> None:
    assert wrong_inclusions(verify_inclusion) == []


def test_every_public_consistency_case_and_its_alterations_get_the_right_answer() -> None:
    assert wrong_consistencies(verify_consistency) == []


def test_root_inclusion_and_consistency_equal_the_naive_ones_for_every_size() -> None:
    for size in range(LARGEST + 1):
        assert root(LEAVES[:size]) == naive_root(0, size)
        for index in range(size):
            proof = inclusion_proof(index, size, read)
            assert list(proof) == naive_path(index, 0, size)
            verify_inclusion(LEAVES[index], index, size, proof, naive_root(0, size))
        for old in range(1, size + 1):
            proof = consistency_proof(old, size, read)
            assert list(proof) == naive_subproof(old, 0, size, True)
            verify_consistency(old, naive_root(0, old), size, naive_root(0, size), proof)


@given(st.data())
def test_a_proof_proves_no_other_leaf_index_or_size(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, LARGEST))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, read)
    other_index, other_size = data.draw(st.integers(0, LARGEST)), data.draw(st.integers(0, LARGEST))
    if (other_index, other_size) != (index, size):
        with pytest.raises(ProofInvalid):
            verify_inclusion(LEAVES[index], other_index, other_size, proof, naive_root(0, other_size))


@given(st.integers(0, 2**60), st.integers(0, 2**60), st.lists(st.binary(max_size=40), max_size=70), st.binary())
def test_verifiers_refuse_arbitrary_input_with_one_error(old: int, new: int, proof: list[bytes], some: bytes) -> None:
    with pytest.raises(ProofInvalid):
        verify_inclusion(some, old, new, proof, RANDOM)
    with pytest.raises(ProofInvalid):
        verify_consistency(old, some, new, RANDOM, proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (5, 3), (-1, 3), (0, MAX_SIZE + 1)])
def test_no_inclusion_proof_is_made_beyond_the_tree(index: int, size: int) -> None:
    with pytest.raises(ProofInvalid):
        inclusion_proof(index, size, read)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 3), (4, 3), (-1, 3), (1, MAX_SIZE + 1)])
def test_no_consistency_proof_is_made_from_nothing_or_backwards(old: int, new: int) -> None:
    with pytest.raises(ProofInvalid):
        consistency_proof(old, new, read)


def test_an_invalid_proof_says_why() -> None:
    with pytest.raises(ProofInvalid) as caught:
        verify_inclusion(LEAVES[0], 0, 2, (), naive_root(0, 2))
    assert (caught.value.code, caught.value.reason) == ("log/invalid-proof", "proof is too short")


def test_the_vectors_report_a_verifier_that_accepts_anything() -> None:
    def careless(*_: object) -> None: ...

    assert len(wrong_inclusions(careless)) > len(INCLUSIONS)
    assert len(wrong_consistencies(careless)) > len(CONSISTENCIES)


def test_the_vectors_report_a_verifier_that_ignores_hashes_in_excess() -> None:
    def lenient(leaf: bytes, index: int, size: int, proof: Sequence[bytes], wanted: bytes) -> None:
        if not any(_accepts(verify_inclusion, leaf, index, size, proof[:n], wanted) for n in range(9)):
            raise ProofInvalid("no prefix of it leads to the root")

    assert any("after" in name for name in wrong_inclusions(lenient))


def test_the_vectors_report_a_verifier_that_never_looks_at_the_old_root() -> None:
    def forgetful(old: int, _: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
        for case in CONSISTENCIES:
            if (case.old, case.new, case.new_root, case.proof) == (old, new, new_root, tuple(proof)):
                return
        raise ProofInvalid("unknown")

    assert any("wrong old root" in name for name in wrong_consistencies(forgetful))


def test_the_oracle_reports_a_tree_without_domain_separation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merkle, "node_hash", lambda left, right: sha256(left + right).digest())
    assert wrong_inclusions(verify_inclusion) != []
    assert wrong_consistencies(verify_consistency) != []
