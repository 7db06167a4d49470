"""Normalizes the chunks of an upstream.

Each upstream chunk becomes at most one chunk for the client. Normalized are missing or changing `id`, `created`,
`model`, `role` and `index`; repeated roles, names and finish reasons; tool calls; usage in any chunk; and a missing
finish reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from threadless.completions import repair
from threadless.completions.account import Account
from threadless.completions.estimate import texts_of
from threadless.completions.finish_reasons import finish_reason, is_failure
from threadless.completions.reading import error_in, is_chunk
from threadless.completions.tool_call_deltas import ToolCallDeltas
from threadless.completions.usage import usage_body, usage_in, usage_of
from threadless.conf import conf
from threadless.encoding import encode
from threadless.exceptions import UpstreamError
from threadless.types import Chunk, JSONObject, Usage

_KNOWN_FIELDS: Final = frozenset({"id", "object", "created", "model", "choices", "usage"})
_FIELDS_WITHOUT_COUNTS: Final = _KNOWN_FIELDS | {"system_fingerprint", "service_tier", "obfuscation"}
"""A chunk without other fields has its counts in `usage` or nowhere."""


class _Choice:
    """What the client has received of one choice."""

    __slots__ = ("calls", "finished", "has_function_call", "started")

    def __init__(self, known_tools: Callable[[], frozenset[str]]) -> None:
        self.started = False
        self.finished = False
        self.has_function_call = False
        self.calls = ToolCallDeltas(known_tools)


class ChunkStream:
    """Normalizes one stream and fills the account of its call."""

    def __init__(self, model: str, account: Account) -> None:
        self._model = model
        self._account = account
        self._choices: dict[int, _Choice] = {}
        self._held: JSONObject = {}
        self._held_sizes: dict[str, int] = {}
        self._held_bytes = 0
        self._id = ""
        self._created = 0
        self._has_failed = False
        self._given_usage: Any = None
        """The usage in the current chunk, unchanged."""
        self._usage_body: Any = None
        """The upstream's last valid usage, unchanged."""

    def take(self, chunk: Chunk) -> Chunk | None:
        """The chunk for the client; None if the client receives nothing for it.

        Raises `UpstreamError` if the chunk is an error or says that the upstream failed.
        """
        self._read(chunk)
        given = repair.objects(chunk.get("choices"))
        if not given or "error" in chunk:
            if error_in(chunk) is not None:
                raise UpstreamError
            chunk.pop("error", None)  # SDKs take any object here for an error
        kept = [choice for each in given if (choice := self._normalize(each)) is not None]
        if self._given_usage:
            self._report()
        if self._has_failed:
            raise UpstreamError("The model failed to complete its answer.")
        if not kept:
            if not is_chunk(chunk):
                return None
            # Without choices it would look like the usage chunk. Its other fields are sent with the next chunk.
            self._hold(chunk)
            return None
        if self._held:
            chunk = {**self._held, **chunk}
            self._held, self._held_sizes, self._held_bytes = {}, {}, 0
        return self._dress(chunk, kept)

    def finish(self) -> Chunk | None:
        """A last chunk with the finish reasons that the upstream left out; None if all were sent.

        Raises `UpstreamError` if the stream had no choices.
        """
        if not self._choices:
            raise UpstreamError("The model's answer had no choices.")
        missing = [index for index, choice in self._choices.items() if not choice.finished]
        if not missing:
            return None
        ends = [self._normalize({"index": index, "delta": {}, "finish_reason": "stop"}) for index in missing]
        return self._dress(self._held, [end for end in ends if end is not None])

    def usage_chunk(self, usage: Usage, cost_nano: int | None = None) -> Chunk:
        """The last chunk for clients that asked for `include_usage`."""
        return {**self._dress({}, []), "usage": usage_body(usage, self._usage_body, cost_nano)}

    def _read(self, chunk: Chunk) -> None:
        """Read what is not part of a choice: usage, id, time and model."""
        given = chunk.pop("usage", None)
        is_usual = _FIELDS_WITHOUT_COUNTS.issuperset(chunk)
        self._given_usage = given if is_usual else usage_in({**chunk, "usage": given})
        if not self._id and (given_id := chunk.get("id")):  # Azure's first chunk has an empty one
            self._id = repair.completion_id(given_id)
            self._created = repair.created(chunk.get("created"))
        if not self._account.upstream_model and isinstance(model := chunk.get("model"), str):
            self._account.upstream_model = model

    def _report(self) -> None:
        """Report the usage of the current chunk. Called after its text, which the count includes."""
        usage = usage_of(self._given_usage)
        if usage is not None:
            self._usage_body = self._given_usage
            self._account.report(usage)

    def _hold(self, chunk: Chunk) -> None:
        for name, value in chunk.items():
            if name not in _KNOWN_FIELDS:
                self._held[name] = value
                size = len(name) + len(encode(value))
                self._held_bytes += size - self._held_sizes.get(name, 0)
                self._held_sizes[name] = size
        if self._held_bytes > conf.max_event_bytes:
            raise UpstreamError("The model's response is too large.")

    def _dress(self, chunk: Chunk, choices: list[JSONObject]) -> Chunk:
        if not self._id:
            self._id, self._created = repair.new_completion_id(), repair.created(chunk.get("created"))
        chunk["id"] = self._id
        chunk["object"] = "chat.completion.chunk"
        chunk["created"] = self._created
        chunk["model"] = self._model
        chunk["choices"] = choices
        return chunk

    def _normalize(self, given: JSONObject) -> JSONObject | None:
        index = given["index"] = repair.index_of(given, 0)
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice(self._account.tool_names)
            self._account.is_answered = False
        if "usage" in given:  # Moonshot
            self._given_usage = given.pop("usage") or self._given_usage
        delta = given.get("delta")
        if not isinstance(delta, dict):
            delta = given["delta"] = {}
        self._normalize_delta(delta, choice)
        holds = "tool_calls" in delta and self._take_tool_calls(delta, choice)
        if "function_call" in delta:
            choice.has_function_call = choice.has_function_call or bool(delta["function_call"])
        reason = given.get("finish_reason")
        if reason is not None:
            reason = self._end(reason, delta, choice)
        given["finish_reason"] = reason
        if given.get("logprobs") is not None:
            repair.repair_logprobs(given)
        is_empty = (holds or choice.finished) and reason is None and not any(delta.values())
        return None if is_empty else given

    def _normalize_delta(self, delta: JSONObject, choice: _Choice) -> None:
        if choice.started:
            # Some SDKs join the values of a field over all deltas: "assistantassistant".
            delta.pop("role", None)
        else:
            choice.started = True
            delta["role"] = "assistant"
        if isinstance(delta.get("content"), list):
            repair.repair_texts(delta)
        for text in texts_of(delta):
            self._account.wrote(text)

    def _take_tool_calls(self, delta: JSONObject, choice: _Choice) -> bool:
        """Normalize the tool calls of a delta. True if none of them leaves with it."""
        self._put_tool_calls(delta, choice, choice.calls.take(delta.pop("tool_calls")))
        return "tool_calls" not in delta

    def _put_tool_calls(self, delta: JSONObject, choice: _Choice, calls: list[JSONObject]) -> None:
        if calls:
            delta["tool_calls"] = [*delta.get("tool_calls", ()), *calls]
            self._account.tool_calls += sum("id" in call for call in calls)

    def _end(self, given: Any, delta: JSONObject, choice: _Choice) -> str | None:
        """The finish reason to send for a given one. None if the choice continues, or has sent one before."""
        if choice.finished:
            return None
        if is_failure(given):
            self._has_failed = True
            self._account.finish_reason = given.lower()
            return None
        if finish_reason(given) is None:
            return None
        self._put_tool_calls(delta, choice, choice.calls.end())
        has_calls, has_function_call = bool(choice.calls), choice.has_function_call
        reason = finish_reason(given, has_tool_calls=has_calls, has_function_call=has_function_call)
        choice.finished = True
        self._account.is_answered = all(each.finished for each in self._choices.values())
        self._account.finish_reason = self._account.finish_reason or reason or ""
        return reason
