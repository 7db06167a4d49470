"""The fields of a request that an upstream receives, and what a target has added to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from threadless.types import ChatRequest

_ARRAY_START: Final = re.compile(rb"[ \t\n\r]*\[[ \t\n\r]*")
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode

REFUSED_FIELDS: Final = frozenset(
    {
        # OpenRouter, Vercel: other models, other providers, stored configurations, paid extras
        *("models", "route", "provider", "providerOptions", "preset", "plugins"),
        # LiteLLM: other models and deployments
        *("fallbacks", "context_window_fallbacks", "context_window_fallback_dict", "content_policy_fallbacks"),
        *("model_list", "user_config", "router_settings_override", "deployment_id", "custom_llm_provider"),
        *("mock_response", "extra_body", "extra_headers", "extra_query", "headers", "default_headers"),
        # Addresses and credentials, by the names of LiteLLM
        *("api_base", "base_url", "api_key", "api_version", "api_type", "organization", "litellm_credential_name"),
        *("azure_ad_token", "vertex_credentials", "vertex_project", "vertex_location", "vertex_ai_credentials"),
        *("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_region_name", "aws_profile_name"),
        *("aws_session_name", "aws_role_name", "aws_web_identity_token", "aws_sts_endpoint"),
        *("aws_bedrock_runtime_endpoint", "watsonx_url", "region_name", "proxy"),
        # Azure OpenAI: data sources with endpoints and credentials
        *("data_sources", "dataSources", "enhancements"),
        # vLLM, SGLang, TGI: other weights, other machines, code
        *("lora_path", "adapter_id", "kv_transfer_params", "bootstrap_host", "bootstrap_port", "bootstrap_room"),
        *("custom_logit_processor",),
    }
)
"""Fields with which a client could choose another model, address or credential, by their names on common servers."""


def items_of(array: msgspec.Raw | None) -> memoryview:
    """The items of a JSON array and its closing bracket, without a copy. Empty for no items, null and None."""
    text = memoryview(array or b"")
    start = _ARRAY_START.match(text)
    items = text[start.end() :] if start else text[:0]
    return items if bytes(items[:1]) != b"]" else items[:0]


def added_json(request: ChatRequest, payload: Mapping[str, msgspec.Raw]) -> tuple[bytes, ...]:
    """The items of `messages` and `tools` in a payload that are not in the request, as JSON arrays."""
    added = []
    for name in ("messages", "tools"):
        sent, asked = payload.get(name), request.fields.get(name)
        if sent is not None and sent is not asked:
            added.append(_added(sent, asked))
    return tuple(added)


def _added(sent: msgspec.Raw, asked: msgspec.Raw | None) -> bytes:
    """The items before those of the client. If the list changed in another way, all items that are not the client's."""
    whole, own_items = bytes(sent), items_of(asked)
    if asked is None or not own_items:
        return whole
    if whole.endswith(own_items):
        return whole[: -len(own_items)].rstrip().removesuffix(b",") + b"]"
    client_items = set(map(bytes, _decode_items(asked)))
    return msgspec.json.encode([item for item in _decode_items(sent) if bytes(item) not in client_items])
