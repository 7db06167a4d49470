"""`IdempotencyGate`: reads the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from threadless.calls.gates import Gate
from threadless.idempotency.claims import claim_of
from threadless.idempotency.errors import HEADER
from threadless.idempotency.hook import NAME

if TYPE_CHECKING:
    from threadless.calls.call import Call


class IdempotencyGate(Gate):
    """The hook decides, in the transaction that opens the row. A call without the header passes unchanged."""

    def admit(self, call: Call) -> None:
        header = call.request_headers.get(HEADER)
        if header is not None:
            call.reservations[NAME] = claim_of(call, header)
