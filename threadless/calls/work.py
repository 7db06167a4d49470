"""The work of a call: run the backend, and pass on what it produces. Done by the thread that owns the call."""

from __future__ import annotations

from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Any

from threadless.conf import conf

if TYPE_CHECKING:
    from threadless.calls.call import Call


def do_work(call: Call) -> None:
    """Run the backend to its end; raises what it raises, or `Cancelled`."""
    with call.lifetime.active():
        call.lifetime.check()
        call.context.enter()
        call.lifetime.has_asked = not call.backend.notes_requests
        call.account.forget_large_request()
        if call.encoder is None:
            _complete(call)
        else:
            _stream(call, call.encoder)


def _complete(call: Call) -> None:
    answer = call.dialect.call(call.backend, call.asked, call.target, call.caller)
    call.first_token_seconds = call.lifetime.elapsed
    body = call.dialect.answer(answer, call.account, call.asked, call.target)
    call.lifetime.check()
    call.result = body


def _stream(call: Call, encoder: Any) -> None:
    items: Any = call.dialect.stream(call.backend, call.asked, call.target, call.caller)
    with closing(items) if hasattr(items, "close") else nullcontext():
        for item in items:
            call.lifetime.check()
            _send(call, encoder.encode(item))
    call.lifetime.check()
    _send(call, encoder.end())
    call.result = encoder.done


def _send(call: Call, data: bytes) -> None:
    if not data:
        return
    if call.first_token_seconds is None:
        call.first_token_seconds = call.lifetime.elapsed
    if not call.channel.put(data, conf.stall_seconds):
        call.cancel()
    call.lifetime.check()
    call.gates.progress(call)
