"""`CompletionsBridge`: for packages whose calls and answers have the form of the OpenAI reference."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, nullcontext
from typing import Any

from threadless.backends.cleaning import clean
from threadless.backends.event_loop import event_loop
from threadless.backends.upstream import CallRedactor
from threadless.backends.vendor_errors import redactor_of
from threadless.completions.fields import Fields
from threadless.contrib.bridge import BridgeBackend, BridgedCall
from threadless.exceptions import UpstreamError
from threadless.types import Chunk, JSONObject

_STREAM: Any = {"stream": True, "stream_options": {"include_usage": True}}


class CompletionsBridge(BridgeBackend):
    """Subclasses make the call, synchronous or not, in `create`."""

    carried_fields = frozenset(Fields.__struct_fields__)
    carried_parts = frozenset({"text", "refusal", "image_url", "input_audio", "file"})

    @abstractmethod
    def create(self, call: BridgedCall, arguments: JSONObject) -> Any:
        """Call the package with `messages`, perhaps `stream`, and the fields of the request.

        Returns what the package returns: an answer, an iterator of chunks, or an awaitable of either.
        """

    def secrets(self, call: BridgedCall) -> list[str]:
        """Keys and addresses that must not appear in what clients see."""
        return []

    def answer(self, call: BridgedCall) -> JSONObject:
        made = self.create(call, self._arguments(call))
        return _body_of(event_loop.run(made) if inspect.isawaitable(made) else made, self._redactor(call))

    def chunks(self, call: BridgedCall) -> Iterator[Chunk]:
        options = {**_STREAM["stream_options"], **(call.request.get("stream_options") or {}), "include_usage": True}
        made = self.create(call, {**self._arguments(call), "stream": True, "stream_options": options})
        redact = self._redactor(call)
        is_async = inspect.isawaitable(made) or hasattr(made, "__aiter__")
        items: Any = event_loop.iterate(_items_of(made)) if is_async else made
        with closing(items) if hasattr(items, "close") else nullcontext():
            for item in items:
                yield _body_of(item, redact)

    def _arguments(self, call: BridgedCall) -> JSONObject:
        return {"messages": call.messages, **call.fields}

    def _redactor(self, call: BridgedCall) -> CallRedactor:
        return redactor_of(call.request, call.target)(self.secrets(call))


async def _items_of(made: Any) -> AsyncIterator[Any]:
    """The items of an asynchronous stream, or of an awaitable of one. The stream is closed at the end."""
    stream = await made if inspect.isawaitable(made) else made
    try:
        async for item in stream:
            yield item
    finally:
        close = getattr(stream, "close", None) or getattr(stream, "aclose", None)
        result = close() if close is not None else None
        if inspect.isawaitable(result):
            await result


def _body_of(item: Any, redact: CallRedactor) -> JSONObject:
    """A chunk or an answer as a dict, without secrets in what the model did not write."""
    if not hasattr(item, "model_dump"):
        raise UpstreamError(f"The model's answer has the type {type(item).__name__!r}.")
    body: JSONObject = item.model_dump(mode="json", exclude_none=True, warnings=False)
    clean(body, redact)
    return body
