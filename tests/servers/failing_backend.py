"""A host's LLM path with a bug."""

from __future__ import annotations

from typing import Any

from project.llm import PlatformLLM
from threadless.types import Caller, ChatRequest, Target


class BuggyLLM(PlatformLLM):
    """Fails unexpectedly for one user, with the whole request at hand."""

    def payload(self, request: ChatRequest, target: Target, caller: Caller, **fields: Any) -> dict[str, Any]:
        if request.get("user") == "bug":
            raise RuntimeError("something in the host went wrong")
        return super().payload(request, target, caller, **fields)
