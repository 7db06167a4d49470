"""`DummyBackend`: gives fixed answers and records the requests, for hosts' tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from threadless.backends.base import BaseChatBackend
from threadless.backends.convert import chunks_of
from threadless.exceptions import APIError
from threadless.types import Caller, ChatRequest, Chunk, Completion, JSONObject, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One recorded call."""

    request: ChatRequest
    target: Target
    caller: Caller


class DummyBackend(BaseChatBackend):
    """Gives every call the same answer: a string, a `chat.completion` dict, the given chunks, or an error."""

    def __init__(
        self,
        *,
        answer: str | JSONObject = "This is a dummy answer.",
        chunks: list[Chunk] | None = None,
        error: APIError | None = None,
        alias: str = "",
    ) -> None:
        super().__init__(alias=alias)
        self._body = Completion.from_text(answer).body if isinstance(answer, str) else answer
        self._chunks = chunks
        self._error = error
        self.asked: list[Asked] = []
        """The calls so far, oldest first: `backends["default"].asked`."""

    def complete(self, request: ChatRequest, target: Target, caller: Caller) -> Completion:
        self._record(request, target, caller)
        return Completion(body=dict(self._body))

    def stream(self, request: ChatRequest, target: Target, caller: Caller) -> Iterator[Chunk]:
        self._record(request, target, caller)
        yield from chunks_of(self._body) if self._chunks is None else self._chunks

    def _record(self, request: ChatRequest, target: Target, caller: Caller) -> None:
        self.validate_request(request, target)
        self.asked.append(Asked(request=request, target=target, caller=caller))
        if self._error is not None:
            raise self._error
