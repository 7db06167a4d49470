"""`FunctionBackend`: calls a function of the host."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from threadless.backends.base import BaseChatBackend, payload_of
from threadless.backends.convert import chunks_of, completion_of, text_chunk
from threadless.backends.event_loop import event_loop
from threadless.backends.vendor_errors import VendorErrors, redactor_of
from threadless.encoding import encode
from threadless.exceptions import APIError, UpstreamError
from threadless.types import Caller, ChatRequest, Chunk, Completion, Target


class FunctionBackend(BaseChatBackend):
    """Calls `function(payload, caller)`. The option is the function or its dotted path.

    `payload` is the request as a dict: the client's fields with the upstream name in `model` and the agent's
    instructions among the `messages`. The function answers with a text, a `chat.completion` dict, or an iterator of
    texts or `chat.completion.chunk` dicts; it may be a generator, `async def`, or an async generator. A text may be
    lazy or a `SafeString`, and a dict may hold any value that `threadless.encoding` knows.

    Exceptions of common SDKs become errors for the client; `errors` adds rules (see `VendorErrors`).
    """

    def __init__(
        self,
        *,
        function: str | Callable[..., Any],
        errors: Mapping[str, int | str | Callable[[Any], APIError | None]] | None = None,
        alias: str = "",
    ) -> None:
        super().__init__(alias=alias)
        self._errors = VendorErrors(errors)
        self._function = import_string(function) if isinstance(function, str) else function
        if not callable(self._function):
            raise ImproperlyConfigured(f"Backend {alias!r}: the option 'function' must be callable.")

    def complete(self, request: ChatRequest, target: Target, caller: Caller) -> Completion:
        with self._errors.translated(redactor_of(request, target)):
            answer = self._answer(request, target, caller)
            if isinstance(answer, str):
                return Completion.from_text(answer)
            if isinstance(answer, dict):
                return Completion(body=answer)
            return Completion(body=completion_of(_chunks(answer)))

    def stream(self, request: ChatRequest, target: Target, caller: Caller) -> Iterator[Chunk]:
        with self._errors.translated(redactor_of(request, target)):
            answer = self._answer(request, target, caller)
            if isinstance(answer, str):
                answer = Completion.from_text(answer).body
            yield from chunks_of(answer) if isinstance(answer, dict) else _chunks(answer)

    def _answer(self, request: ChatRequest, target: Target, caller: Caller) -> Any:
        self.validate_request(request, target)
        payload = {name: msgspec.json.decode(raw) for name, raw in payload_of(request, target).items()}
        answer = self._function(payload, caller)
        return _plain(event_loop.run(answer) if inspect.isawaitable(answer) else answer)


def _plain(part: Any) -> Any:
    """A text or dict as plain Python values, which our own code reads; anything else unchanged."""
    if type(part) is str or not isinstance(part, str | Promise | dict):
        return part
    return msgspec.json.decode(encode(part))


def _chunks(parts: Any) -> Iterator[Chunk]:
    """Each part as a chunk. A stream without a finish reason gets "stop"."""
    finished = False
    for given in _iterate(parts):
        part = _plain(given)
        chunk = text_chunk(part) if isinstance(part, str) else part
        finished = finished or any(choice.get("finish_reason") for choice in chunk.get("choices") or [])
        yield chunk
    if not finished:
        yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def _iterate(parts: Any) -> Iterator[Any]:
    if hasattr(parts, "__aiter__"):
        yield from event_loop.iterate(parts)
        return
    if not hasattr(parts, "__iter__"):
        raise UpstreamError("The model gave no answer.")
    try:
        yield from parts
    finally:
        if hasattr(parts, "close"):
            parts.close()
