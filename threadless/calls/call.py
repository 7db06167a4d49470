"""`Call`: one admitted call from its opening in the ledger to its settlement.

Whoever runs `complete`, or the reader of a stream, owns the call and alone settles it, in its `finally`: no response
object does, because a response may never be started nor closed. Everybody else may only `cancel`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, nullcontext
from functools import partial
from typing import Any, NoReturn

from django.utils import timezone

from threadless.backends import backends
from threadless.backends.lifetime import Lifetime
from threadless.calls.channel import Channel
from threadless.calls.running import running
from threadless.calls.threads import threads
from threadless.completions.answer import Answer, answer_of
from threadless.completions.chunks import ChunkStream
from threadless.completions.estimate import Produced, amended, estimate_usage
from threadless.completions.parse import ParsedBody
from threadless.completions.repair import usage_body
from threadless.conf import conf
from threadless.exceptions import APIError, Cancelled, InternalError
from threadless.types import Caller, Chunk, JSONObject, Target, Usage
from threadless.usage.recorder import FinalState, Opening, Outcome

logger = logging.getLogger("threadless")

Encode = Callable[[Chunk], bytes]


class Call:
    """One call. `cancel` may come from any thread at any time, also after the end."""

    def __init__(self, body: ParsedBody, target: Target, caller: Caller, request_id: str) -> None:
        self.body = body
        self.target = target
        self.caller = caller
        self.request = body.request(request_id)
        self.lifetime = Lifetime(conf.max_call_seconds)
        self.channel = Channel()
        self.failure: APIError | None = None
        """Why it failed; set before the channel is closed."""
        self.is_committed = False
        """True once the status line of a stream has gone out."""
        self.on_end: list[Callable[[Call], None]] = []
        """Called by the owner after the settlement; must not raise."""
        self.usage: Usage | None = None
        self.first_token_seconds: float | None = None
        self._produced = Produced(target.model)
        self._account: ChunkStream | Answer | None = None
        self._recorder = conf.usage_recorder()
        self._entry: Any = None
        self._body: JSONObject | None = None

    def open(self) -> None:
        """Make the call durable in the ledger. From here on somebody must run it."""
        self._entry = self._recorder.open(
            Opening(
                request_id=self.request.request_id,
                caller=self.caller,
                target=self.target,
                is_stream=self.body.is_stream,
                opened_at=timezone.now(),
            )
        )

    def cancel(self, failure: APIError | None = None) -> None:
        """End the call early: its client has gone, or this failure came up."""
        self.lifetime.cancel(failure)
        if failure is None:
            self.channel.close()  # wakes a reader that waits for room
        else:
            self.channel.stop_waiting()

    def complete(self) -> JSONObject:
        """Run a plain call in this thread and return the body; raises like `result`."""
        self._own(self._complete)
        return self.result()

    def start_plain(self) -> None:
        """Run a plain call in a thread, which closes `channel` at the end; then `result` tells."""
        self._start(self._complete)

    def start_stream(self, encode: Encode) -> None:
        """Run a stream in a reader thread, which feeds `channel` with encoded chunks and closes it at the end."""
        self._start(partial(self._read, encode))

    def result(self) -> JSONObject:
        """The body of a plain call that has ended; raises its `APIError`, or `Cancelled` if its client has gone."""
        if self.failure is not None:
            raise self.failure
        if self._body is None:
            raise Cancelled
        return self._body

    def _start(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                self._own(work)
            finally:
                self.channel.close()

        try:
            threads.run(run)
        except RuntimeError as error:  # no more threads for this process; the call is open in the ledger all the same
            try:
                self._own(partial(_raise, error))
            finally:
                self.channel.close()

    def _complete(self) -> None:
        completion = backends[self.target.backend].complete(self.request, self.target, self.caller)
        self.first_token_seconds = self.lifetime.elapsed
        answer = self._account = answer_of(completion.body, self.target.id, self._produced)
        self.lifetime.check()
        answer.body["usage"] = usage_body(self._count(), answer.body.get("usage"))
        self._body = answer.body

    def _read(self, encode: Encode) -> None:
        stall_seconds = conf.stall_seconds
        for chunk in self._chunks():
            self._send(encode(chunk), stall_seconds)

    def _chunks(self) -> Iterator[Chunk]:
        """The client's chunks, from the backend's."""
        stream = self._account = ChunkStream(self.target.id, self._produced)
        wants_usage = self.body.wants_usage_chunk
        given = backends[self.target.backend].stream(self.request, self.target, self.caller)
        with _closing(given):
            for upstream_chunk in given:
                self.lifetime.check()
                chunk = stream.take(upstream_chunk)
                if chunk is not None:
                    yield {**chunk, "usage": None} if wants_usage else chunk
        self.lifetime.check()
        if (last := stream.finish()) is not None:
            yield {**last, "usage": None} if wants_usage else last
        if wants_usage:
            yield stream.usage_chunk(self._count())

    def _send(self, item: bytes, stall_seconds: float) -> None:
        if self.first_token_seconds is None:
            self.first_token_seconds = self.lifetime.elapsed
        if not self.channel.put(item, stall_seconds):
            self.cancel()
        self.lifetime.check()

    def _own(self, work: Callable[[], None]) -> None:
        """Do the owner's work, which the end of the server waits for."""
        with running(self):
            self._settle_after(work)

    def _settle_after(self, work: Callable[[], None]) -> None:
        """Whatever happens in the work, the call is settled once and its failure kept."""
        state: FinalState = "failed"
        try:
            with self.lifetime.active():
                work()
            state = "completed"
        except Exception as error:  # noqa: BLE001  (a host's backend may raise anything; none of it may lose the row)
            self.failure = self._failure(error)
            state = "cancelled" if self.failure is None else "failed"
        finally:
            self.lifetime.finish()
            self._settle(state)
            for callback in self.on_end:
                callback(self)

    def _failure(self, error: Exception) -> APIError | None:
        """What an exception means for the client; None if the client has gone, whatever it led to."""
        if self.lifetime.is_cancelled:
            return self.lifetime.failure
        if isinstance(error, APIError):
            return error
        logger.error("The backend %r failed unexpectedly.", self.target.backend, exc_info=error)
        failure = InternalError()
        failure.__cause__ = error
        return failure

    def _settle(self, state: FinalState) -> None:
        account = self._account
        self._recorder.settle(
            self._entry,
            Outcome(
                state=state,
                failure=self.failure,
                has_begun=self.is_committed or (self.body.is_stream and self.first_token_seconds is not None),
                finish_reason=account.finish_reason if account else "",
                upstream_model=account.upstream_model if account else "",
                tool_calls=account.tool_calls if account else 0,
                usage=self._usage_owed(state),
                first_token_seconds=self.first_token_seconds,
                duration_seconds=self.lifetime.elapsed,
            ),
        )

    def _usage_owed(self, state: FinalState) -> Usage | None:
        """A failure before any output is not counted: nothing says that the upstream did anything."""
        if state == "failed" and self.first_token_seconds is None:
            return self._account.usage if self._account else None
        return self._count()

    def _count(self) -> Usage:
        if self.usage is None:
            self.usage = self._told_or_estimated()
        return self.usage

    def _told_or_estimated(self) -> Usage:
        account = self._account
        if account is None or (told := account.usage) is None:
            return estimate_usage(self.request, self.target, self._produced)
        if account.is_usage_last and told.prompt_tokens and told.completion_tokens:
            return told
        estimated = estimate_usage(self.request, self.target, self._produced)
        return amended(told, estimated, is_last=account.is_usage_last)


def _closing(iterator: Iterable[Chunk]) -> Any:
    return closing(iterator) if hasattr(iterator, "close") else nullcontext()


def _raise(error: Exception) -> NoReturn:
    raise error
