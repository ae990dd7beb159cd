"""Canonical JSON against the public vectors of RFC 8785 and an independent implementation."""

import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from shared.canonical import NotCanonical, dumps, loads

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "data" / "jcs" / "vectors.json").read_text())
INSIDE = [vector for vector in VECTORS if vector["refused"] is None]
OUTSIDE = [vector for vector in VECTORS if vector["refused"] is not None]


def _name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


@pytest.mark.parametrize("vector", INSIDE, ids=_name)
def test_inside_the_profile_the_bytes_are_those_of_the_vectors_and_of_the_oracle(vector: dict[str, Any]) -> None:
    value = json.loads(vector["input"])
    expected = vector["output"].encode()
    assert dumps(value) == expected == rfc8785.dumps(value)
    assert loads(expected) == value
    with pytest.raises(NotCanonical):
        loads(vector["input"].encode())


@pytest.mark.parametrize("vector", OUTSIDE, ids=_name)
def test_outside_the_profile_a_value_is_refused_with_one_error(vector: dict[str, Any]) -> None:
    assert rfc8785.dumps(json.loads(vector["input"])) == vector["output"].encode()
    with pytest.raises(NotCanonical):
        dumps(json.loads(vector["input"]))
    with pytest.raises(NotCanonical):
        loads(vector["input"].encode())
    if vector["refused"] == "float in the input":
        assert dumps(loads(vector["output"].encode())) == vector["output"].encode()
    else:
        with pytest.raises(NotCanonical):
            loads(vector["output"].encode())


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53) + 1, 2**53 - 1)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
        max_leaves=20,
    )
)
def test_every_value_of_the_profile_is_spelt_as_the_oracle_spells_it(value: Any) -> None:
    assert dumps(value) == rfc8785.dumps(value)
    assert loads(dumps(value)) == value
