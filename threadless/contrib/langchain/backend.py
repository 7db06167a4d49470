"""`LangChainBackend`: a chat model or runnable of LangChain."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from langchain_core.runnables import Runnable, RunnableConfig

from threadless.contrib.bridge import BridgeBackend, BridgedCall
from threadless.contrib.langchain.answers import AnswerReader
from threadless.contrib.langchain.binding import REQUEST_FIELDS, Binder
from threadless.contrib.langchain.messages import messages_of
from threadless.exceptions import APIError
from threadless.types import Chunk, JSONObject


class LangChainBackend(BridgeBackend):
    """Calls the model that `function(request, target, caller)` returns, alone or as `(model, config)`.

    The model is a chat model, a binding of one, or any runnable that takes messages and answers with a message or a
    text. `config` is LangChain's: callbacks, tags, metadata.

    - `fields`: further request fields that the models take: field → keyword argument.
    """

    carried_fields = REQUEST_FIELDS
    carried_parts: ClassVar[frozenset[str]] = frozenset({"text", "refusal", "image_url", "input_audio", "file"})

    def __init__(
        self,
        *,
        function: str | Callable[..., Any],
        fields: Mapping[str, str] | None = None,
        drop: Collection[str] = (),
        reads: Collection[str] = (),
        errors: Mapping[str, int | str | Callable[[Any], APIError | None]] | None = None,
        alias: str = "",
    ) -> None:
        super().__init__(function=function, drop=drop, reads=reads, errors=errors, alias=alias)
        self._fields = dict(fields or {})
        self.carried_fields = type(self).carried_fields | self._fields.keys()

    def answer(self, call: BridgedCall) -> JSONObject:
        model, config = self._prepared(call)
        return AnswerReader().completion(model.invoke(messages_of(call.messages), config))

    def chunks(self, call: BridgedCall) -> Iterator[Chunk]:
        model, config = self._prepared(call)
        parts: Any = model.stream(messages_of(call.messages), config)
        with closing(parts):
            yield from AnswerReader().chunks(parts)

    def _prepared(self, call: BridgedCall) -> tuple[Runnable[Any, Any], RunnableConfig]:
        model, config = call.made if isinstance(call.made, tuple) else (call.made, None)
        if not isinstance(model, Runnable):
            raise ImproperlyConfigured(f"Backend {self.alias!r}: the function must return a LangChain runnable.")
        bound = Binder(call.fields, call.request.fields, self._fields, self.drops).bound(model)
        return bound, with_metadata(config, call)


def with_metadata(config: RunnableConfig | None, call: BridgedCall) -> RunnableConfig:
    """The host's config. The client's `user` and `metadata`, and our request id, join the metadata of the run."""
    given = {"user": call.fields.get("user"), **(call.fields.get("metadata") or {})}
    metadata = {"request_id": call.request.request_id, **{name: value for name, value in given.items() if value}}
    merged: RunnableConfig = {**(config or {})}
    merged["metadata"] = {**metadata, **(merged.get("metadata") or {})}
    return merged
