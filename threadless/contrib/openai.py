"""Answers calls by the host's own client of the OpenAI SDK. Needs `openai`."""

from __future__ import annotations

from typing import Any

import openai
from django.core.exceptions import ImproperlyConfigured

from threadless.backends.payloads import REFUSED_FIELDS
from threadless.contrib.bridge import BridgedCall, unsupported
from threadless.contrib.completions import CompletionsBridge
from threadless.types import ChatRequest, JSONObject, Target


class OpenAIClientBackend(CompletionsBridge):
    """Calls the client that `function(request, target, caller)` returns: `OpenAI`, `AsyncOpenAI` or one of Azure.

    Unlike other bridges, it passes on fields that are unknown to threadless, as `OpenAIBackend` does, except those with
    which a client could choose another model, address or credential.
    """

    refused_fields = REFUSED_FIELDS

    def validate_request(self, request: ChatRequest, target: Target) -> None:
        for name in request.fields.keys() & self.refused_fields:
            if not self.drops(name):
                raise unsupported(name)
        super().validate_request(request, target)

    def carries(self, name: str) -> bool:
        return name not in self.refused_fields

    def create(self, call: BridgedCall, arguments: JSONObject) -> Any:
        client = call.made
        if not isinstance(client, openai.OpenAI | openai.AsyncOpenAI):
            raise ImproperlyConfigured(f"Backend {self.alias!r}: the function must return a client of the OpenAI SDK.")
        messages, is_stream = arguments.pop("messages"), arguments.pop("stream", False)
        # In `extra_body`, so that no version of the SDK refuses a field that it does not know.
        return client.chat.completions.create(
            model=call.target.model,
            messages=messages,
            stream=is_stream,
            extra_body=arguments,
            extra_headers={"X-Request-Id": call.request.request_id} if call.request.request_id else None,
        )

    def secrets(self, call: BridgedCall) -> list[str]:
        return [str(call.made.api_key), str(call.made.base_url), call.made.base_url.host]
