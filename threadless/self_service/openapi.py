"""The descriptions of `GET key` and `GET usage` in our OpenAPI document."""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import Struct

from threadless.openapi.parts import Operation, answer, errors


class KeyLimit(Struct):
    """One limit. `remaining` is null while the platform cannot read its counters."""

    type: Literal["requests_per_minute", "tokens_per_minute", "concurrent_calls"]
    subject: Literal["key", "user", "account"]
    limit: int
    remaining: int | None
    reset_seconds: float | None


class KeyBudget(Struct):
    """One budget. Costs are in units of `currency`; `resets_at` is a Unix time in seconds, or null for a total."""

    unit: Literal["cost", "tokens", "calls", "concurrent"]
    period: Literal["day", "week", "month", "total"]
    subject: Literal["key", "user", "account"]
    action: Literal["refuse", "notify"]
    limit: float
    used: float
    remaining: float
    resets_at: int | None


class CallSums(Struct):
    """The sums of some calls. `cost` is null if the cost of none of them is known."""

    calls: int
    failed_calls: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost: float | None
    calls_of_unknown_cost: int


class KeyUsage(Struct):
    """The key's own calls today, since Monday, and since the first of the month."""

    today: CallSums
    week: CallSums
    month: CallSums


class Key(Struct):
    """What a key may do and has used. Times are Unix times in seconds."""

    object: Literal["key"]
    id: str | None
    label: str
    hint: str | None
    account: str | None
    scopes: list[str]
    allowed_models: list[str] | None
    created_at: int | None
    expires_at: int | None
    limits: list[KeyLimit]
    budgets: list[KeyBudget]
    usage: KeyUsage
    currency: str
    time_zone: str


class UsageResult(Struct):
    """The sums of one bucket and group. Fields that are not grouped by are null."""

    object: Literal["organization.usage.completions.result"]
    input_tokens: int
    output_tokens: int
    input_cached_tokens: int
    output_reasoning_tokens: int
    num_model_requests: int
    num_failed_requests: int
    cost: float | None
    project_id: None
    user_id: str | None
    api_key_id: str | None
    model: str | None
    batch: None
    service_tier: None


class UsageBucket(Struct):
    """One day or hour, in Unix seconds. `end_time` is not included."""

    object: Literal["bucket"]
    start_time: int
    end_time: int
    results: list[UsageResult]


class UsagePage(Struct):
    """Some buckets. `next_page` is the `page` of the request for the following ones."""

    object: Literal["page"]
    data: list[UsageBucket]
    has_more: bool
    next_page: str | None
    time_zone: str
    currency: str


def _query(name: str, description: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema, **more}


def _list(name: str, description: str, items: dict[str, Any]) -> dict[str, Any]:
    return _query(name, description, {"type": "array", "items": items}, style="form", explode=True)


_TEXT: Final[dict[str, Any]] = {"type": "string"}
_WHOLE: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}
_PARAMETERS: Final = [
    _query("start_time", "Unix time in seconds, included.", _WHOLE, required=True),
    _query("end_time", "Unix time in seconds, not included. Default: now.", _WHOLE),
    _query("bucket_width", "Days (default), or hours.", {"type": "string", "enum": ["1d", "1h"]}),
    _list("group_by", "What to group by.", {"type": "string", "enum": ["model", "api_key_id", "user_id"]}),
    _list("models", "Only these models.", _TEXT),
    _list("api_key_ids", "Only these keys.", _TEXT),
    _list("user_ids", "Only these users.", _TEXT),
    _query("limit", "Buckets on a page: at most 31 days or 168 hours.", {"type": "integer", "minimum": 1}),
    _query("page", "`next_page` of the answer before.", _TEXT),
]


def retrieve_key() -> Operation:
    """The operation."""
    body = {
        "operationId": "retrieveKey",
        "summary": "Retrieve this key",
        "description": "What the key may do, what is left of its limits and budgets, and what it has used.",
        "responses": {"200": answer("The key.", json=Key), **errors(401, 403, 429, 500, 503)},
    }
    return Operation("get", body, (Key,))


def list_usage() -> Operation:
    """The operation."""
    body = {
        "operationId": "listUsage",
        "summary": "List usage by day or hour",
        "description": "The calls of this key. With the scope `USAGE:READ`, all calls of its account.",
        "parameters": _PARAMETERS,
        "responses": {"200": answer("One page.", json=UsagePage), **errors(400, 401, 403, 429, 500, 503)},
    }
    return Operation("get", body, (UsagePage,))
