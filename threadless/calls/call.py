"""`Call`: one call, from its admission to its settlement.

The thread that runs the backend owns the call. It alone settles the row, when its `with` block ends in any way. Other
threads, and the response, may only `cancel`, because a response may never be started or closed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

from threadless.backends import backends
from threadless.backends.lifetime import Lifetime
from threadless.calls import running
from threadless.calls.channel import Channel
from threadless.calls.context import HostContext
from threadless.calls.gates import Gates
from threadless.calls.ownership import Ownership
from threadless.calls.row import Row
from threadless.calls.threads import threads
from threadless.calls.work import do_work
from threadless.conf import conf
from threadless.db.tenants import keep_tenants
from threadless.dialects.base import Asked, Dialect
from threadless.exceptions import APIError
from threadless.server import timeouts
from threadless.server.client import Client
from threadless.types import Caller, Target
from threadless.usage.base import Outcome

logger = logging.getLogger("threadless")

_USAGE_SECONDS: Final = 2.0
"""Maximum time to wait for the usage after the client has left with a complete answer."""


class Call:
    """One call; raises `InvalidRequest` if the request does not suit its target.

    `cancel` may come from any thread at any time, also after the end.
    """

    def __init__(
        self, dialect: Dialect, asked: Asked, target: Target, caller: Caller, gates: Gates, client_request_id: str = ""
    ) -> None:
        self.backend = backends[target.backend]
        self.asked = asked = dialect.check(asked, target, self.backend)
        self.dialect, self.target, self.caller = dialect, target, caller
        self.request_id, self.client_request_id = asked.request.request_id, client_request_id
        self.lifetime = Lifetime(conf.max_call_seconds)
        self.channel = Channel()
        """Carries the bytes of a stream to its response. Closed at the end of every call that has its own thread."""
        self.account = dialect.account(asked, target)
        self.gates = gates
        self.context: HostContext
        """Set when the row is opened."""
        self.reservations: dict[str, Any] = {}
        """What gates want ledger hooks to reserve when the row is opened, by the name of the hook."""
        self.entry: Any = None
        """What the recorder returned for the row; None before it is open."""
        self.encoder = dialect.encoder(self.account, asked, target) if asked.is_stream else None
        self.is_committed = False
        """True once the response has begun. After that, a failure cannot change its status."""
        self.first_token_seconds: float | None = None
        self.result = b""
        """The body of a plain answer, or the last bytes of a stream. Set when the call has ended."""
        self.failure: APIError | None = None
        self.outcome: Outcome | None = None

    def run(self, client: Client) -> None:
        """Admit the call, open its row and run the backend; raises the `APIError` of a refusal.

        A plain call under WSGI has ended when this returns. Any other call continues in a separate thread.
        """
        with Ownership() as owned:
            running.begin(self)
            owned.add(lambda _: running.end(self))
            owned.add(lambda _: self._leave_gates())
            self.gates.admit(self)
            client.check()
            Row(self).open(owned)
            self._watch(client, owned)
            if self.asked.is_stream or client.is_async:
                self._start_thread(owned.hand_over())
            else:
                do_work(self)

    @property
    def request_headers(self) -> Mapping[str, str]:
        """The headers that the client sent, by their names in any case. For gates."""
        return self.gates.request_headers

    @property
    def has_begun(self) -> bool:
        """True once the client has received the status 200, or the first bytes of a stream have been sent."""
        return self.is_committed or (self.asked.is_stream and self.first_token_seconds is not None)

    def cancel(self, failure: APIError | None = None) -> None:
        """End the call early, with this failure or because its client has gone.

        If the client leaves with a complete answer, the upstream's usage is still waited for.
        """
        if failure is not None:
            self.lifetime.cancel(failure)
            self.channel.stop_waiting()
            return
        if self.lifetime.is_finished:  # the usual end of a stream: its response is closed
            return
        if self.account.is_answered and not self.lifetime.is_cancelled:
            timeouts.call_later(self.lifetime.cancel, _USAGE_SECONDS)
        else:
            self.lifetime.cancel()
        self.channel.close()  # wakes a thread that waits for room

    def end(self, failure: APIError | None) -> None:
        """Store how the work ended. Called by the owner when it settles the row."""
        self.failure = failure
        if failure is not None and self.encoder is not None:
            self.result = self.encoder.failure(failure)

    def take_failure(self) -> APIError | None:
        """The failure, once the call has ended. The call forgets it: frames of the failure refer to the call."""
        failure, self.failure, self.lifetime.failure = self.failure, None, None
        return failure

    def _leave_gates(self) -> None:
        self.gates.leave(self)
        # Only now, and only here: the response may take the failure before the owner has left the gates.
        self.outcome = None  # it refers to the failure, whose frames refer to the call

    def _watch(self, client: Client, owned: Ownership) -> None:
        """Cancel the call when the client hangs up. If the client cannot be watched, the call runs anyway."""
        try:
            stop = client.watch(self.cancel)
            owned.add(lambda _: stop())
        except OSError:
            logger.warning("The client of call %s cannot be watched.", self.request_id, exc_info=True)

    def _start_thread(self, owned: Ownership) -> None:
        def run() -> None:
            with closing(self.channel), owned:
                do_work(self)

        try:
            threads.run(keep_tenants(run))
        except (RuntimeError, MemoryError):  # the process cannot start more threads
            with closing(self.channel), owned:
                raise
