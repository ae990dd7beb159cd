"""Texts that people give to things: what is kept, how, and what is refused."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clubs import names
from core.clubs.names import BadText


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Harbour", "Harbour"),
        ("  Harbour Club  ", "Harbour Club"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("\u30af\u30e9\u30d6", "\u30af\u30e9\u30d6"),
        ("' OR 1=1--", "' OR 1=1--"),
        ("x" * 120, "x" * 120),
        ("e\u0301" * 120, "\u00e9" * 120),
    ],
)
def test_a_name_is_stripped_and_kept_in_nfc(text: str, kept: str) -> None:
    assert names.name(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\u00a0",
        "x" * 121,
        "x" * 100_000,
        "two\nlines",
        "tab\there",
        "nul\0",
        "override\u202e",
        "isolate\u2066",
        "zero\u200bwidth",
        "joiner\u200d",
        "bom\ufeff",
        "lone\ud800",
        "private\ue000",
        "line\u2028separator",
        "filler\u3164",
        "grapheme\u034fjoiner",
        "z" + "\u0335" * 7,
    ],
)
def test_a_name_that_shows_something_else_than_it_says_is_refused(text: str) -> None:
    with pytest.raises(BadText) as refused:
        names.name(text, "name")
    assert refused.value.parameters["field"] == "name"
    assert refused.value.code == "request/bad-text"


def test_a_refusal_never_repeats_the_text() -> None:
    with pytest.raises(BadText) as refused:
        names.name("secret\u202e")
    assert "secret" not in str(refused.value)


@given(st.text(max_size=200))
def test_every_text_is_refused_or_kept_in_one_form(text: str) -> None:
    try:
        kept = names.name(text)
    except BadText:
        return
    assert names.name(kept) == kept
    assert unicodedata.is_normalized("NFC", kept)
    assert 1 <= len(kept) <= 120
    assert kept == kept.strip()


@given(st.text(max_size=45))
def test_a_slug_is_plain_ascii_or_refused(text: str) -> None:
    try:
        kept = names.slug(text)
    except BadText:
        return
    assert kept == text
    assert 2 <= len(kept) <= 40
    assert set(kept) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@pytest.mark.parametrize("text", ["", "a", "A-club", "-club", "club_1", "a" * 41, "club\n", "\u0441lub"])
def test_a_slug_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(BadText):
        names.slug(text)


def test_labels_and_reasons_have_limits_of_their_own() -> None:
    assert names.label("full", "category") == "full"
    assert names.reason("x" * 500) == "x" * 500
    with pytest.raises(BadText):
        names.label("x" * 41, "category")
    with pytest.raises(BadText):
        names.reason("x" * 501)
