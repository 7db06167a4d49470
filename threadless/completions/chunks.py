"""Upstream chunks into the chunks of the contract, and the running account of one stream.

Each upstream chunk becomes at most one chunk for the client. Quirks mended here: missing or changing `id`, `created`,
`model`, `role`, `index`; repeated roles, names and finish reasons; usage anywhere; no finish reason at the end.
"""

from __future__ import annotations

from typing import Any

from threadless.completions import repair
from threadless.completions.estimate import Produced, texts_of
from threadless.completions.tool_call_deltas import ToolCallDeltas
from threadless.exceptions import UpstreamError
from threadless.types import Chunk, JSONObject, Usage


class _Choice:
    """What has been sent of one choice."""

    __slots__ = ("calls", "finished", "started")

    def __init__(self) -> None:
        self.started = False
        self.finished = False
        self.calls = ToolCallDeltas()


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
        self._usage_extent = produced.extent
        self.usage: Usage | None = None
        self.upstream_model = ""
        self.finish_reason = ""

    @property
    def tool_calls(self) -> int:
        """Number of tool calls so far."""
        return sum(len(choice.calls) for choice in self._choices.values())

    @property
    def is_usage_last(self) -> bool:
        """True if nothing was produced after `usage` was told: some upstreams count as they go, and then break off."""
        return self._usage_extent == self._produced.extent

    def take(self, chunk: Chunk) -> Chunk | None:
        """The chunk for the client, None if nothing of it is for the client."""
        has_usage = self._account(chunk)
        given = repair.objects(chunk.get("choices"))
        kept = [mended for choice in given if (mended := self._mend(choice)) is not None]
        if has_usage:
            self._usage_extent = self._produced.extent
        if not kept:
            # Such a chunk would look like the usage chunk; what it says goes out with the next one.
            self._hold(chunk)
            return None
        if self._held:
            chunk = {**self._held, **chunk}
            self._held = {}
        return self._dress(chunk, kept)

    def finish(self) -> Chunk | None:
        """A last chunk with the finish reasons that the upstream left out, None if it left out none.

        Raises `UpstreamError` for a stream without any choice: that was no answer.
        """
        if not self._choices:
            raise UpstreamError("The model's answer had no choices.")
        missing = [index for index, choice in self._choices.items() if not choice.finished]
        if not missing:
            return None
        ends = [self._mend({"index": index, "delta": {}, "finish_reason": "stop"}) for index in missing]
        return self._dress(self._held, [end for end in ends if end is not None])

    def usage_chunk(self, usage: Usage) -> Chunk:
        """The chunk that a client who asked `include_usage` gets last."""
        return {**self._dress({}, []), "usage": repair.usage_body(usage, self._usage_given)}

    def _account(self, chunk: Chunk) -> bool:
        """Note what is for the ledger; True if the chunk has a usage."""
        given = chunk.pop("usage", None)
        usage = repair.usage_of(given) if given else None
        if usage is not None:
            self.usage, self._usage_given = usage, given
        if not self._id:
            self._id = repair.completion_id(chunk.get("id"))
            self._created = repair.created(chunk.get("created"))
        if not self.upstream_model and isinstance(model := chunk.get("model"), str):
            self.upstream_model = model
        return usage is not None

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

    def _mend(self, given: JSONObject) -> JSONObject | None:
        index = given["index"] = repair.index_of(given, 0)
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        if choice.finished:
            return None
        delta = given.get("delta")
        delta = given["delta"] = delta if isinstance(delta, dict) else {}
        self._mend_role(delta, choice)
        if "tool_calls" in delta:
            self._mend_calls(delta, choice)
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

    def _mend_calls(self, delta: JSONObject, choice: _Choice) -> None:
        calls = [choice.calls.mend(call) for call in repair.objects(delta["tool_calls"])]
        if calls:
            delta["tool_calls"] = calls
        else:
            del delta["tool_calls"]
