"""Reads the successful answers of an upstream: JSON or events, each an answer, a chunk, an error or nothing for us."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from threadless.backends.cleaning import clean
from threadless.backends.convert import completion_of
from threadless.backends.failures import failure_in_answer
from threadless.backends.upstream import CallRedactor, Event, SSEDecoder
from threadless.completions import finish_reasons
from threadless.completions.reading import error_in, error_of, is_chunk
from threadless.exceptions import UpstreamError
from threadless.types import Chunk, JSONObject, JSONValue

_decode = msgspec.json.Decoder().decode
_BROKEN: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NOT_FINITE: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z)|[-+]?\b(?:NaN|Infinity|nan|inf)\b', re.DOTALL)
"""A string, which is kept, or a number that JSON does not have."""
_HEAD_FIELDS: Final = ("id", "system_fingerprint", "service_tier", "obfuscation")
"""Known fields with a text of the upstream that is passed on."""
_REASON_FIELDS: Final = ("finish_reason", "native_finish_reason", "stop_reason", "matched_stop")
_USUAL_REASONS: Final = ("stop", "length", "tool_calls", "content_filter", "function_call")
_USUAL_CHOICE_FIELDS: Final = frozenset({"index", "message", "delta", "finish_reason", "logprobs"})
_KEEPALIVE_NAMES: Final = frozenset({b"ping", b"heartbeat", b"keepalive", b"keep-alive"})
_EVENT_STARTS: Final = (b"data:", b"event:", b"id:", b"retry:", b":")
_BOM: Final = b"\xef\xbb\xbf"


def decode(data: bytes) -> JSONValue:
    """The JSON value. `NaN` and `Infinity`, which some servers send as log probabilities, become null."""
    try:
        return _decode(data)
    except msgspec.DecodeError:
        repaired = data.removeprefix(_BOM)
        repaired = _NOT_FINITE.sub(lambda found: found[0] if found[0].startswith(b'"') else b"null", repaired)
        if repaired == data:
            raise
        return _decode(repaired)


def _has_counts_only(usage: JSONValue) -> bool:
    return isinstance(usage, dict) and set(map(type, usage.values())) == {int}


class AnswerReader:
    """Reads one answer of an upstream. Nothing unknown is reported as success."""

    def __init__(self, redact: CallRedactor) -> None:
        self._redact = redact
        self._head: tuple[Any, ...] = ()
        """The last values of the head fields, which rarely change."""
        self._clean_head: JSONObject = {}
        """Those that must be replaced."""
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self._has_unknown = False
        """True if an event was skipped that was not a keep-alive."""

    def answer(self, body: bytes) -> JSONObject:
        """The `chat.completion` object in a body, redacted. Raises the `APIError` of a failure.

        Some upstreams stream although they were not asked to; the events are then combined.
        """
        if body.lstrip().startswith(_EVENT_STARTS):
            decoder = SSEDecoder(sys.maxsize)
            return completion_of(self.chunks([*decoder.feed(body), *decoder.flush()]))
        try:
            decoded = decode(body)
            if isinstance(decoded, list) and len(decoded) == 1:  # Gemini
                decoded = decoded[0]
            if not isinstance(decoded, dict):
                raise UpstreamError("The model's response was not a JSON object.")
            self._check_error(decoded)
            return self._clean(decoded)
        except _BROKEN:
            raise UpstreamError("The model's response was not valid JSON.") from None

    def chunks(self, events: Iterable[Event]) -> Iterator[Chunk]:
        """The chunks of a stream, redacted, each as soon as it arrives.

        Raises the `APIError` of a failure, and `UpstreamError` if the stream is incomplete or has no choices.
        """
        is_done = False
        for event in events:
            if event.data.startswith(b"[DONE]"):
                is_done = True
                break
            chunk = self._chunk(event)
            if chunk is not None:
                yield chunk
        self._check_end(is_done=is_done)

    def _chunk(self, event: Event) -> Chunk | None:
        """The chunk in an event; None if the event is nothing for us."""
        name, data = event.name, event.data
        try:
            decoded = decode(data)
            if name == b"error":
                raise failure_in_answer(error_of(decoded), self._redact)
            if isinstance(decoded, dict):
                if name not in _KEEPALIVE_NAMES:
                    self._check_error(decoded)
                if is_chunk(decoded):
                    return self._clean(decoded)
        except _BROKEN:
            if name == b"error":
                raise failure_in_answer(error_of(data.decode(errors="replace")), self._redact) from None
            if data.lstrip().startswith((b"{", b"[")):  # a chunk, of which something is lost
                raise UpstreamError("The model's response was not valid JSON.") from None
        self._skip(name)
        return None

    def _check_error(self, decoded: JSONObject) -> None:
        if not decoded.get("choices") or "error" in decoded:
            error = error_in(decoded)
            if error is not None:
                raise failure_in_answer(error, self._redact)

    def _skip(self, name: bytes) -> None:
        self._has_unknown = self._has_unknown or name not in _KEEPALIVE_NAMES

    def _clean(self, body: JSONObject) -> JSONObject:
        """Redact what is passed on and is not output of the model, in place."""
        clean(body, self._redact)
        given = body.get
        head = (given("id"), given("model"), given("system_fingerprint"), given("service_tier"), given("obfuscation"))
        if head != self._head:
            self._head, self._clean_head = head, self._clean_head_of(body)
        if self._clean_head:
            body.update(self._clean_head)
        if (usage := body.get("usage")) and not _has_counts_only(usage):
            body["usage"] = self._redact.value(usage)
        choices = body.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                index = choice.get("index")
                index = index if isinstance(index, int) else 0
                self._seen.add(index)
                if choice.get("finish_reason") is not None:
                    self._finish(choice, index)
        return body

    def _clean_head_of(self, body: JSONObject) -> JSONObject:
        """Those of the head fields that must be replaced. The client does not see the model, but the ledger has it."""
        changed = self._redact.names(body, _HEAD_FIELDS)
        model = body.get("model")
        if isinstance(model, str) and (name := self._redact.model_name(model)) != model:
            changed["model"] = name
        return changed

    def _finish(self, choice: JSONObject, index: int) -> None:
        reason = choice["finish_reason"]
        if "error" in choice and (error := error_in({"choices": [choice]})) is not None:
            raise failure_in_answer(error, self._redact)
        if finish_reasons.finish_reason(reason) is not None:
            self._finished.add(index)
        if reason not in _USUAL_REASONS or not choice.keys() <= _USUAL_CHOICE_FIELDS:
            choice.update(self._redact.names(choice, _REASON_FIELDS))

    def _check_end(self, *, is_done: bool) -> None:
        if not self._seen:
            raise UpstreamError("The model's answer had no choices.")
        if self._seen - self._finished and (self._has_unknown or not is_done):
            raise UpstreamError("The model's response ended unexpectedly.")
