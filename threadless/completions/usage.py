"""Reads the token counts of an upstream, wherever and however it reports them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from threadless.money import from_nano, to_nano
from threadless.types import JSONObject, Usage

_MAX_COUNT: Final = 2_147_483_647
_PLACES: Final = ("usageMetadata", "usage_metadata", "token_usage", "timings", "amazon-bedrock-invocationMetrics")
_NESTED_PLACES: Final = (("x_groq", "usage"), ("meta", "billed_units"), ("meta", "tokens"), ("metadata", "usage"))

_PROMPT: Final = (
    *("prompt_tokens", "input_tokens", "promptTokens", "inputTokens", "promptTokenCount", "prompt_token_count"),
    *("inputTokenCount", "prompt_eval_count", "prompt_n"),
)
_COMPLETION: Final = (
    *("completion_tokens", "output_tokens", "completionTokens", "outputTokens", "candidatesTokenCount"),
    *("candidates_token_count", "outputTokenCount", "eval_count", "predicted_n", "generated_tokens"),
)
_TOTAL: Final = ("total_tokens", "totalTokens", "totalTokenCount", "total_token_count")
_CACHED: Final = (
    *("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens", "cachedContentTokenCount"),
    *("cached_content_token_count", "cacheReadInputTokens", "cache_n"),
)
_REASONING: Final = ("reasoning_tokens", "thoughtsTokenCount", "thoughts_token_count", "thinking_tokens")
_BESIDE_THE_PROMPT: Final = (
    *("cache_read_input_tokens", "cache_creation_input_tokens"),
    *("cacheReadInputTokens", "cacheWriteInputTokens", "cache_n"),
)
"""Anthropic, Bedrock and llama.cpp do not include these in the count of the input."""
_EXCLUSIVE_NAMES: Final = ("input_tokens", "inputTokens", "prompt_n")

_PROMPT_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details")
_COMPLETION_DETAILS: Final = ("completion_tokens_details", "output_tokens_details")
_USUAL_FIELDS: Final = frozenset(
    {"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details"}
)
_NO_DETAILS: Final[JSONObject] = {}
_DETAIL_COUNTS: Final = frozenset(
    {"cached_tokens", "audio_tokens", "reasoning_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"}
)
"""Counts that the SDKs read as integers."""
_COSTS: Final = frozenset({"cost", "cost_details", "is_byok"})
"""What OpenRouter says about money."""


def usage_in(body: JSONObject) -> JSONObject | None:
    """The object with the counts in an answer or chunk; None if there is none."""
    if (found := body.get("usage")) and isinstance(found, dict):
        return found
    candidates = [body.get(name) for name in _PLACES]
    for outer, inner in _NESTED_PLACES:
        holder = body.get(outer)
        candidates.append(holder.get(inner) if isinstance(holder, dict) else None)
    choices = body.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            candidates += [choice.get("usage"), *_usage_in_parts(choice)]
    if any(name in body for name in (*_PROMPT, *_COMPLETION)):
        candidates.append({name: body[name] for name in (*_PROMPT, *_COMPLETION, *_TOTAL) if name in body})
    return next((found for found in candidates if isinstance(found, dict) and found), None)


def usage_of(given: Any) -> Usage | None:
    """The upstream's count; None if it is missing or says nothing.

    A total is believed: what the two counts do not cover is part of the completion, such as hidden reasoning. A count
    that is negative or cannot be true is left out, and the source is then "estimated".
    """
    if not isinstance(given, dict):
        return None
    if (usual := _usual_usage(given)) is not None:
        return usual
    counts = _Counts(given)
    prompt, completion, total = counts.prompt(), counts.first(_COMPLETION), counts.first(_TOTAL)
    cached = counts.first(_CACHED, _PROMPT_DETAILS)
    reasoning = counts.first(_REASONING, _COMPLETION_DETAILS)
    if not total and reasoning > completion:
        completion += reasoning
    if not prompt:
        prompt = max(total - completion, 0)
    completion = max(completion, total - prompt)
    if not prompt and not completion:
        return None
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=min(cached, prompt),
        reasoning_tokens=min(reasoning, completion),
        source="estimated" if counts.has_absurd else "upstream",
        reported_cost_nano=_cost_nano(given),
    )


def usage_body(usage: Usage, given: Any, cost_nano: int | None = None) -> JSONObject:
    """The `usage` object for the client: always the three counts, and further fields of the upstream.

    SDKs read the details as objects of integers, so details of other types are left out. What the upstream charges the
    platform is left out too. `cost_nano`: the cost to show, in the field that OpenRouter uses.
    """
    total = usage.prompt_tokens + usage.completion_tokens
    counts = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens, "total_tokens": total}
    extra = _valid_fields(given, counts) if isinstance(given, dict) and given.keys() != counts.keys() else {}
    if usage.cached_tokens:
        _set_detail(extra, "prompt_tokens_details", "cached_tokens", usage.cached_tokens)
    if usage.reasoning_tokens:
        _set_detail(extra, "completion_tokens_details", "reasoning_tokens", usage.reasoning_tokens)
    if cost_nano is not None:
        extra["cost"] = from_nano(cost_nano)
    return {**counts, **extra}


def _cost_nano(given: JSONObject) -> int | None:
    """The cost that the upstream names: `cost`, which is an object in the answers of Perplexity."""
    cost = given.get("cost")
    return to_nano(cost.get("total_cost") if isinstance(cost, dict) else cost)


def _usual_usage(given: JSONObject) -> Usage | None:
    """The count in the form of the reference, which almost all upstreams send; None for any other form."""
    prompt, completion = given.get("prompt_tokens"), given.get("completion_tokens")
    if type(prompt) is not int or type(completion) is not int or not given.keys() <= _USUAL_FIELDS:
        return None
    is_plausible = 0 < prompt <= _MAX_COUNT and 0 < completion <= _MAX_COUNT
    if not is_plausible or given.get("total_tokens") != prompt + completion:
        return None
    details = given.get("prompt_tokens_details") or _NO_DETAILS
    more_details = given.get("completion_tokens_details") or _NO_DETAILS
    if not isinstance(details, dict) or not isinstance(more_details, dict):
        return None
    cached, reasoning = details.get("cached_tokens") or 0, more_details.get("reasoning_tokens") or 0
    if (
        type(cached) is not int
        or type(reasoning) is not int
        or not (0 <= cached <= prompt and 0 <= reasoning <= completion)
    ):
        return None
    return Usage(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached, reasoning_tokens=reasoning)


class _Counts:
    """The counts in one usage object."""

    def __init__(self, given: JSONObject) -> None:
        self._given = given
        self.has_absurd = False
        """True if a count was negative or too large."""

    def first(self, names: Iterable[str], details: Iterable[str] = ()) -> int:
        """The first count above 0 under one of these names, in the details or beside them."""
        holders = [*map(self._given.get, details), self._given]
        for holder in holders:
            if not isinstance(holder, dict) or holder.keys().isdisjoint(names):
                continue
            for name in names:
                if count := self._count(holder.get(name)):
                    return count
        return 0

    def prompt(self) -> int:
        count = self.first(_PROMPT)
        if "prompt_tokens" in self._given or not any(map(self._given.get, _EXCLUSIVE_NAMES)):
            return count
        beside = sum(self._count(self._given.get(name)) for name in _BESIDE_THE_PROMPT)
        total = self.first(_TOTAL)
        is_included = total and total <= count + self.first(_COMPLETION)
        return count if is_included else count + beside

    def _count(self, value: Any) -> int:
        count = _integer(value)
        if count is None:
            return 0
        if not 0 <= count <= _MAX_COUNT:
            self.has_absurd = True
            return 0
        return count


def _integer(value: Any) -> int | None:
    """An integer, also as `3.0` or `"3"`; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return None


def _usage_in_parts(choice: JSONObject) -> list[Any]:
    parts = (choice.get("message"), choice.get("delta"))
    return [part.get("usage") for part in parts if isinstance(part, dict)]


def _valid_fields(given: JSONObject, counts: JSONObject) -> JSONObject:
    fields = {name: value for name, value in given.items() if name not in counts and name not in _COSTS}
    for name in (*_PROMPT_DETAILS, *_COMPLETION_DETAILS):
        if name in fields:
            details = fields.pop(name)
            if isinstance(details, dict):
                fields[name] = _valid_details(details)
    return fields


def _valid_details(details: JSONObject) -> JSONObject:
    valid: JSONObject = {}
    for name, value in details.items():
        if name not in _DETAIL_COUNTS or value is None:
            valid[name] = value
        elif (count := _integer(value)) is not None and 0 <= count <= _MAX_COUNT:
            valid[name] = count
    return valid


def _set_detail(fields: JSONObject, place: str, name: str, count: int) -> None:
    details = fields.get(place) or {}
    fields[place] = {**details, name: count}
