"""The usage row of one call: opened before the upstream is called, and settled exactly once in every case."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.utils import timezone

from threadless import signals
from threadless.calls.context import HostContext
from threadless.calls.ownership import Ownership
from threadless.conf import conf
from threadless.exceptions import (
    APIError,
    InternalError,
    InvalidIntegration,
    UpstreamError,
    WrongType,
    clear_locals,
    forget_frames,
)
from threadless.pricing import cost_nano
from threadless.types import Usage
from threadless.usage.base import Opening, Outcome

if TYPE_CHECKING:
    from threadless.calls.call import Call

logger = logging.getLogger("threadless")


class Row:
    """The row of one call. Once it is open, its owner settles it exactly once."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._recorder = conf.usage_recorder()
        self._opening = Opening(
            operation=call.dialect.operation,
            request_id=call.request_id,
            client_request_id=call.client_request_id,
            caller=call.caller,
            target=call.target,
            is_stream=call.asked.is_stream,
            opened_at=timezone.now(),
            reservations=call.reservations,
        )

    def open(self, owned: Ownership) -> None:
        """Store the call durably. An exception ends the call before the upstream is called."""
        entry = self._call.entry = self._recorder.open(self._opening)
        if hasattr(entry, "__await__"):
            raise WrongType(self._recorder, "open", "what settle() needs, without `async`", entry)
        self._call.context = HostContext(self._opening)
        owned.add(self._call.context.leave)  # after the settlement, which is added next
        owned.add(self.settle)
        signals.call_opened.send_robust(sender=None, opening=self._opening)

    def settle(self, error: BaseException | None) -> bool:
        """Store how the call ended. Returns True for an `Exception`, which becomes the failure of the call."""
        call = self._call
        call.lifetime.finish()
        call.end(None if error is None else _failure(call, error))
        outcome = call.outcome = call.context.info.outcome = _outcome(call, error)
        try:
            self._recorder.settle(call.entry, outcome)
        except Exception:
            logger.exception("The usage record of call %s could not be settled.", call.request_id)
        signals.call_settled.send_robust(sender=None, opening=self._opening, outcome=outcome)
        if call.failure is not None and call.has_begun:
            forget_frames(call.failure)  # it has been logged, and nobody raises it again
        return isinstance(error, Exception)


def _failure(call: Call, error: BaseException) -> APIError | None:
    """The error that the client receives for an exception; None if the client has gone."""
    if call.lifetime.is_cancelled:
        return call.lifetime.failure
    failure = error if isinstance(error, APIError) else InternalError(error)
    if failure is not error:
        failure.__cause__ = error
        clear_locals(error)
    if failure.log_detail or isinstance(failure, UpstreamError):
        detail = failure.log_detail or failure.message
        failure.log_detail = f"backend {call.target.backend!r}, {call.lifetime.elapsed:.3f} s: {detail}"
    if call.has_begun:  # otherwise the failure becomes the response, which is logged
        logger.error(
            "Call %s failed after its first byte (%s): %s",
            call.request_id,
            failure.code,
            failure.log_detail or failure.message,
            exc_info=None if isinstance(error, InvalidIntegration) else failure.__cause__,
        )
    return failure


def _outcome(call: Call, error: BaseException | None) -> Outcome:
    has_failed = call.failure is not None
    has_output = call.first_token_seconds is not None
    account = call.account
    usage = _usage(call, has_failed=has_failed, has_output=has_output)
    return Outcome(
        state="failed" if has_failed else "completed" if error is None else "cancelled",
        failure=call.failure,
        has_begun=call.has_begun,
        has_asked=call.lifetime.has_asked,
        finish_reason=account.finish_reason,
        upstream_model=account.upstream_model,
        tool_calls=account.tool_calls,
        usage=usage,
        cost_nano=cost_nano(call.target, usage),
        first_token_seconds=call.first_token_seconds,
        duration_seconds=call.lifetime.elapsed,
    )


def _usage(call: Call, *, has_failed: bool, has_output: bool) -> Usage | None:
    try:
        return call.account.owed(has_failed=has_failed, has_output=has_output)
    except Exception:  # a count that fails must not leave the row open
        logger.exception("The tokens of call %s could not be counted.", call.request_id)
        return call.account.reported
