"""The bytes of server-sent events, as the readers of SDKs see them."""

from __future__ import annotations

import json

import pytest
from openai._streaming import SSEDecoder

from threadless.dialects.base import Dialect, event

DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    "character", ["\u2028", "\u2029", "\u0085", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"]
)
def test_event_has_no_line_end_in_its_data(character: str) -> None:
    encoded = event({"text": f"é{character}ü", character: 1})
    assert len(encoded.decode().splitlines()) == 2
    assert json.loads(encoded.removeprefix(b"data: ")) == {"text": f"é{character}ü", character: 1}


def test_event_keeps_other_characters_as_they_are() -> None:
    assert event("“é” – 🙂") == 'data: "“é” – 🙂"\n\n'.encode()


def test_ping_is_one_comment_line() -> None:
    assert Dialect.ping == b": ping\n"


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_sdk_reads_the_same_events_with_pings_as_without(size: int) -> None:
    events = [event({"number": number}) for number in range(3)] + [DONE]
    body = Dialect.ping * 2 + Dialect.ping.join(events)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    read = [each.data for each in SSEDecoder().iter_bytes(iter(pieces))]
    assert read == ['{"number":0}', '{"number":1}', '{"number":2}', "[DONE]"]
