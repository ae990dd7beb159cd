"""The strict reader: a table of what it refuses, properties over arbitrary bytes, lenient readers that are caught."""

import json
from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.inbound.rest.edge.refusals import MalformedJson, NotAsDescribed
from adapters.inbound.rest.edge.strict_json import DEEPEST, MOST_KEYS, check, pointer_to
from shared.canonical import LARGEST_INTEGER
from shared.errors import ConcordatError

Malformed, Refused = MalformedJson, NotAsDescribed

ROWS: list[tuple[str, bytes, type[ConcordatError]]] = [
    ("empty", b"", Refused),
    ("only white space", b" \r\n\t ", Refused),
    ("truncated", b'{"a":1', Malformed),
    ("a comma too many", b'{"a":1,}', Malformed),
    ("text after the value", b'{"a":1} x', Malformed),
    ("invalid UTF-8", b'{"a":"\xff"}', Malformed),
    ("overlong UTF-8", b'{"a":"\xc0\xaf"}', Malformed),
    ("a surrogate in UTF-8", b'{"a":"\xed\xa0\x80"}', Malformed),
    ("a byte order mark", b'\xef\xbb\xbf{"a":1}', Malformed),
    ("UTF-16", '{"a":1}'.encode("utf-16"), Malformed),
    ("UTF-16 without mark", '{"a":1}'.encode("utf-16-le"), Malformed),
    ("NaN", b'{"a":NaN}', Malformed),
    ("Infinity", b'{"a":Infinity}', Malformed),
    ("-Infinity", b'{"a":-Infinity}', Malformed),
    ("a number beyond every float", b'{"a":1e999}', Refused),
    ("a number beyond every float, spelt out", b'{"a":1' + b"0" * 400 + b".0}", Refused),
    ("-1e999 deep inside", b'{"a":[{"b":[-1E+999]}]}', Refused),
    ("an integer of 2^53", b'{"a":9007199254740992}', Refused),
    ("an integer of -2^53", b'{"a":-9007199254740992}', Refused),
    ("an integer of 5,000 digits", b'{"a":' + b"9" * 5_000 + b"}", Refused),
    ("half a surrogate pair", b'{"a":"\\ud800"}', Refused),
    ("half a surrogate pair, lower half", b'{"a":["x","\\uDFFF!"]}', Refused),
    ("half a surrogate pair in a key", b'{"\\ud800":1}', Refused),
    ("half a surrogate pair in a nested key", b'{"a":{"b\\udc00":1}}', Refused),
    ("an escaped NUL", b'{"a":"\\u0000"}', Refused),
    ("an escaped NUL in a key", b'{"\\u0000":1}', Refused),
    ("a raw NUL", b'{"a":"\x00"}', Malformed),
    ("a raw NUL between tokens", b'{"a":\x001}', Malformed),
    ("a raw control character", b'{"a":"\x01"}', Malformed),
    ("a key twice", b'{"amount":1,"amount":999}', Malformed),
    ("a key twice, escaped once", b'{"amount":1,"am\\u006funt":999}', Malformed),
    ("a key twice deep inside", b'{"a":[{"b":1,"b":1}]}', Malformed),
    ("100,000 nested arrays", b"[" * 100_000, Malformed),
    ("100,000 nested arrays, closed", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Malformed),
    ("3,000 nested objects", b'{"a":' * 3_000 + b"1" + b"}" * 3_000, Malformed),
    ("one level too deep", b'{"a":' * DEEPEST + b"{}" + b"}" * DEEPEST, Malformed),
    ("one key too many", json.dumps({str(key): 1 for key in range(MOST_KEYS + 1)}).encode(), Malformed),
    ("one key too many, spread", json.dumps({"a": [{"b": 1, "c": 2}] * 500}).encode(), Malformed),
    ("an array", b"[]", Refused),
    ("null", b"null", Refused),
    ("a string", b'"text"', Refused),
    ("a number", b"1", Refused),
    ("a leading zero", b'{"a":01}', Malformed),
    ("single quotes", b"{'a':1}", Malformed),
    ("a comment", b'{"a":1/* */}', Malformed),
]

GOOD: list[tuple[str, bytes]] = [
    ("an empty object", b"{}"),
    ("white space around", b' \n{"a" : 1}\r\n'),
    ("the largest integers", b'{"a":9007199254740991,"b":-9007199254740991}'),
    ("a whole surrogate pair", b'{"a":"\\ud83d\\ude00"}'),
    ("text beyond ASCII", '{"ä":"😀"}'.encode()),
    ("as deep as allowed", b'{"a":' * (DEEPEST - 1) + b"{}" + b"}" * (DEEPEST - 1)),
    ("brackets in a string", b'{"a":"' + b"[" * 1_000 + b'"}'),
    ("colons in a string", b'{"a":"' + b":" * 2_000 + b'"}'),
    ("as many keys as allowed", json.dumps({str(key): 1 for key in range(MOST_KEYS)}).encode()),
    ("an ordinary float", b'{"a":1.5e10}'),
    ("the same key in two objects", b'{"a":{"b":1},"c":{"b":1}}'),
]


def refused_as(read: Callable[[bytes], Any], body: bytes) -> type[Exception] | None:
    """The class of what `read` raises, None if it takes the body."""
    try:
        read(body)
    except Exception as error:
        return type(error)
    return None


@pytest.mark.parametrize(("body", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_two_parsers_could_read_differently_is_refused(body: bytes, expected: type[ConcordatError]) -> None:
    assert refused_as(check, body) is expected


@pytest.mark.parametrize("body", [row[1] for row in GOOD], ids=[row[0] for row in GOOD])
def test_ordinary_json_is_taken(body: bytes) -> None:
    check(body)


@pytest.mark.parametrize("reader", [json.loads, msgspec.json.decode])
def test_the_table_catches_a_lenient_reader(reader: Callable[[bytes], Any]) -> None:
    taken = {name for name, body, _ in ROWS if refused_as(reader, body) is None}
    assert {"a key twice", "an escaped NUL", "an array", "one level too deep", "one key too many"} <= taken


def test_the_table_catches_what_python_alone_would_take() -> None:
    taken = {name for name, body, _ in ROWS if refused_as(json.loads, body) is None}
    assert {"NaN", "a number beyond every float", "half a surrogate pair", "UTF-16", "a surrogate in UTF-8"} <= taken


def test_a_pointer_names_the_place_and_stops_before_what_may_be_a_value() -> None:
    assert pointer_to("terms", "quotas", 0, "limit") == "/terms/quotas/0/limit"
    assert pointer_to("terms", "my password is 1234", "limit") == "/terms"
    assert pointer_to("x" * 65) == ""


def test_every_refused_value_is_named() -> None:
    with pytest.raises(NotAsDescribed) as caught:
        check(b'{"a":"\\ud800","b":[1e999],"c":{"d":9007199254740992}}')
    errors = cast("list[dict[str, str]]", caught.value.parameters["errors"])
    assert {error["pointer"] for error in errors} == {"/a", "/b/0", "/c/d"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.binary(max_size=200) | st.text(st.sampled_from('{}[]",:\\u0deE+-.19aNI \t'), max_size=60).map(str.encode))
def test_arbitrary_bytes_are_taken_or_refused_and_nothing_else(body: bytes) -> None:
    if refused_as(check, body) is None:
        value = json.loads(body)
        assert isinstance(value, dict)
        assert msgspec.json.decode(body) == value, "two parsers read it alike"
    else:
        assert refused_as(check, body) in (Malformed, Refused)


@given(st.dictionaries(st.text(st.characters(), max_size=4), json_values, max_size=4), st.booleans())
def test_what_is_taken_has_no_value_that_a_command_could_not_hold(value: dict[str, Any], escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    body = text.encode("utf-8", errors="surrogatepass")
    if refused_as(check, body) is None:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        assert "\\u0000" not in json.dumps(value)
        assert all(abs(number) <= LARGEST_INTEGER for number in integers_in(value))


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=9, max_size=12), st.sampled_from(ROWS))
def test_a_refusal_never_repeats_what_was_sent(secret: str, row: tuple[str, bytes, type[ConcordatError]]) -> None:
    quoted = json.dumps(secret).encode()
    for body in (b'{"p":' + quoted + b',"x":' + row[1] + b"}", b'{"p":' + quoted + row[1], quoted + row[1]):
        try:
            check(body)
        except ConcordatError as error:
            assert secret not in repr(dict(error.parameters)) + str(error)


def integers_in(value: Any) -> list[int]:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [number for part in inner for number in integers_in(part)]
    return [value] if isinstance(value, int) else []
