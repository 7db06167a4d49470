"""Answers calls by any-llm. Needs `any-llm-sdk`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import any_llm

from threadless.contrib.bridge import BridgedCall
from threadless.contrib.completions import CompletionsBridge
from threadless.types import JSONObject


class AnyLLMBackend(CompletionsBridge):
    """Calls `any_llm.completion` with the arguments that `function(request, target, caller)` returns.

    For example `{"model": "claude-sonnet-4-5", "provider": "anthropic", "api_key": …}`; the target's model is used if
    there is none. The function may also return an `any_llm.AnyLLM`.
    """

    def create(self, call: BridgedCall, arguments: JSONObject) -> Any:
        made = call.made
        if isinstance(made, Mapping):
            return any_llm.completion(**{"model": call.target.model, **arguments, **made})
        return made.completion(model=call.target.model, **arguments)

    def secrets(self, call: BridgedCall) -> list[str]:
        made = call.made if isinstance(call.made, Mapping) else {}
        return [str(made[name]) for name in ("api_key", "api_base") if made.get(name)]
