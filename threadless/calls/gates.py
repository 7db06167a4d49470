"""`Gate`: admits or refuses calls, and learns of the end of each call that it admitted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from threadless.conf import conf
from threadless.exceptions import APIError, WrongType
from threadless.extensions import additions
from threadless.types import Caller
from threadless.usage.base import Outcome

if TYPE_CHECKING:
    from threadless.calls.call import Call

logger = logging.getLogger("threadless")


class Gate:
    """A limit, a budget, or any other rule. One instance serves one request; override what you need.

    A gate refuses by raising an `APIError`. Gates are asked in the order of the `GATES` setting, outside transactions.
    """

    def knock(self, caller: Caller) -> None:
        """Refuse before the body is read. Must not reserve anything that `leave` would have to release."""

    def admit(self, call: Call) -> int | None:
        """Refuse the call before its row is opened. Return a number of tokens after which to call `progress`."""
        return None

    def progress(self, call: Call) -> int | None:
        """Called when that many tokens are produced. Return the next number; raise an `APIError` to end the call."""
        return None

    def leave(self, call: Call, outcome: Outcome | None) -> None:
        """The call has ended; None if a later gate, or the opening of its row, refused it.

        Called once for each gate whose `admit` returned, in reverse order. An exception is logged and has no other
        effect.
        """

    def headers(self) -> Mapping[str, str]:
        """Headers for the answer to this request, also if it was refused."""
        return {}


class Gates:
    """The gates of one request. `request_headers`: those that the client sent, by their names in any case."""

    def __init__(self, request_headers: Mapping[str, str]) -> None:
        self.request_headers = request_headers
        self._gates: list[Any] = [gate() for gate in (*conf.gates, *additions("threadless_gates"))]
        self._admitted: list[Any] = []
        self._marks: dict[Any, int] = {}

    def knock(self, caller: Caller) -> None:
        """Raise the first refusal. All gates are asked, so that the headers of each are correct."""
        refusals = []
        for gate in self._gates:
            try:
                gate.knock(caller)
            except APIError as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]

    def admit(self, call: Call) -> None:
        """Ask all gates to admit the call. Those that did must `leave`, also if a later one refuses."""
        for gate in self._gates:
            mark = gate.admit(call)
            self._admitted.append(gate)
            if mark is None:
                continue
            if type(mark) is not int:
                raise WrongType(gate, "admit", "None or a number of tokens (raise an APIError to refuse)", mark)
            self._marks[gate] = mark

    def leave(self, call: Call) -> None:
        """Tell the gates that have admitted the call how it ended."""
        while self._admitted:
            gate = self._admitted.pop()
            try:
                gate.leave(call, call.outcome)
            except Exception:
                logger.exception("Gate %s failed at the end of call %s.", type(gate).__name__, call.request_id)

    def progress(self, call: Call) -> None:
        """Ask the gates whose number of tokens has been reached whether the call may continue."""
        if not self._marks:
            return
        tokens = call.account.tokens()
        for gate in [gate for gate, mark in self._marks.items() if tokens >= mark]:
            del self._marks[gate]
            mark = _progress(gate, call)
            if mark is not None:
                self._marks[gate] = mark

    def headers(self) -> dict[str, str]:
        """The headers of all gates."""
        headers: dict[str, str] = {}
        for gate in self._gates:
            headers |= gate.headers()
        return headers


def _progress(gate: Gate, call: Call) -> int | None:
    """The next number of tokens. An unexpected failure of the gate does not end the call."""
    try:
        return gate.progress(call)
    except APIError:
        raise
    except Exception:
        logger.exception("Gate %s failed during call %s.", type(gate).__name__, call.request_id)
        return None
