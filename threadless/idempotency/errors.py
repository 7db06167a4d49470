"""The errors for a key that has been used. Their status codes are those of the IETF draft, section 2.7.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from __future__ import annotations

from typing import Final

from threadless.exceptions import NO_RETRY, APIError, retry_headers

HEADER: Final = "Idempotency-Key"
_RETRY_SECONDS: Final = 5.0


class IdempotencyConflict(APIError):
    """The call with this key runs, or has been answered (409)."""

    status_code = 409
    type = "invalid_request_error"
    code = "idempotency_conflict"

    @classmethod
    def running(cls) -> IdempotencyConflict:
        """The first call is in flight."""
        text = f"A call with this {HEADER} is still running."
        return cls(text, param=HEADER, headers=retry_headers(_RETRY_SECONDS))

    @classmethod
    def ended(cls, request_id: str) -> IdempotencyConflict:
        """The first call has ended."""
        text = (
            f"The call with this {HEADER} has already been made: {request_id}. Answers are not stored, so it cannot be "
            "repeated. Send another key to make another call."
        )
        conflict = cls(text, param=HEADER, headers=NO_RETRY)
        conflict.details = {"first_request_id": request_id}
        return conflict


class IdempotencyKeyReused(APIError):
    """The key belongs to a call with another body (422)."""

    status_code = 422
    type = "invalid_request_error"
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(f"This {HEADER} was used for another request. Use another key.", param=HEADER)
