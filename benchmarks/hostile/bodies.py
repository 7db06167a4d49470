"""Shapes of JSON that make a reader work hard: each fills the given number of bytes, up to one item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from benchmarks.hostile import MODEL

SIZE: Final = 16 * 1024 * 1024 - 1024
"""Just below the default `MAX_BODY_BYTES`."""
_SMILE: Final = rb"\ud83d\ude00"


def _body(fields: bytes, content: bytes = b"Hello") -> bytes:
    return b'{"model":"%b","messages":[{"role":"user","content":"%b"}],%b}' % (MODEL.encode(), content, fields)


def _filled(size: int, start: bytes, item: bytes, end: bytes, content: bytes = b"Hello") -> bytes:
    """A body in which `item` and commas fill the room between `start` and `end`."""
    room = size - len(_body(start + end, content))
    items = b",".join([item] * ((room + 1) // (len(item) + 1)))
    return _body(start + items + end, content)


def _numbered(size: int, item: bytes) -> bytes:
    """`item` with a number in it, as often as fits, with commas."""
    made, room, number = [], size - len(_body(b'"metadata":{}')), 0
    while (room := room - len(following := item % number) - 1) >= 0:
        made.append(following)
        number += 1
    return b",".join(made)


def deep_arrays(size: int) -> bytes:
    return _filled(size, b'"x":[', b"[" * 98 + b"]" * 98, b"]")


def deep_objects(size: int) -> bytes:
    return _filled(size, b'"x":[', b'{"a":' * 90 + b"0" + b"}" * 90, b"]")


def empty_arrays(size: int) -> bytes:
    """With one escape outside the basic plane, which makes some readers look twice."""
    return _filled(size, b'"x":[', b"[]", b"]", _SMILE)


def empty_objects(size: int) -> bytes:
    return _filled(size, b'"x":[', b"{}", b"]", _SMILE)


def tool_parameters(size: int) -> bytes:
    start = b'"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","x":['
    return _filled(size, start, b"[]", b"]}}}]")


def metadata_keys(size: int) -> bytes:
    return _body(b'"metadata":{%b}' % _numbered(size, b'"k%d":""'))


def top_level_keys(size: int) -> bytes:
    return _body(_numbered(size, b'"k%d":0'))


def numbers(size: int) -> bytes:
    return _filled(size, b'"x":[', b"0", b"]")


def long_number(size: int) -> bytes:
    return _body(b'"x":1%b' % (b"0" * _room(size, b'"x":1')))


def escapes(size: int) -> bytes:
    return _body(b'"x":"%b"' % (rb"\u00e9" * (_room(size, b'"x":""') // 6)))


def content_parts(size: int) -> bytes:
    item = b'{"type":"text","text":""}'
    return _in_message(item, b",", _room(size, b"", item) // (len(item) + 1))


def image(size: int) -> bytes:
    """One data URL."""
    start, end = b'{"type":"image_url","image_url":{"url":"data:image/png;base64,', b'"}}'
    return _in_message(start + b"A" * _room(size, b"", start + end) + end, b"", 1)


def messages(size: int) -> bytes:
    item = b'{"role":"user","content":""}'
    return b'{"model":"%b","messages":[%b]}' % (
        MODEL.encode(),
        b",".join([item] * (_room(size, b"") // (len(item) + 1))),
    )


def long_text(size: int) -> bytes:
    """One message of ordinary text."""
    text = b"A line of a long history, with \xc3\xa9 in it.\\n"
    return _body(b'"n":1', text * (_room(size, b'"n":1') // len(text)))


def _room(size: int, fields: bytes, item: bytes = b"") -> int:
    """Bytes left in a body beside these."""
    return size - len(_body(fields)) - len(item)


def _in_message(item: bytes, separator: bytes, count: int) -> bytes:
    message = b'{"role":"user","content":[%b]}' % separator.join([item] * count)
    return b'{"model":"%b","messages":[%b]}' % (MODEL.encode(), message)


SHAPES: Final[dict[str, Callable[[int], bytes]]] = {
    shape.__name__: shape
    for shape in (
        *(deep_arrays, deep_objects, empty_arrays, empty_objects, tool_parameters, metadata_keys, top_level_keys),
        *(numbers, long_number, escapes, content_parts, image, messages, long_text),
    )
}
