"""`BaseUsageRecorder`, the seam for metering, and the value objects that cross it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Literal, NamedTuple, TypeAlias

from threadless.conf import conf
from threadless.exceptions import APIError
from threadless.types import Caller, Target, Usage

FinalState: TypeAlias = Literal["completed", "failed", "cancelled"]

_DEADLINE_MARGIN: Final = timedelta(seconds=60)
"""The owner of a call ends it at `MAX_CALL_SECONDS`; this is its time to settle before a sweep may guess."""
CLIENT_LEFT: Final = 499
"""HTTP status of a call whose client left before one was sent, as nginx logs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A call that has been admitted and is about to be sent upstream."""

    request_id: str
    """Our own ID of the call, which the upstream receives too."""
    client_request_id: str = ""
    """The `X-Request-Id` that the client sent. Clients may repeat it."""
    operation: str = "chat"
    """The API that was called."""
    caller: Caller
    target: Target
    is_stream: bool
    opened_at: datetime

    @property
    def deadline(self) -> datetime:
        """When the call must have been settled; after that its owner must have died."""
        return self.opened_at + timedelta(seconds=conf.max_call_seconds) + _DEADLINE_MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call ended. Seconds count from the opening."""

    state: FinalState
    failure: APIError | None = None
    """What the client was told; None if the call completed, or if its client left."""
    has_begun: bool = False
    """True if the status 200 had been sent, as for a stream that fails after its first chunk."""
    finish_reason: str = ""
    upstream_model: str = ""
    usage: Usage | None = None
    """None if nothing was produced and nothing is owed."""
    tool_calls: int = 0
    cost_nano: int | None = None
    """In billionths of the currency; None if the cost is unknown."""
    first_token_seconds: float | None = None
    duration_seconds: float = 0.0

    @property
    def http_status(self) -> int:
        """The status that the client received; 499 if it left before one was sent."""
        if self.state == "completed" or self.has_begun:
            return 200
        return self.failure.status_code if self.failure else CLIENT_LEFT

    @property
    def error_code(self) -> str:
        """The code of the failure; empty without one."""
        return (self.failure.code or "") if self.failure else ""


class Entry(NamedTuple):
    """Where a record is. With its database, because a router may choose another one in the thread that settles."""

    using: str
    """Alias of the database."""
    pk: int
    request_id: str


class BaseUsageRecorder(ABC):
    """Where metering goes. One instance serves one call; `settle` may run in another thread than `open`."""

    runs_ledger_hooks: ClassVar[bool] = False
    """True if `open` and `settle` run the ledger hooks of installed apps; without that, a check refuses such apps."""

    @abstractmethod
    def open(self, opening: Opening) -> Any:
        """Make the call durable before the upstream is asked, and return what `settle` needs to find it.

        What it raises ends the call before the upstream is asked.
        """

    @abstractmethod
    def settle(self, entry: Any, outcome: Outcome) -> None:
        """Record how the call ended. Called exactly once; must not raise, nor lose the outcome."""
