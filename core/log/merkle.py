"""Merkle tree mathematics of RFC 6962 and RFC 9162: hashing, and making and checking both kinds of proof.

Hashes come from a reader `(level, index) -> hash` of complete subtrees, so that nothing here knows how a tree is kept.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

from core.log.errors import ProofInvalid

HASH_SIZE = 32
MAX_SIZE = (1 << 53) - 1
"""Sizes travel as JSON integers of the strict profile, hence below 2^53."""

EMPTY_ROOT = sha256(b"").digest()


Node = tuple[int, int]
"""A complete subtree as (level, index): the leaves from index * 2^level up to (index + 1) * 2^level."""


Span = tuple[Node, ...]
"""The complete subtrees, left to right, whose join is one hash of a proof; more than one only at the right edge."""

HashReader = Callable[[int, int], bytes]
"""Gives the hash of the complete subtree at (level, index)."""


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def join(hashes: Sequence[bytes]) -> bytes:
    """The root over adjoining complete subtrees of falling size, given left to right."""
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = node_hash(left, result)
    return result


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    """The Merkle tree hash over leaf hashes, `EMPTY_ROOT` over none."""
    edge: list[bytes] = []
    for size, leaf in enumerate(leaf_hashes):
        current = leaf
        level = size
        while level & 1:
            current = node_hash(edge.pop(), current)
            level >>= 1
        edge.append(current)
    return join(edge) if edge else EMPTY_ROOT


def spans(start: int, end: int) -> Span:
    """Splits the leaves [start, end) into complete subtrees; `start` is a multiple of the largest of them."""
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return tuple(nodes)


def inclusion_spans(index: int, size: int) -> tuple[Span, ...]:
    """What an inclusion proof consists of, from the leaf's sibling up to the root's child."""
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofInvalid("index beyond tree size")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(spans(middle, end))
            end = middle
        else:
            path.append(spans(start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_spans(old: int, new: int) -> tuple[Span, ...]:
    """What a consistency proof consists of, in the order of RFC 9162; none between equal sizes."""
    if not 0 < old <= new <= MAX_SIZE:
        raise ProofInvalid("sizes out of order")
    path = []
    start, end = 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(spans(middle, end))
            end = middle
        else:
            path.append(spans(start, middle))
            start = middle
    if start:
        path.append(spans(start, end))
    return tuple(reversed(path))


def inclusion_proof(index: int, size: int, hash_reader: HashReader) -> tuple[bytes, ...]:
    return _read(inclusion_spans(index, size), hash_reader)


def consistency_proof(old: int, new: int, hash_reader: HashReader) -> tuple[bytes, ...]:
    """Proof that the tree of `new` leaves extends the one of `old`; an empty old tree has none and raises."""
    return _read(consistency_spans(old, new), hash_reader)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises `ProofInvalid` unless the leaf hash stands at `index` in the tree of `size` leaves with this root."""
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofInvalid("index beyond tree size")
    current = _hashes((leaf,))[0]
    for left, sibling in _climb(index, size - 1, _hashes(proof)):
        current = node_hash(sibling, current) if left else node_hash(current, sibling)
    if current != root:
        raise ProofInvalid("root does not match")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raises `ProofInvalid` unless the newer tree is proven an extension of the older, which must not be empty."""
    if not 0 < old_size <= new_size <= MAX_SIZE:
        raise ProofInvalid("sizes out of order")
    if old_size == new_size:
        if proof:
            raise ProofInvalid("proof is too long")
        if old_root != new_root:
            raise ProofInvalid("same size with another root")
        return
    hashes = _hashes(proof)
    if old_size & (old_size - 1) == 0:
        # A complete old tree is itself a node of the new one, so the proof leaves it out.
        hashes = (old_root, *hashes)
    if not hashes:
        raise ProofInvalid("proof is too short")
    older = newer = hashes[0]
    complete = _trailing_ones(old_size - 1)
    for left, sibling in _climb((old_size - 1) >> complete, (new_size - 1) >> complete, hashes[1:]):
        if left:
            older = node_hash(sibling, older)
            newer = node_hash(sibling, newer)
        else:
            newer = node_hash(newer, sibling)
    if older != old_root:
        raise ProofInvalid("old root does not match")
    if newer != new_root:
        raise ProofInvalid("new root does not match")


def _climb(position: int, last: int, siblings: Sequence[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Yields (is the sibling on the left, sibling) from `position` among `last + 1` nodes up to the root."""
    for sibling in siblings:
        if last == 0:
            raise ProofInvalid("proof is too long")
        left = bool(position & 1) or position == last
        if left:
            # At the right edge a node without sibling is carried up unchanged.
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        yield left, sibling
        position >>= 1
        last >>= 1
    if last:
        raise ProofInvalid("proof is too short")


def _split(width: int) -> int:
    """The largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def _trailing_ones(number: int) -> int:
    return (~number & (number + 1)).bit_length() - 1


def _hashes(candidates: Sequence[bytes]) -> tuple[bytes, ...]:
    if any(len(candidate) != HASH_SIZE for candidate in candidates):
        raise ProofInvalid("a hash is not 32 bytes long")
    return tuple(candidates)


def _read(path: tuple[Span, ...], reader: HashReader) -> tuple[bytes, ...]:
    return tuple(join([reader(level, index) for level, index in span]) for span in path)
