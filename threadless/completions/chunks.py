"""Normalizes the chunks of an upstream.

Each upstream chunk becomes at most one chunk for the client. Normalized are missing or changing `id`, `created`,
`model`, `role` and `index`; repeated roles, names and finish reasons; usage in any chunk; and a missing finish reason.
"""

from __future__ import annotations

from typing import Any

from threadless.completions import repair
from threadless.completions.account import Account
from threadless.completions.estimate import texts_of
from threadless.completions.tool_call_deltas import ToolCallDeltas
from threadless.exceptions import UpstreamError
from threadless.types import Chunk, JSONObject, Usage


class _Choice:
    """What the client has received of one choice."""

    __slots__ = ("calls", "finished", "started")

    def __init__(self) -> None:
        self.started = False
        self.finished = False
        self.calls = ToolCallDeltas()


class ChunkStream:
    """Normalizes one stream and fills the account of its call."""

    def __init__(self, model: str, account: Account) -> None:
        self._model = model
        self._account = account
        self._choices: dict[int, _Choice] = {}
        self._held: JSONObject = {}
        self._id = ""
        self._created = 0
        self._usage_body: Any = None
        """The upstream's last `usage`, unchanged."""

    def take(self, chunk: Chunk) -> Chunk | None:
        """The chunk for the client; None if the client receives nothing for it."""
        usage = self._read(chunk)
        given = repair.objects(chunk.get("choices"))
        kept = [choice for each in given if (choice := self._normalize(each)) is not None]
        if usage is not None:  # after the text, which the count includes
            self._account.report(usage)
        if not kept:
            # Without choices it would look like the usage chunk. Its other fields are sent with the next chunk.
            self._hold(chunk)
            return None
        if self._held:
            chunk = {**self._held, **chunk}
            self._held = {}
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

    def usage_chunk(self, usage: Usage) -> Chunk:
        """The last chunk for clients that asked for `include_usage`."""
        return {**self._dress({}, []), "usage": repair.usage_body(usage, self._usage_body)}

    def _read(self, chunk: Chunk) -> Usage | None:
        """Read what is not part of a choice: id, time and model. Returns the usage, if there is one."""
        given = chunk.pop("usage", None)
        usage = repair.usage_of(given) if given else None
        if usage is not None:
            self._usage_body = given
        if not self._id:
            self._id = repair.completion_id(chunk.get("id"))
            self._created = repair.created(chunk.get("created"))
        if not self._account.upstream_model and isinstance(model := chunk.get("model"), str):
            self._account.upstream_model = model
        return usage

    def _hold(self, chunk: Chunk) -> None:
        known = ("id", "object", "created", "model", "choices", "usage")
        self._held.update({name: value for name, value in chunk.items() if name not in known})

    def _dress(self, chunk: Chunk, choices: list[JSONObject]) -> Chunk:
        chunk["id"] = self._id or repair.new_completion_id()
        chunk["object"] = "chat.completion.chunk"
        chunk["created"] = self._created or repair.created(None)
        chunk["model"] = self._model
        chunk["choices"] = choices
        return chunk

    def _normalize(self, given: JSONObject) -> JSONObject | None:
        index = given["index"] = repair.index_of(given, 0)
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
            self._account.is_answered = False
        if choice.finished:
            return None
        delta = given.get("delta")
        delta = given["delta"] = delta if isinstance(delta, dict) else {}
        self._normalize_role(delta, choice)
        if "tool_calls" in delta:
            self._normalize_tool_calls(delta, choice)
        for text in texts_of(delta):
            self._account.wrote(text)
        reason = repair.finish_reason(given.get("finish_reason"), has_tool_calls=bool(choice.calls))
        given["finish_reason"] = reason
        if reason is not None:
            choice.finished = True
            self._account.is_answered = all(each.finished for each in self._choices.values())
            self._account.finish_reason = self._account.finish_reason or reason
        return given

    def _normalize_role(self, delta: JSONObject, choice: _Choice) -> None:
        if choice.started:
            # Some SDKs join the values of a field over all deltas: "assistantassistant".
            delta.pop("role", None)
        else:
            choice.started = True
            delta["role"] = "assistant"

    def _normalize_tool_calls(self, delta: JSONObject, choice: _Choice) -> None:
        before = len(choice.calls)
        calls = [choice.calls.normalize(call) for call in repair.objects(delta["tool_calls"])]
        self._account.tool_calls += len(choice.calls) - before
        if calls:
            delta["tool_calls"] = calls
        else:
            del delta["tool_calls"]
