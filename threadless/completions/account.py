"""`Account`: what one call has produced and used, for the ledger, the limits and the client's `usage`."""

from __future__ import annotations

from typing import Final

import msgspec

from threadless.completions.estimate import prompt_tokens
from threadless.completions.tokens import count_tokens
from threadless.types import ChatRequest, Target, Usage

_KEPT_CHARACTERS: Final = 262_144
"""Longer text is counted in pieces, so that memory use stays constant."""


class Account:
    """Filled by the thread that owns the call. A missing count is estimated and marked as such, never set to zero."""

    __slots__ = (
        "_counted",
        "_request",
        "_size",
        "_target",
        "_texts",
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
        self._target = target
        self._texts: list[str] = []
        self._size = 0
        self._written = 0
        self._written_before_report = 0
        self._counted = 0
        self._usage: Usage | None = None

    def wrote(self, text: str) -> None:
        """The model has produced this piece of text."""
        self._texts.append(text)
        self._size += len(text)
        self._written += len(text)
        if self._size > _KEPT_CHARACTERS:
            self.tokens()

    def report(self, usage: Usage) -> None:
        """Store the upstream's count so far. Some upstreams send several counts; the last one is used."""
        self.reported = usage
        self._written_before_report = self._written

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
        return self.reported if has_failed and not has_output else self.usage()

    def _reported_or_estimated(self) -> Usage:
        reported = self.reported
        if reported is None:
            return Usage(prompt_tokens=self._prompt(), completion_tokens=self.tokens(), source="estimated")
        prompt, completion = reported.prompt_tokens, reported.completion_tokens
        if not completion or self._written != self._written_before_report:
            completion = max(completion, self.tokens())
        prompt = prompt or self._prompt()
        if (prompt, completion) == (reported.prompt_tokens, reported.completion_tokens):
            return reported
        return msgspec.structs.replace(reported, prompt_tokens=prompt, completion_tokens=completion, source="estimated")

    def _prompt(self) -> int:
        return prompt_tokens(self._request, self._target)
