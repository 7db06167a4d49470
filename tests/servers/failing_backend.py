"""A host's LLM path with a bug that would tell what it was asked."""

from __future__ import annotations

from typing import Any

from project.llm import PlatformLLM
from threadless.types import Caller, ChatRequest, Target


class TalkativeLLM(PlatformLLM):
    """Raises the request's own text for one user, like a bug with too much in its message."""

    def payload(self, request: ChatRequest, target: Target, caller: Caller, **fields: Any) -> dict[str, Any]:
        if request.get("user") == "bug":
            raise RuntimeError("something in the host went wrong")
        return super().payload(request, target, caller, **fields)
