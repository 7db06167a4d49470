"""Shapes of JSON that are small for their kind of work: each fills `SIZE` bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.hostile import MODEL

SIZE: Final = 32 * 1024 * 1024 - 1024
"""Just below the default `MAX_BODY_BYTES`."""
_SMILE: Final = rb"\ud83d\ude00"


def _body(fields: bytes, content: bytes = b"Hello") -> bytes:
    return b'{"model":"%b","messages":[{"role":"user","content":"%b"}],%b}' % (MODEL.encode(), content, fields)


def _filled(start: bytes, item: bytes, end: bytes, content: bytes = b"Hello") -> bytes:
    """A body in which `item` and commas fill the room between `start` and `end`."""
    room = SIZE - len(_body(start + end, content))
    items = b",".join([item] * ((room + 1) // (len(item) + 1)))
    return _body(start + items + end, content)


def _numbered(item: bytes) -> Iterator[bytes]:
    """`item` with a number in it, as often as fits."""
    size, number = 200, 0
    while (size := size + len(made := item % number) + 1) <= SIZE:
        yield made
        number += 1


def deep_arrays() -> bytes:
    return _filled(b'"x":[', b"[" * 98 + b"]" * 98, b"]")


def deep_objects() -> bytes:
    return _filled(b'"x":[', b'{"a":' * 90 + b"0" + b"}" * 90, b"]")


def empty_arrays() -> bytes:
    """With one escape outside the basic plane, which makes some readers look twice."""
    return _filled(b'"x":[', b"[]", b"]", _SMILE)


def empty_objects() -> bytes:
    return _filled(b'"x":[', b"{}", b"]", _SMILE)


def tool_parameters() -> bytes:
    start = b'"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","x":['
    return _filled(start, b"[]", b"]}}}]")


def metadata_keys() -> bytes:
    return _body(b'"metadata":{%b}' % b",".join(_numbered(b'"k%d":""')))


def top_level_keys() -> bytes:
    return _body(b",".join(_numbered(b'"k%d":0')))


def numbers() -> bytes:
    return _filled(b'"x":[', b"0", b"]")


def long_number() -> bytes:
    return _body(b'"x":%b' % (b"1" * (SIZE - 200)))


def escapes() -> bytes:
    return _body(b'"x":"%b"' % (rb"\u00e9" * ((SIZE - 200) // 6)))


def content_parts() -> bytes:
    return _in_messages(b'{"role":"user","content":[%b]}', b'{"type":"text","text":""}')


def image() -> bytes:
    """One data URL."""
    message = b'{"role":"user","content":[%b]}'
    part = b'{"type":"image_url","image_url":{"url":"data:image/png;base64,%b"}}' % (b"A" * (SIZE - 300))
    return _in_messages(message, part)


def messages() -> bytes:
    return _in_messages(b"%b", b'{"role":"user","content":""}')


def long_text() -> bytes:
    """One message of ordinary text."""
    text = b"A line of a long history, with \xc3\xa9 in it.\\n"
    return _body(b'"n":1', text * ((SIZE - 200) // len(text)))


def _in_messages(message: bytes, item: bytes) -> bytes:
    count = math.ceil((SIZE - 300) / (len(item) + 1)) if len(item) < 1000 else 1
    start = b'{"model":"%b","messages":[' % MODEL.encode()
    return start + message % b",".join([item] * count) + b"]}"


SHAPES: Final[dict[str, Callable[[], bytes]]] = {
    shape.__name__: shape
    for shape in (
        *(deep_arrays, deep_objects, empty_arrays, empty_objects, tool_parameters, metadata_keys, top_level_keys),
        *(numbers, long_number, escapes, content_parts, image, messages, long_text),
    )
}
