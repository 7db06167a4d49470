"""Checks that every JSON parser would read a request body in the same way. The cost is proportional to its size.

Each check is a pass in C code over the bytes. The structure is checked first: that needs little memory and limits the
number of objects that later passes can create.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from itertools import accumulate
from typing import Any, Final, NoReturn

from threadless.conf import conf
from threadless.exceptions import InvalidRequest
from threadless.turns import PIECE_BYTES, let_others_run

_CHECKED_BYTES: Final = 1 << 18
"""A larger body is checked in pieces of this size, which need less memory, and other calls can run in between."""

_NOT_LEXICAL: Final = bytes(set(range(256)) - set(rb'[]{},"\bfnrtu/'))
"""All but structure, quotes, backslashes and what may follow a backslash."""
_NOT_OPENING: Final = bytes(set(range(256)) - set(b"[{,"))
_NOT_STRUCTURE: Final = bytes(set(range(256)) - set(b'[]{},"'))
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""Maps brackets to signed bytes: 1 for an opening bracket, -1 for a closing one."""

_ESCAPE_BYTES: Final = len(rb"\u0000")
_SUSPICIOUS_ESCAPE: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_VALID_ESCAPES: Final = re.compile(
    rb"""
    [^\\]*+
    (?:
        \\ (?: [^u] | u(?!0000|[dD][89a-fA-F]) | u[dD][89abAB]..\\u[dD][c-fC-F] )
        [^\\]*+
    ){0,65536}+  # a limit, so that other calls can run between two matches
    """,
    re.DOTALL | re.VERBOSE,
)
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},:]', re.DOTALL)


def check_json(body: bytes) -> None:
    """Raise `InvalidRequest` unless `body` is a JSON object that every reader understands in the same way.

    Refuses invalid UTF-8, duplicate keys, NaN, Infinity, numbers out of range, NUL characters, lone surrogates, and
    more nesting or values than `MAX_DEPTH` and `MAX_VALUES` allow.
    """
    _check_structure(body)
    let_others_run(len(body))
    _check_values(body)
    let_others_run(len(body))
    if _has_suspicious_escape(body):
        _check_escapes(body)


def refuse_json(reason: str = "it is not valid JSON", param: str | None = None) -> NoReturn:
    """Raise the `InvalidRequest` for a body that is not valid JSON."""
    raise InvalidRequest(f"We could not parse the body of your request: {reason}.", param=param, code="invalid_json")


def _check_structure(body: bytes) -> None:
    """Refuse too much nesting and too many values before a parser creates an object for each.

    Every value but the first follows a comma or an opening bracket, so their number is an upper bound.
    """
    marks = body.translate(None, _NOT_OPENING)
    if len(marks) < conf.max_values and len(marks) - marks.count(b",") <= conf.max_depth:
        return  # the usual case: within both limits, even if all of them were outside strings
    del marks
    let_others_run(len(body))
    # What remains of a usual body is a third of it. For a large one, a copy is not worth its memory.
    structure = _structure(body.translate(None, _NOT_LEXICAL) if len(body) <= PIECE_BYTES else body)
    brackets = structure.count(b"[") + structure.count(b"{")
    if 1 + brackets + structure.count(b",") > conf.max_values:
        _refuse_values()
    if brackets > conf.max_depth and _depth(structure) > conf.max_depth:
        raise InvalidRequest(f"The request body is nested deeper than {conf.max_depth} levels.", code="invalid_json")


def _depth(structure: bytes) -> int:
    steps = structure.replace(b",", b"").translate(_STEPS)
    return max(accumulate(memoryview(steps).cast("b")))


def _structure(lexical: bytes) -> bytes:
    """The brackets and commas outside strings. Raises `InvalidRequest` as soon as there are too many values.

    Wrong after an escape that JSON does not have, such as `\\x`, at which every parser stops.
    """
    found, size, offset, in_string = [], 0, 0, False
    while offset < len(lexical):
        piece = lexical[offset : offset + _CHECKED_BYTES]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:
            piece = lexical[offset : offset + _CHECKED_BYTES + 1]  # an escape stays in one piece
        offset += len(piece)
        # Without escaped backslashes and quotes, every quote begins or ends a string. A replacement of the same length
        # takes one scan instead of two.
        plain = piece.replace(rb"\\", b"..").replace(rb"\"", b"..")
        parts = plain.translate(None, _NOT_STRUCTURE).split(b'"')
        found.append(b"".join(parts[in_string::2]))
        quotes = len(parts) - 1
        in_string ^= quotes % 2 == 1
        size += len(found[-1]) + quotes
        if size > 5 * conf.max_values:  # a value and its key add at most a comma and four quotes or brackets
            _refuse_values()
        let_others_run(len(lexical))
    return b"".join(found)


def _refuse_values() -> NoReturn:
    raise InvalidRequest(f"The request body has more than {conf.max_values} JSON values.", code="invalid_value")


def _check_values(body: bytes) -> None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        refuse_json("it is not valid UTF-8")
    let_others_run(len(body))
    try:
        value = _look_through(text)
    except (ValueError, RecursionError):
        refuse_json()
    if value is not None:
        raise InvalidRequest("The request body must be a JSON object.", code="invalid_type")


def _check_keys(pairs: list[tuple[str, Any]]) -> None:
    """For `object_pairs_hook`; returns nothing, so that an object is read as None and takes no memory."""
    if len(pairs) > 1 and len(dict(pairs)) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        name = next(name for name, count in counts.items() if count > 1)
        shown = name[:64] if name.isprintable() else None
        raise InvalidRequest("The request body has a duplicate key.", param=shown, code="invalid_json")


def _check_float(text: str) -> None:
    if math.isinf(float(text)):
        refuse_json("a number is out of range")  # some parsers read it as Infinity, others refuse it


def _refuse_constant(name: str) -> NoReturn:
    refuse_json(f"{name} is not a JSON value")


def _decoder(parse_float: Callable[[str], None]) -> Callable[[str], Any]:
    return json.JSONDecoder(
        object_pairs_hook=_check_keys, parse_constant=_refuse_constant, parse_float=parse_float
    ).decode


_decode: Final = _decoder(_check_float)


def _look_through(text: str) -> Any:
    """Check keys and numbers; None for an object. Long numbers are slow to read, so other calls run in between."""
    if len(text) <= PIECE_BYTES:
        return _decode(text)
    size = 0

    def check_float(number: str) -> None:
        nonlocal size
        _check_float(number)
        size += len(number)
        if size > _CHECKED_BYTES:
            size = 0
            let_others_run(len(text))

    return _decoder(check_float)(text)


def _has_suspicious_escape(body: bytes) -> bool:
    for offset in range(0, len(body), _CHECKED_BYTES):
        if _SUSPICIOUS_ESCAPE.search(body, offset, offset + _CHECKED_BYTES + _ESCAPE_BYTES):
            return True
        let_others_run(len(body))
    return False


def _check_escapes(body: bytes) -> None:
    """Refuse NUL characters and lone surrogates, which valid UTF-8 can contain only as escapes."""
    offset = 0
    while offset < len(body):
        match = _VALID_ESCAPES.match(body, offset)
        end = match.end() if match else offset
        if end == offset:
            path = _path_at(body, offset) if offset < _CHECKED_BYTES else None
            refuse_json("a string contains a NUL character or a lone surrogate", path or None)
        offset = end
        let_others_run(len(body))


def _path_at(body: bytes, offset: int) -> str:
    """The path of the string at this place of a valid JSON text, such as `messages[0].content`."""
    steps: list[str | int] = []
    text = b""
    for match in _TOKEN.finditer(body, 0, offset):
        token = match[0]
        if token in (b"{", b"["):
            steps.append("" if token == b"{" else 0)
        elif token in (b"}", b"]"):
            steps.pop()
        elif token == b",":
            last = steps[-1]
            steps[-1] = last + 1 if isinstance(last, int) else ""
        elif token == b":":
            steps[-1] = json.loads(text)
        else:
            text = token
    return "".join(map(_step, steps)).removeprefix(".")


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step[:64]}" if step and step.isprintable() else ""
