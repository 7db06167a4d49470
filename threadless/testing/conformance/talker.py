"""`Talker`: the backend of the tests in process. It needs no upstream, and can talk without an end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from threadless.backends.base import BaseChatBackend
from threadless.backends.convert import chunks_of, text_chunk
from threadless.backends.lifetime import current
from threadless.types import Caller, ChatRequest, Chunk, Completion, Target

ENDLESS: Final = "Talk until I leave."
"""What a user says to hear words until the client leaves."""
USAGE: Final = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
_PAUSE_SECONDS: Final = 0.02


class Talker(BaseChatBackend):
    """Says hello and reports its usage."""

    def complete(self, request: ChatRequest, target: Target, caller: Caller) -> Completion:
        self.validate_request(request, target)
        return Completion.from_text("Hello there.", usage=dict(USAGE))

    def stream(self, request: ChatRequest, target: Target, caller: Caller) -> Iterator[Chunk]:
        if request.get("messages")[-1]["content"] == ENDLESS:
            yield from _words()
        yield from chunks_of(self.complete(request, target, caller).body)


def _words() -> Iterator[Chunk]:
    """Words until the call is over."""
    lifetime = current()
    while lifetime is not None:
        yield text_chunk("Hello ")
        lifetime.check()
        time.sleep(_PAUSE_SECONDS)
