"""The checks of a request body's text, compared with slow and simple versions of the same rules."""

from __future__ import annotations

import json
import re
import tracemalloc
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.clock import replace_sleep
from threadless.completions.json_text import check_json
from threadless.exceptions import InvalidRequest
from threadless.turns import PIECE_BYTES

PIECE = 1 << 18
"""Bytes after which other calls may run."""
MAX_DEPTH, MAX_VALUES = 3, 12
LIMITS = {"MAX_DEPTH": MAX_DEPTH, "MAX_VALUES": MAX_VALUES}

TEXTS = st.text(st.sampled_from('a"\\[]{},:\n\x01\0é😀\ud83d\ude00u0d8'), max_size=8)
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(), st.none(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=10,
)


def refusal_of(body: bytes) -> str:
    """The message of the refusal; empty for an accepted body."""
    try:
        check_json(body)
    except InvalidRequest as refusal:
        return refusal.message
    return ""


def depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


def texts(value: Any) -> list[str]:
    """All keys and strings."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in texts(item)]
    return [text for item in value for text in texts(item)] if isinstance(value, list) else []


def number_of_values(value: Any) -> int:
    items: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(number_of_values, items))


def number_of_empty(value: Any) -> int:
    items: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (value in ({}, [])) + sum(map(number_of_empty, items))


@override_settings(THREADLESS=LIMITS)
@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.booleans())
@example({"a": "\\ud83d"}, True)
@example({"a": "\\\ud83d\ude00"}, True)
@example({"a": "\ud83d\\\ude00"}, True)
@example({"a": '[[[["[[[[', "b": "\\"}, True)
def test_valid_json_is_judged_as_by_the_simple_rules(value: dict[str, Any], is_ascii: bool) -> None:
    body = json.dumps(value, ensure_ascii=is_ascii).encode(errors="surrogatepass")
    value = json.loads(body.decode(errors="surrogatepass"))  # two halves of a pair become one character
    # An empty array or object counts twice.
    has_too_many = number_of_values(value) + number_of_empty(value) > MAX_VALUES
    has_bad_text = any(re.search("[\0\ud800-\udfff]", text) for text in texts(value))
    assert bool(refusal_of(body)) == (has_too_many or depth(value) > MAX_DEPTH or has_bad_text)


@given(st.text(st.sampled_from('{}[]",:\\a1 '), max_size=30))
@example('{"\\')
@example('{"":"\\"}')
def test_text_that_is_not_json_is_refused(text: str) -> None:
    try:
        is_object = isinstance(json.loads(text), dict)
    except ValueError:
        is_object = False
    if not is_object:
        assert refusal_of(text.encode())


@pytest.mark.parametrize(
    "escapes",
    [
        *(r"\ud83d", r"\ude00", r"\uDE00 \uD83D", r"\ud83d\ud83d\ude00", r"\ud83d\ude00\ude00", r"\ud83d\u0041"),
        *(r"\ud83d\\ude00", r"\\\ud83d", r"\\ud83d\ude00", r"\u0000", r"\\\u0000"),
    ],
)
def test_nul_and_half_of_a_surrogate_pair_are_refused(escapes: str) -> None:
    refusal = refusal_of(b'{"a": "%b"}' % escapes.encode())
    assert refusal.endswith("a string contains a NUL character or a lone surrogate.")


@pytest.mark.parametrize("escapes", [r"\ud83d\ude00", r"\\ud83d", r"\\u0000", r"\\\ud83d\uDE00\u00e9", r"\u0041\n"])
def test_surrogate_pair_and_escaped_backslash_are_accepted(escapes: str) -> None:
    assert refusal_of(b'{"a": "%b"}' % escapes.encode()) == ""


@pytest.mark.parametrize("shift", range(13))
def test_escapes_at_the_end_of_a_piece_stay_whole(shift: int) -> None:
    content = b"t" * shift + rb"\ud83d\ude00\"[\\[" * (2 * PIECE // 18)
    body = b'{"a": "%b", "b": %b}' % (content, b"[" * 60 + b"]" * 60)
    assert refusal_of(body) == ""
    assert "NUL character" in refusal_of(body.replace(b'", "b"', rb'\ud83d", "b"'))
    assert "nested deeper" in refusal_of(body[:-1] + b', "c": %b}' % (b"[" * 100 + b"]" * 100))


@pytest.mark.parametrize(
    "pairs",
    [
        *(r'"a":1,"a":1', r'"a":1,"\u0061":2', r'"":1,"":2', r'"a\"":1,"a\"":1', r'"\\":1,"\u005c":2'),
        r'"a":"x","a":"\u0022\u0022\u0022\u0022"',  # written with raw quotes, as many as the lost key and value have
        r'"b":[{"a":{"c":1,"c":1}}]',
    ],
)
def test_duplicate_key_is_refused(pairs: str) -> None:
    assert refusal_of(b"{%b}" % pairs.encode()) == "The request body has a duplicate key."


@pytest.mark.parametrize("pairs", [r'"\u0022":1,"\"\"":1', r'"a":"\"","b":"\\\""', r'"a": {"c": 1}, "b": {"c": 1}'])
def test_quotes_in_strings_are_no_duplicate_keys(pairs: str) -> None:
    assert refusal_of(b"{%b}" % pairs.encode()) == ""


@pytest.mark.parametrize("number", ["1e999", "-1E400", "9" * 400 + ".0"])
def test_number_out_of_range_is_refused(number: str) -> None:
    assert "a number is out of range" in refusal_of(b'{"a": [%b]}' % number.encode())


def test_deep_nesting_after_an_escape_that_json_does_not_have_is_refused() -> None:
    assert refusal_of(rb'{"a": "\x", "b": %b}' % (b"[" * 100_000))


def test_values_up_to_the_limit_are_accepted(settings: Any) -> None:
    settings.THREADLESS = {"MAX_VALUES": 1000}
    assert refusal_of(b'{"a": [%b]}' % b",".join([b'"[,{"'] * 998)) == ""
    with pytest.raises(InvalidRequest, match="more than 1000 JSON values") as refusal:
        check_json(b'{"a": [%b]}' % b",".join([b'"[,{"'] * 999))
    assert (refusal.value.code, refusal.value.param) == ("invalid_value", None)


@pytest.mark.parametrize("item", [b"[]", b"0", b'""', b'{"a":1}', b"[" * 90 + b"]" * 90])
def test_too_many_values_are_refused_before_objects_are_created(item: bytes) -> None:
    body = b'{"a": [%b]}' % b",".join([item] * (32 * PIECE // len(item)))
    tracemalloc.start()
    try:
        assert "JSON values" in refusal_of(body)
        assert tracemalloc.get_traced_memory()[1] < 24 << 20  # an object for each value would take more
    finally:
        tracemalloc.stop()


def test_other_calls_run_between_the_passes_over_a_large_body(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    replace_sleep(monkeypatch, pauses.append)
    check_json(b'{"a": "%b"}' % (b"x" * 1000))
    assert not pauses
    check_json(b'{"a": "%b"}' % (b"x" * 4 * PIECE_BYTES))
    assert len(pauses) >= 2 * 7


def test_other_calls_run_between_long_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[float] = []
    replace_sleep(monkeypatch, made.append)

    def pauses(number: bytes) -> int:
        made.clear()
        check_json(b'{"a": [%b]}' % b",".join([number] * (8 * PIECE // len(number))))
        return len(made)

    assert pauses(b"0." + b"3" * 200) >= pauses(b'"%b"' % (b"3" * 200)) + 2 * 7


@pytest.mark.parametrize("escape", [r"\u0000", r"\ud83d", r"\uDE00"])
@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"user": "a?b"}', "user"),
        ('{"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": "[,?"}]}', "messages[1].content"),
        ('{"a": [1, [2, "}"], {"b": {}, "c": ["x", "?"]}]}', "a[2].c[1]"),
        (r'{"a\"b": {"c\u0041": "?"}}', 'a"b.cA'),
        ('{"a": {"?": 1}}', "a"),
        ('{"a": 1, "b?": 1}', None),
        (r'{"a\nb": {"c": "?"}}', "c"),
        (f'{{"{"a" * 100}": "?"}}', "a" * 64),
        (f'{{"a": "{"x" * PIECE}?"}}', None),
    ],
)
def test_nul_or_lone_surrogate_is_refused_with_its_path(body: str, path: str | None, escape: str) -> None:
    with pytest.raises(InvalidRequest, match="NUL character or a lone surrogate") as refusal:
        check_json(body.replace("?", escape).encode())
    assert refusal.value.param == path
