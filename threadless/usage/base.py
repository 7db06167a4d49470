"""`BaseUsageRecorder`, the extension point for metering, and its value objects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Literal, NamedTuple, TypeAlias

import msgspec

from threadless.conf import conf
from threadless.exceptions import APIError
from threadless.types import Caller, Target, Usage

FinalState: TypeAlias = Literal["completed", "failed", "cancelled"]

_DEADLINE_MARGIN: Final = timedelta(seconds=60)
"""Time to settle a call that ended at `MAX_CALL_SECONDS`, before a sweep may mark its record."""
CLIENT_LEFT: Final = 499
"""HTTP status of a call whose client left before one was sent. nginx logs the same."""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
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
    reservations: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """What gates want ledger hooks to reserve for the call, by the name of the hook."""

    @property
    def deadline(self) -> datetime:
        """When the call must have been settled. After that, its owner has probably died."""
        return self.opened_at + timedelta(seconds=conf.max_call_seconds) + _DEADLINE_MARGIN


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a call ended. Seconds count from the opening."""

    state: FinalState
    failure: APIError | None = None
    """The error that the client received; None if the call completed or the client left."""
    has_begun: bool = False
    """True if the status 200 had been sent, for example if a stream fails after its first chunk."""
    has_asked: bool = True
    """False if it is certain that no upstream has worked for the call: none was reached, or it answered with a 429."""
    finish_reason: str = ""
    upstream_model: str = ""
    usage: Usage | None = None
    """None if nothing was produced and nothing is charged."""
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
        """The code of the failure; empty if there is none."""
        return (self.failure.code or "") if self.failure else ""


class Entry(NamedTuple):
    """The location of a record. With its database, because a router may choose another one in the settling thread."""

    using: str
    """Alias of the database."""
    pk: int
    request_id: str
    has_hooks: bool = True
    """False if no ledger hook took part in the opening, so that none needs to take part in the settlement."""
    hook_state: str | None = None
    """What the hooks kept with the record when it was opened, if that is known."""


class BaseUsageRecorder(ABC):
    """Stores the metering of a call. One instance serves one call. `settle` may run in another thread than `open`."""

    runs_ledger_hooks: ClassVar[bool] = False
    """True if `open` and `settle` run the ledger hooks of installed apps. If False, a check refuses such apps."""

    @abstractmethod
    def open(self, opening: Opening) -> Any:
        """Store the call durably before the upstream is called, and return what `settle` needs to find it.

        An exception ends the call before the upstream is called.
        """

    @abstractmethod
    def settle(self, entry: Any, outcome: Outcome) -> None:
        """Store how the call ended. Called exactly once. Must neither raise nor lose the outcome."""
