"""The same short answer in every form that upstreams send it in."""

from __future__ import annotations

import json
from typing import Any

from tests.support.bodies import DONE, chunk

ROLE = chunk({"role": "assistant", "content": ""})

HELLO = chunk({"content": "Hello"})

STOP = chunk(finish_reason="stop")


def bytes_of(*bodies: dict[str, Any], end: bytes = b"\n") -> bytes:
    return b"".join(b"data: %b%b%b" % (json.dumps(body).encode(), end, end) for body in bodies)


ALL = (ROLE, HELLO, STOP)

UNICODE = chunk({"content": "ü🙂\u0085\u2028é"})

QUIRKS: dict[str, tuple[bytes, str]] = {
    "usual": (bytes_of(*ALL) + DONE, "Hello"),
    "CRLF": (bytes_of(*ALL, end=b"\r\n") + b"data: [DONE]\r\n\r\n", "Hello"),
    "CR": (bytes_of(*ALL, end=b"\r") + b"data: [DONE]\r\r", "Hello"),
    "comments": (b": hi\n\n:\n" + b": PROCESSING\n\n".join(map(bytes_of, ALL)) + DONE, "Hello"),
    "fields": (b"".join(b"event: message\nid: 7\nretry: 10\nfoo: bar\n" + bytes_of(c) for c in ALL) + DONE, "Hello"),
    "BOM": (b"\xef\xbb\xbf" + bytes_of(*ALL) + DONE, "Hello"),
    "no space": (bytes_of(*ALL).replace(b"data: ", b"data:") + b"data:[DONE]\n\n", "Hello"),
    "blank lines": (b"\n\n\n" + bytes_of(*ALL).replace(b"\n\n", b"\n\n\n\n") + DONE, "Hello"),
    "empty data": (b"data:\n\ndata: \n\n" + bytes_of(*ALL) + b"data\n\n" + DONE, "Hello"),
    "data over lines": (
        b"".join(b"data: {\ndata: %b\n\n" % json.dumps(c).encode()[1:] for c in ALL) + DONE,
        "Hello",
    ),
    "no DONE": (bytes_of(*ALL), "Hello"),
    "no DONE, no blank line": (bytes_of(*ALL)[:-2], "Hello"),
    "no DONE, CR at the end": (bytes_of(*ALL)[:-2] + b"\r", "Hello"),
    "DONE without a blank line": (bytes_of(*ALL) + b"data: [DONE]", "Hello"),
    "DONE twice": (bytes_of(*ALL) + DONE + DONE, "Hello"),
    "more after DONE": (bytes_of(*ALL) + DONE + bytes_of(HELLO), "Hello"),
    "no finish reason": (bytes_of(ROLE, HELLO) + DONE, "Hello"),
    "two finish reasons": (bytes_of(*ALL, STOP) + DONE, "Hello"),
    "role in each chunk": (bytes_of(ROLE, chunk({"role": "assistant", "content": "Hello"}), STOP) + DONE, "Hello"),
    "no role": (bytes_of(HELLO, STOP) + DONE, "Hello"),
    "no id": (bytes_of(*({**c, "id": None} for c in ALL)) + DONE, "Hello"),
    "changing id": (bytes_of(*({**c, "id": f"chatcmpl-{i}", "created": i} for i, c in enumerate(ALL))) + DONE, "Hello"),
    "no object": (bytes_of(*({"choices": c["choices"]} for c in ALL)) + DONE, "Hello"),
    "no index": (bytes_of(*({"choices": [{"delta": c["choices"][0]["delta"]}]} for c in ALL)) + DONE, "Hello"),
    "Azure": (bytes_of(chunk(choices=[], id="", model="", prompt_filter_results=[]), *ALL) + DONE, "Hello"),
    "choices null": (bytes_of(chunk(choices=None), *ALL) + DONE, "Hello"),
    "ping event": (b'event: ping\ndata: {"type": "ping"}\n\n' + bytes_of(*ALL) + DONE, "Hello"),
    "reason with the text": (bytes_of(ROLE, chunk({"content": "Hello"}, "stop")) + DONE, "Hello"),
    "unicode": (bytes_of(ROLE, UNICODE, STOP) + DONE, "ü🙂\u0085\u2028é"),
    "raw unicode": (
        bytes_of(ROLE) + f"data: {json.dumps(UNICODE, ensure_ascii=False)}\n\n".encode() + bytes_of(STOP) + DONE,
        "ü🙂\u0085\u2028é",
    ),
    "escaped unicode line ends": (bytes_of(ROLE, chunk({"content": "a\n\nb\r"}), STOP) + DONE, "a\n\nb\r"),
}
