"""`Account`: what one call has produced and used, for the ledger, the limits and the client's `usage`."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec.structs import replace

from threadless.completions.estimate import prompt_tokens
from threadless.completions.tokens import count_tokens
from threadless.completions.tool_calls import tool_names
from threadless.turns import large_turn, let_others_run
from threadless.types import ChatRequest, Target, Usage

_KEPT_REQUEST_BYTES: Final = 1 << 20
"""A larger request is counted before it is sent, and forgotten. Others are counted only if that is needed."""
_KEPT_CHARACTERS: Final = 262_144
"""Longer text is counted in pieces, so that memory use stays constant."""
_ALWAYS_PLAUSIBLE: Final = 16_777_216
"""No context window is larger than this. Above it, a count is believed only if the request is as large."""
_PLAUSIBLE_OUTPUT: Final = 131_072
_PLAUSIBLE_FACTOR: Final = 16
"""Some models count reasoning beside the client's limit, so it may be exceeded, but not without end."""


class Account:
    """Filled by the thread that owns the call. A missing count is estimated and marked as such, never set to zero."""

    __slots__ = (
        "_counted",
        "_large_request",
        "_prompt_estimate",
        "_request",
        "_size",
        "_target",
        "_texts",
        "_tool_names",
        "_usage",
        "_written",
        "_written_before_report",
        "finish_reason",
        "is_answered",
        "reported",
        "tool_calls",
        "upstream_model",
    )

    def __init__(self, request: ChatRequest, target: Target) -> None:
        self.reported: Usage | None = None
        """The upstream's own count."""
        self.upstream_model = ""
        """The model that the upstream says it ran."""
        self.finish_reason = ""
        self.is_answered = False
        """True once the answer is complete, even if the upstream has not reported the usage."""
        self.tool_calls = 0
        self._request = request
        self._large_request: _LargeRequest | None = None
        self._prompt_estimate: int | None = None
        self._target = target
        self._texts: list[str] = []
        self._size = 0
        self._written = 0
        self._written_before_report = 0
        self._counted = 0
        self._usage: Usage | None = None
        self._tool_names: frozenset[str] | None = None

    def forget_large_request(self) -> None:
        """Keep only counts of a large request, so that its memory is free while the upstream answers."""
        if (size := _size_of(self._request)) > _KEPT_REQUEST_BYTES:
            with large_turn(size):
                self.tool_names()
                self.prompt_estimate()
            self._large_request = _LargeRequest(size, self._plausible_output())
            self._request = ChatRequest(fields={})
            let_others_run(size)

    def wrote(self, text: str) -> None:
        """The model has produced this piece of text."""
        self._texts.append(text)
        self._size += len(text)
        self._written += len(text)
        if self._size > _KEPT_CHARACTERS:
            self.tokens()

    def report(self, usage: Usage) -> None:
        """Store the upstream's count so far. Of several counts, the last one above 0 is used."""
        before = self.reported
        if before is not None:
            prompt, completion = usage.prompt_tokens, usage.completion_tokens
            if not prompt or not completion:
                prompt, completion = prompt or before.prompt_tokens, completion or before.completion_tokens
                usage = replace(usage, prompt_tokens=prompt, completion_tokens=completion)
            if usage.reported_cost_nano is None and before.reported_cost_nano is not None:
                usage = replace(usage, reported_cost_nano=before.reported_cost_nano)
        self.reported = usage
        self._written_before_report = self._written

    def tool_names(self) -> frozenset[str]:
        """The names of the tools that the model may call."""
        if self._tool_names is None:
            self._tool_names = tool_names(self._request, self._target)
        return self._tool_names

    def prompt_estimate(self) -> int:
        """Tokens of the prompt by the configured counter."""
        if self._prompt_estimate is None:
            self._prompt_estimate = prompt_tokens(self._request, self._target)
        return self._prompt_estimate

    def tokens(self) -> int:
        """Tokens of all text so far, by the configured counter. Counted text is dropped."""
        if self._texts:
            self._counted += count_tokens("".join(self._texts), self._target.model)
            self._texts, self._size = [], 0
        return self._counted

    def usage(self) -> Usage:
        """The upstream's count, with estimates for what it left out. Later calls return the same value."""
        if self._usage is None:
            self._usage = self._reported_or_estimated()
        return self._usage

    def owed(self, *, has_failed: bool, has_output: bool) -> Usage | None:
        """The usage to charge, or None. A failure before any output is free unless the upstream reported a count."""
        if has_failed and not has_output:
            return None if self.reported is None else self._believed(self.reported)
        return self.usage()

    def _reported_or_estimated(self) -> Usage:
        if self.reported is None:
            return Usage(prompt_tokens=self.prompt_estimate(), completion_tokens=self.tokens(), source="estimated")
        reported = self._believed(self.reported)
        prompt, completion = reported.prompt_tokens, reported.completion_tokens
        if not completion or self._written != self._written_before_report:
            completion = max(completion, self.tokens())
        prompt = prompt or self.prompt_estimate()
        if (prompt, completion) == (reported.prompt_tokens, reported.completion_tokens):
            return reported
        return replace(reported, prompt_tokens=prompt, completion_tokens=completion, source="estimated")

    def _believed(self, usage: Usage) -> Usage:
        """The count without what is far beyond what the request and its limits allow."""
        prompt, completion = usage.prompt_tokens, usage.completion_tokens
        if prompt > _ALWAYS_PLAUSIBLE and prompt > self._request_size():
            prompt = 0
        if completion > _PLAUSIBLE_OUTPUT and completion > self._plausible_output():
            completion = 0
        if (prompt, completion) == (usage.prompt_tokens, usage.completion_tokens):
            return usage
        cached, reasoning = min(usage.cached_tokens, prompt), min(usage.reasoning_tokens, completion)
        counts = {"cached_tokens": cached, "reasoning_tokens": reasoning}
        return replace(usage, prompt_tokens=prompt, completion_tokens=completion, **counts, source="estimated")

    def _request_size(self) -> int:
        return _size_of(self._request) if self._large_request is None else self._large_request.size

    def _plausible_output(self) -> int:
        if self._large_request is not None:
            return self._large_request.plausible_output
        request = self._request
        limit = request.get("max_completion_tokens") or request.get("max_tokens") or self._target.max_output_tokens
        number = request.get("n") or 1
        return int(number) * (_PLAUSIBLE_FACTOR * int(limit) if limit else _ALWAYS_PLAUSIBLE)


class _LargeRequest(NamedTuple):
    """What is known about a request after its fields are forgotten."""

    size: int
    """In bytes."""
    plausible_output: int


def _size_of(request: ChatRequest) -> int:
    return sum(map(len, request.fields.values()))
