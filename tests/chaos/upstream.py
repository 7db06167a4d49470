"""An upstream that answers, fails, stalls and cuts as each request asks, and reports its own tokens for each id."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

from tests.support.bodies import chunk, completion, event
from tests.support.upstream import Exchange

TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
_CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
_ERROR = {"error": {"message": "the machine is on fire", "type": "server_error", "code": "fire"}}
_STALL_SECONDS = 30
HOLD_SECONDS = 8
LARGE_BYTES = 5_000_000
"""Exceeds the largest send buffer that Linux gives a socket by itself: 4 MiB."""
_LARGE_TEXT = b"a" * LARGE_BYTES
_LARGE_PIECE = event(chunk({"content": "a" * 30_000}))
_PLACE = "the large text"


def usage_of(request_id: str) -> dict[str, int]:
    """The tokens of a call: differ from call to call, so that no row can have another's."""
    number = zlib.crc32(request_id.encode()) % 1_000_000
    return {"prompt_tokens": number, "completion_tokens": number // 7, "total_tokens": number + number // 7}


def plain(exchange: Exchange) -> None:
    _pause(exchange)
    exchange.answer(completion("Hello", usage=usage_of(exchange.request_id)))


def plain_tools(exchange: Exchange) -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [_CALL]}
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    exchange.answer(completion(choices=choices, usage=usage_of(exchange.request_id)))


def stream(exchange: Exchange) -> None:
    _begin(exchange)
    _finish(exchange, "stop")


def stream_tools(exchange: Exchange) -> None:
    exchange.start()
    exchange.event(chunk({"role": "assistant", "tool_calls": [{"index": 0, **_CALL}]}))
    _finish(exchange, "tool_calls")


def fail(exchange: Exchange) -> None:
    exchange.answer(_ERROR, 500)


def overload(exchange: Exchange) -> None:
    exchange.answer(_ERROR, 503)


def fail_in_stream(exchange: Exchange) -> None:
    _begin(exchange)
    exchange.event(_ERROR)
    exchange.end()


def stall(exchange: Exchange) -> None:
    exchange.wait_closed(_STALL_SECONDS)


def stall_in_stream(exchange: Exchange) -> None:
    _begin(exchange)
    exchange.wait_closed(_STALL_SECONDS)


def cut(exchange: Exchange) -> None:
    exchange.cut(reset=True)


def cut_in_stream(exchange: Exchange) -> None:
    _begin(exchange)
    exchange.cut()


def cut_before_usage(exchange: Exchange) -> None:
    _begin(exchange)
    exchange.event(chunk(finish_reason="stop"))
    exchange.cut()


def hold(exchange: Exchange) -> None:
    """A stream that goes on until its client leaves, or for `HOLD_SECONDS`."""
    exchange.start()
    exchange.event(chunk({"content": "Hello"}))
    exchange.wait_closed(HOLD_SECONDS)
    _finish(exchange, "stop")


def large(exchange: Exchange) -> None:
    """An answer that does not fit into the buffers between the server and a client that reads nothing.

    Encoded in advance: the victim runs in this process, and would wait for the encoder instead of the server.
    """
    if exchange.body.get("stream"):
        exchange.start()
        for _ in range(LARGE_BYTES // len(_LARGE_PIECE)):
            exchange.chunk(_LARGE_PIECE)
        _finish(exchange, "stop")
    else:
        answer = json.dumps(completion(_PLACE, usage=usage_of(exchange.request_id))).encode()
        exchange.answer(answer.replace(_PLACE.encode(), _LARGE_TEXT))


PLAIN: dict[str, Callable[[Exchange], None]] = {
    behaviour.__name__: behaviour for behaviour in (plain, plain_tools, fail, overload, stall, cut)
}
STREAMED: dict[str, Callable[[Exchange], None]] = {
    behaviour.__name__: behaviour
    for behaviour in (
        *(stream, stream_tools, fail, overload, fail_in_stream),
        *(stall, stall_in_stream, cut, cut_in_stream, cut_before_usage),
    )
}
SPECIAL: dict[str, Callable[[Exchange], None]] = {"hold": hold, "large": large}
"""Only for calls that ask for it; no random plan contains these."""


def behave(exchange: Exchange) -> None:
    """As the request's `user` says: the one field that reaches an upstream unchanged and means nothing to anybody."""
    try:
        behaviour = exchange.body["user"]
    except ValueError:  # the client left, or the worker died, while the request was on its way
        return
    (PLAIN | STREAMED | SPECIAL)[behaviour](exchange)


def _begin(exchange: Exchange) -> None:
    exchange.start()
    for word in ("Hello", " there,", " dear", " caller"):
        exchange.event(chunk({"content": word}))
        _pause(exchange)


def _finish(exchange: Exchange, reason: str) -> None:
    exchange.event(chunk(finish_reason=reason))
    last: dict[str, Any] = chunk(choices=[], usage=usage_of(exchange.request_id))
    exchange.event(last)
    exchange.chunk(b"data: [DONE]\n\n")
    exchange.end()


def _pause(exchange: Exchange) -> None:
    """So that a call lasts long enough for things to happen to it."""
    exchange.wait_closed(0.1)
