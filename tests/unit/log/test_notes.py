"""Signed notes and verifier keys: the public example, round trips, and everything that is not one."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.log.errors import LogInvalid, MalformedKey, MalformedNote, SignatureInvalid
from core.log.notes import (
    MAX_SIGNATURES,
    Algorithm,
    VerifierKey,
    encode64,
    is_name,
    join_notes,
    open_note,
    parse_key,
    parse_note,
    sign_note,
)
from tests.unit.log.scenario import LOG, STRANGER, WITNESS_1, WITNESS_2, Signer, verify

EXAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "log" / "signed-note.json").read_text())
WHITE_SPACE = {0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
"""Unicode's own beyond ASCII, by the property White_Space, which it does not take away from a character any more."""

KEY, NOTE = EXAMPLE["key"], EXAMPLE["note"]
TEXT = "one\n\nthree\n"


def test_the_example_of_the_specification_opens() -> None:
    key = parse_key(KEY)
    opened = open_note(NOTE, [key], verify)
    assert (str(key), key.name, key.id.hex()) == (KEY, "example.com/foo", "530d903a")
    assert opened.text == "This is an example message.\n"
    assert [(each.key, each.time) for each in opened.signed] == [(key, None)]
    assert str(parse_note(NOTE)) == NOTE


def test_every_altered_byte_of_the_example_is_refused() -> None:
    key = parse_key(KEY)
    data = NOTE.encode()
    for place in range(len(data)):
        for mask in (0x01, 0x10, 0x80):
            damaged = data[:place] + bytes((data[place] ^ mask,)) + data[place + 1 :]
            with pytest.raises(LogInvalid):
                open_note(damaged.decode("utf-8", "surrogateescape"), [key], verify)


def test_every_altered_character_of_a_key_is_refused_or_names_another_key() -> None:
    for place in range(len(KEY)):
        for other in "Az0+/= \n":
            if other != KEY[place]:
                with pytest.raises(MalformedKey):
                    parse_key(KEY[:place] + other + KEY[place + 1 :])


def test_a_name_is_of_any_characters_but_white_space_control_characters_plus_and_surrogates() -> None:
    refused = {*range(0x21), ord("+"), *WHITE_SPACE, *range(0xD800, 0xE000)}
    assert {code for code in range(0x110000) if not is_name(chr(code))} == refused


@pytest.mark.parametrize("signer", [LOG, WITNESS_1])
def test_a_signed_note_opens_with_the_key_that_signed_it(signer: Signer) -> None:
    time = 1_700_000_000 if signer.key.algorithm is Algorithm.COSIGNATURE else None
    note = str(sign_note(TEXT, signer.key, signer.sign, time=time))
    opened = open_note(note, [signer.key], verify)
    assert (opened.text, opened.signed[0].key, opened.signed[0].time) == (TEXT, signer.key, time)
    assert parse_key(str(signer.key)) == signer.key


def test_unknown_signatures_are_set_apart_and_a_note_without_a_known_one_is_refused() -> None:
    note = join_notes(*(str(sign_note(TEXT, each.key, each.sign, time=5)) for each in (WITNESS_1, STRANGER)))
    opened = open_note(note, [WITNESS_1.key, WITNESS_2.key], verify)
    assert [each.key for each in opened.signed] == [WITNESS_1.key]
    assert [each.name for each in opened.unknown] == [STRANGER.key.name]
    with pytest.raises(SignatureInvalid):
        open_note(note, [WITNESS_2.key], verify)
    with pytest.raises(SignatureInvalid):
        open_note(note, [], verify)


def test_one_bad_signature_of_a_known_key_sinks_the_note() -> None:
    good = str(sign_note(TEXT, LOG.key, LOG.sign))
    bad = str(sign_note(TEXT, WITNESS_1.key, WITNESS_2.sign, time=5))
    with pytest.raises(SignatureInvalid):
        open_note(join_notes(good, bad), [LOG.key, WITNESS_1.key], verify)
    assert open_note(join_notes(good, bad), [LOG.key], verify).signed


def test_a_key_of_the_same_name_or_the_same_id_is_another_key() -> None:
    note = str(sign_note(TEXT, LOG.key, LOG.sign))
    renamed = VerifierKey(name="other", public=LOG.key.public)
    cosigner = VerifierKey(name=LOG.key.name, public=LOG.key.public, algorithm=Algorithm.COSIGNATURE)
    namesake = Signer(LOG.key.name, seed="other").key
    assert len({LOG.key.id, renamed.id, cosigner.id, namesake.id}) == 4
    for key in (renamed, cosigner, namesake):
        with pytest.raises(SignatureInvalid):
            open_note(note, [key], verify)


def test_the_time_of_a_cosignature_is_signed() -> None:
    note = sign_note(TEXT, WITNESS_1.key, WITNESS_1.sign, time=5)
    later = (
        str(note)
        .replace(encode64(note.signatures[0].key_id + note.signatures[0].data), "{}")
        .format(encode64(note.signatures[0].key_id + (6).to_bytes(8) + note.signatures[0].data[8:]))
    )
    with pytest.raises(SignatureInvalid):
        open_note(later, [WITNESS_1.key], verify)


@pytest.mark.parametrize(("signer", "time"), [(LOG, 5), (WITNESS_1, None), (WITNESS_1, -1), (WITNESS_1, 1 << 63)])
def test_a_time_goes_with_a_cosignature_and_only_with_it(signer: Signer, time: int | None) -> None:
    with pytest.raises(MalformedNote):
        sign_note(TEXT, signer.key, signer.sign, time=time)


def test_a_time_out_of_range_is_refused_whoever_signed_it() -> None:
    data = WITNESS_1.key.id + (1 << 63).to_bytes(8) + bytes(64)
    with pytest.raises(SignatureInvalid):
        open_note(f"a\n\n\u2014 {WITNESS_1.key.name} {encode64(data)}\n", [WITNESS_1.key], lambda *_: True)


LINE = "\u2014 a AAAAAAA=\n"


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "a\n",
        "a\n\n",
        f"a\n{LINE}",
        f"a\n\n{LINE}"[:-1],
        f"a\n\n{LINE}\n",
        f"a\n\n{LINE} ",
        f"a\r\n\n{LINE}",
        f"a\tb\n\n{LINE}",
        f"a\0\n\n{LINE}",
        f"\ud800\n\n{LINE}",
        "a\n\n- a AAAAAAA=\n",
        "a\n\n\u2014a AAAAAAA=\n",
        "a\n\n\u2014 AAAAAAA=\n",
        "a\n\n\u2014  AAAAAAA=\n",
        "a\n\n\u2014 a+b AAAAAAA=\n",
        "a\n\n\u2014 a\u00a0b AAAAAAA=\n",
        "a\n\n\u2014 a\u2003b AAAAAAA=\n",
        "a\n\n\u2014 a  AAAAAAA=\n",
        "a\n\n\u2014 a AAAAAAA\n",
        "a\n\n\u2014 a AAAAAAB=\n",
        "a\n\n\u2014 a AAAA_AA=\n",
        "a\n\n\u2014 a AAAAAA==\n",
        "a\n\n\u2014 a \n",
        "a\n\n\u2014 a AAAAAAA= b\n",
        "a\n\n" + LINE * (MAX_SIGNATURES + 1),
        "a" * 1_000_001 + f"\n\n{LINE}",
    ],
)
def test_what_is_not_a_note_is_refused_with_one_error(note: str) -> None:
    with pytest.raises(MalformedNote):
        parse_note(note)


def test_as_many_signatures_as_the_specification_asks_for_are_accepted() -> None:
    assert len(parse_note("a\n\n" + LINE * 16).signatures) == 16


def test_a_note_may_have_empty_lines_and_text_that_looks_signed() -> None:
    text = f"a\n\n{LINE}\n\nb\n"
    assert parse_note(f"{text}\n{LINE}").text == text


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a",
        "a+b",
        KEY + " ",
        KEY.upper(),
        KEY.replace("530d903a", "530D903A"),
        KEY.replace("530d903a", "530d903b"),
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "a+530d903a+AQ==",
        "a+530d903a+====",
        "a+530d903a+" + encode64(b"\x02" + bytes(32)),
        "a+530d903a+" + encode64(b"\x01" + bytes(33)),
        "\ud800+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ],
)
def test_what_is_not_a_key_is_refused_with_one_error(key: str) -> None:
    with pytest.raises(MalformedKey):
        parse_key(key)


def test_notes_of_different_texts_do_not_join_and_no_line_comes_twice() -> None:
    first, other = (str(sign_note(text, LOG.key, LOG.sign)) for text in ("a\n", "b\n"))
    assert join_notes(first, first) == first
    with pytest.raises(MalformedNote):
        join_notes(first, other)


def test_a_text_without_a_last_newline_or_with_control_characters_is_not_signed() -> None:
    for text in ("a", "a\0\n", "\ud800\n"):
        with pytest.raises(MalformedNote):
            sign_note(text, LOG.key, LOG.sign)


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=60))
def test_any_text_survives_signing(line: str) -> None:
    text = line + "\n"
    note = str(sign_note(text, LOG.key, LOG.sign))
    assert open_note(note, [LOG.key], verify).text == text
