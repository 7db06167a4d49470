"""Answers calls by LiteLLM. Needs `litellm`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import litellm

from threadless.contrib.bridge import BridgedCall
from threadless.contrib.completions import CompletionsBridge
from threadless.types import JSONObject


class LiteLLMBackend(CompletionsBridge):
    """Calls `litellm.completion` with what `function(request, target, caller)` returns.

    That is a dict of arguments, such as `{"model": "azure/gpt-4.1", "api_key": …}`, or a `litellm.Router`, whose model
    group is then the target's model.
    """

    def create(self, call: BridgedCall, arguments: JSONObject) -> Any:
        made = call.made
        if isinstance(made, Mapping):
            return litellm.completion(**{"model": call.target.model, **arguments, **made})
        return made.completion(model=call.target.model, **arguments)

    def secrets(self, call: BridgedCall) -> list[str]:
        made = call.made if isinstance(call.made, Mapping) else {}
        return [str(made[name]) for name in ("api_key", "api_base", "base_url") if made.get(name)]
