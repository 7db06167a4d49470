"""Upstream chunks into the chunks of the contract, and the running account of one stream.

Each upstream chunk becomes at most one chunk for the client. Quirks mended here: missing or changing `id`, `created`,
`model`, `role`, `index`; repeated roles, names and finish reasons; usage anywhere; no finish reason at the end.
"""

from __future__ import annotations

import time
from typing import Any

from threadless.completions import repair
from threadless.completions.estimate import Produced, texts_of
from threadless.types import Chunk, JSONObject, Usage


class _Choice:
    """What has been sent of one choice."""

    __slots__ = ("calls", "finished", "last_call", "started")

    def __init__(self) -> None:
        self.started = False
        self.finished = False
        self.calls: dict[int, str] = {}
        self.last_call = -1


class ChunkStream:
    """Turns one upstream stream into ours; remembers what the ledger needs."""

    def __init__(self, model: str, produced: Produced) -> None:
        self._model = model
        self._produced = produced
        self._choices: dict[int, _Choice] = {}
        self._held: JSONObject = {}
        self._id = ""
        self._created = 0
        self._usage_given: Any = None
        self.usage: Usage | None = None
        self.upstream_model = ""
        self.finish_reason = ""

    @property
    def has_output(self) -> bool:
        """True once a choice has begun."""
        return bool(self._choices)

    @property
    def is_finished(self) -> bool:
        """True if every choice that began has given its reason to end."""
        return bool(self._choices) and all(choice.finished for choice in self._choices.values())

    @property
    def tool_calls(self) -> int:
        """Number of tool calls so far."""
        return sum(len(choice.calls) for choice in self._choices.values())

    def take(self, chunk: Chunk) -> Chunk | None:
        """The chunk for the client, None if nothing of it is for the client."""
        self._account(chunk)
        choices = chunk.get("choices")
        mended = [self._mend(choice) for choice in choices if isinstance(choice, dict)] if choices else []
        kept = [choice for choice in mended if choice is not None]
        if not kept:
            # Such a chunk would look like the usage chunk; what it says goes out with the next one.
            self._hold(chunk)
            return None
        if self._held:
            chunk = {**self._held, **chunk}
            self._held = {}
        return self._dress(chunk, kept)

    def finish(self) -> Chunk | None:
        """A last chunk with the finish reasons that the upstream left out, None if it left out none."""
        if self._choices and self.is_finished:
            return None
        missing = [index for index, choice in self._choices.items() if not choice.finished] or [0]
        ends = [self._mend({"index": index, "delta": {}, "finish_reason": "stop"}) for index in missing]
        return self._dress(self._held, [end for end in ends if end is not None])

    def usage_chunk(self, usage: Usage) -> Chunk:
        """The chunk that a client who asked `include_usage` gets last."""
        return {**self._dress({}, []), "usage": repair.usage_body(usage, self._usage_given)}

    def _account(self, chunk: Chunk) -> None:
        given = chunk.pop("usage", None)
        if given and (usage := repair.usage_of(given)) is not None:
            self.usage, self._usage_given = usage, given
        if not self._id:
            self._id = repair.completion_id(chunk.get("id"))
            created = chunk.get("created")
            self._created = created if isinstance(created, int) and created > 0 else int(time.time())
        if not self.upstream_model and isinstance(model := chunk.get("model"), str):
            self.upstream_model = model

    def _hold(self, chunk: Chunk) -> None:
        known = ("id", "object", "created", "model", "choices", "usage")
        self._held.update({name: value for name, value in chunk.items() if name not in known})

    def _dress(self, chunk: Chunk, choices: list[JSONObject]) -> Chunk:
        chunk["id"] = self._id or repair.new_completion_id()
        chunk["object"] = "chat.completion.chunk"
        chunk["created"] = self._created or int(time.time())
        chunk["model"] = self._model
        chunk["choices"] = choices
        return chunk

    def _mend(self, given: JSONObject) -> JSONObject | None:
        index = given.get("index")
        index = given["index"] = index if isinstance(index, int) else 0
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        if choice.finished:
            return None
        delta = given.get("delta")
        delta = given["delta"] = delta if isinstance(delta, dict) else {}
        self._mend_role(delta, choice)
        if calls := delta.get("tool_calls"):
            delta["tool_calls"] = [self._mend_call(call, choice) for call in calls if isinstance(call, dict)]
        for text in texts_of(delta):
            self._produced.add(text)
        reason = repair.finish_reason(given.get("finish_reason"), has_tool_calls=bool(choice.calls))
        given["finish_reason"] = reason
        if reason is not None:
            choice.finished = True
            self.finish_reason = self.finish_reason or reason
        return given

    def _mend_role(self, delta: JSONObject, choice: _Choice) -> None:
        if choice.started:
            # Some SDKs join the values of a field over all deltas: "assistantassistant".
            delta.pop("role", None)
        else:
            choice.started = True
            delta["role"] = "assistant"

    def _mend_call(self, call: JSONObject, choice: _Choice) -> JSONObject:
        call_id, index = call.get("id"), call.get("index")
        if not isinstance(index, int):
            index = self._index_of(call_id, choice)
        call["index"] = choice.last_call = index
        function = call.get("function")
        function = dict(function) if isinstance(function, dict) else {}
        function["arguments"] = repair.arguments_text(function.get("arguments"))
        if index in choice.calls:
            call.pop("id", None)
            call.pop("type", None)
            function.pop("name", None)
        else:
            call["id"] = choice.calls[index] = call_id or repair.new_call_id()
            call["type"] = call.get("type") or "function"
        call["function"] = function
        return call

    def _index_of(self, call_id: Any, choice: _Choice) -> int:
        """Without an index a new id opens the next call, and a delta without an id continues the last."""
        if not call_id:
            return max(choice.last_call, 0)
        known = [index for index, known_id in choice.calls.items() if known_id == call_id]
        return known[0] if known else len(choice.calls)
