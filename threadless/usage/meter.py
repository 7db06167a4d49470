"""`meter`: a platform's own chats in the same ledger as the calls of API clients."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from django.utils import timezone
from msgspec.structs import replace

from threadless.completions.account import Account
from threadless.completions.answer import normalize_completion
from threadless.completions.chunks import ChunkStream
from threadless.conf import conf
from threadless.exceptions import APIError, InternalError
from threadless.pricing import cost_nano
from threadless.types import Caller, ChatRequest, Chunk, Completion, Target, Usage
from threadless.usage.base import BaseUsageRecorder, FinalState, Opening, Outcome


class Metering:
    """What one call of the platform has used so far."""

    def __init__(self, request: ChatRequest, target: Target) -> None:
        self.request = request if request.request_id else replace(request, request_id=f"req_{secrets.token_hex(16)}")
        """The request to send. Its ID is that of the usage record."""
        self.usage: Usage | None = None
        """Set it if you count the tokens yourself. Otherwise they are those of the answer, or estimated."""
        self._target = target
        self._account = Account(self.request, target)
        self._started = time.monotonic()
        self._first_token_seconds: float | None = None
        self._is_cut = False

    def answered(self, completion: Completion) -> Completion:
        """Meter a plain answer, and return it unchanged. Raises `UpstreamError` if it says that it failed."""
        normalize_completion(deepcopy(completion.body), self._target.id, self._account)
        self._first_token_seconds = self._elapsed()
        return completion

    def stream(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Meter a stream, and yield its chunks unchanged. Raises `UpstreamError` if one of them is an error.

        If you stop reading before the end, the call counts as cancelled.
        """
        self._is_cut = True
        stream = ChunkStream(self._target.id, self._account)
        for chunk in chunks:
            if stream.take(deepcopy(chunk)) is not None and self._first_token_seconds is None:
                self._first_token_seconds = self._elapsed()
            yield chunk
        stream.finish()
        self._is_cut = False

    def outcome(self, error: BaseException | None = None) -> Outcome:
        """How the call ended, for the ledger. Exceptions that are no `Exception`, such as at exit, cancel it."""
        failure = _failure(error)
        has_output = self._first_token_seconds is not None
        usage = self.usage or self._account.owed(has_failed=failure is not None, has_output=has_output)
        is_cancelled = failure is None and (self._is_cut or error is not None)
        state: FinalState = "failed" if failure else "cancelled" if is_cancelled else "completed"
        return Outcome(
            state=state,
            failure=failure,
            finish_reason=self._account.finish_reason,
            upstream_model=self._account.upstream_model,
            tool_calls=self._account.tool_calls,
            usage=usage,
            cost_nano=cost_nano(self._target, usage),
            first_token_seconds=self._first_token_seconds,
            duration_seconds=self._elapsed(),
        )

    def _elapsed(self) -> float:
        return time.monotonic() - self._started


@contextmanager
def meter(
    request: ChatRequest,
    target: Target,
    caller: Caller,
    *,
    operation: str = "host-chat",
    is_stream: bool = False,
    reservations: Mapping[str, Any] | None = None,
) -> Iterator[Metering]:
    """Meter one call of the platform itself: the record is opened at the beginning and settled at the end.

    `operation` tells these records from those of API clients (at most 16 characters). `reservations` is what ledger
    hooks are to reserve, by their names, such as the result of `threadless.budgets.api.charge`. Raises `RuntimeError`
    inside a transaction, where the record could vanish, and the `APIError` of a ledger hook that refuses it, such as a
    budget's.
    """
    metering = Metering(request, target)
    recorder = conf.usage_recorder()
    opening = Opening(
        operation=operation,
        request_id=metering.request.request_id,
        caller=caller,
        target=target,
        is_stream=is_stream,
        opened_at=timezone.now(),
        reservations=reservations or {},
    )
    with _settled(recorder, recorder.open(opening), metering):
        yield metering


@contextmanager
def _settled(recorder: BaseUsageRecorder, entry: Any, metering: Metering) -> Iterator[None]:
    """Settle the record when the block ends in any way."""
    try:
        yield
    except BaseException as error:
        recorder.settle(entry, metering.outcome(error))
        raise
    recorder.settle(entry, metering.outcome())


def _failure(error: BaseException | None) -> APIError | None:
    if error is None or isinstance(error, APIError):
        return error
    return InternalError(error) if isinstance(error, Exception) else None
