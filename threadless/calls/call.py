"""`Call`: one call, from its admission to its settlement.

The thread that runs the backend owns the call. It alone settles the row, when its `with` block ends in any way. Other
threads, and the response, may only `cancel`: a response may never be started nor closed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack, closing, nullcontext
from typing import Any, Final

from threadless.backends import backends
from threadless.backends.lifetime import Lifetime
from threadless.calls.channel import Channel
from threadless.calls.gates import Gates
from threadless.calls.row import Row
from threadless.calls.running import running
from threadless.calls.threads import threads
from threadless.conf import conf
from threadless.dialects.base import Asked, Dialect
from threadless.exceptions import APIError
from threadless.server import timeouts
from threadless.server.client import Client
from threadless.server.watch import watch
from threadless.types import Caller, Target
from threadless.usage.base import Outcome

logger = logging.getLogger("threadless")

_USAGE_SECONDS: Final = 2.0
"""How long, after the client has left with a complete answer."""


class Call:
    """One call; raises `InvalidRequest` if the request does not suit its target.

    `cancel` may come from any thread at any time, also after the end.
    """

    def __init__(
        self, dialect: Dialect, asked: Asked, target: Target, caller: Caller, gates: Gates, client_request_id: str = ""
    ) -> None:
        self._backend = backends[target.backend]
        self.asked = asked = dialect.check(asked, target, self._backend)
        self.dialect, self.target, self.caller = dialect, target, caller
        self.request_id, self.client_request_id = asked.request.request_id, client_request_id
        self.lifetime = Lifetime(conf.max_call_seconds)
        self.channel = Channel()
        """Where a stream's response takes its bytes from. Closed at the end of every call that has its own thread."""
        self.account = dialect.account(asked, target)
        self._gates = gates
        self._encoder = dialect.encoder(self.account, asked, target) if asked.is_stream else None
        self.is_committed = False
        """True once the response has begun: from then on a failure cannot change its status."""
        self.first_token_seconds: float | None = None
        self.result = b""
        """The body of a plain answer, or what ends a stream. Set when the call has ended."""
        self.failure: APIError | None = None
        self.outcome: Outcome | None = None

    def run(self, client: Client) -> None:
        """Admit the call, open its row and run the backend; raises the `APIError` of a refusal.

        Returns when a plain call under WSGI has ended. Any other call goes on in a thread of its own.
        """
        with ExitStack() as owned:
            owned.enter_context(running(self))
            self._gates.admit(self, owned)
            owned.enter_context(Row(self))
            self._watch(client, owned)
            if self.asked.is_stream or client.is_async:
                self._start_thread(owned.pop_all())
            else:
                self._work()

    @property
    def has_begun(self) -> bool:
        """True once the client has a status of 200, or the first bytes of a stream are on their way."""
        return self.is_committed or (self.asked.is_stream and self.first_token_seconds is not None)

    def cancel(self, failure: APIError | None = None) -> None:
        """End the call early, with this failure or because its client has gone.

        If the client leaves with a complete answer, the upstream's usage is still waited for.
        """
        if failure is not None:
            self.lifetime.cancel(failure)
            self.channel.stop_waiting()
            return
        if self.account.is_answered and not self.lifetime.is_cancelled:
            timeouts.call_later(self.lifetime.cancel, _USAGE_SECONDS)
        else:
            self.lifetime.cancel()
        self.channel.close()  # wakes a thread that waits for room

    def end(self, failure: APIError | None) -> None:
        """The work is done, or has failed; called by the owner when it settles the row."""
        self.failure = failure
        if failure is not None and self._encoder is not None:
            self.result = self._encoder.failure(failure)

    def take_failure(self) -> APIError | None:
        """The failure, once the call has ended. The call forgets it: frames of the failure refer to the call."""
        failure, self.failure, self.outcome, self.lifetime.failure = self.failure, None, None, None
        return failure

    def _watch(self, client: Client, owned: ExitStack) -> None:
        """Cancel the call when the client hangs up. If that cannot be noticed, the call runs all the same."""
        try:
            owned.callback(watch(client.socket, self.cancel))
        except OSError:
            logger.warning("The client of call %s cannot be watched.", self.request_id, exc_info=True)

    def _start_thread(self, owned: ExitStack) -> None:
        def run() -> None:
            with closing(self.channel), owned:
                self._work()

        try:
            threads.run(run)
        except (RuntimeError, MemoryError):  # the process can have no more threads
            with closing(self.channel), owned:
                raise

    def _work(self) -> None:
        with self.lifetime.active():
            self.lifetime.check()
            work: Callable[[], None] = self._stream if self.asked.is_stream else self._complete
            work()

    def _complete(self) -> None:
        answer = self.dialect.call(self._backend, self.asked, self.target, self.caller)
        self.first_token_seconds = self.lifetime.elapsed
        body = self.dialect.answer(answer, self.account, self.asked, self.target)
        self.lifetime.check()
        self.result = body

    def _stream(self) -> None:
        encoder: Any = self._encoder
        items: Any = self.dialect.stream(self._backend, self.asked, self.target, self.caller)
        with closing(items) if hasattr(items, "close") else nullcontext():
            for item in items:
                self.lifetime.check()
                self._send(encoder.encode(item))
        self.lifetime.check()
        self._send(encoder.end())
        self.result = encoder.done

    def _send(self, data: bytes) -> None:
        if not data:
            return
        if self.first_token_seconds is None:
            self.first_token_seconds = self.lifetime.elapsed
        if not self.channel.put(data, conf.stall_seconds):
            self.cancel()
        self.lifetime.check()
        self._gates.progress(self)
