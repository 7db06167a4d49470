"""`IdempotencyHook`: uses up keys in the transactions that open usage records."""

from __future__ import annotations

from typing import Final

from threadless.idempotency.used_keys import delete_expired, release, use
from threadless.usage.base import Entry, Opening, Outcome
from threadless.usage.hooks import LedgerHook

NAME: Final = "idempotency"
"""The name of our ledger hook, under which it finds the claim of a call."""


class IdempotencyHook(LedgerHook):
    """Its state is the digest of the key. A call that was interrupted keeps its key: nobody knows how far it came."""

    name = NAME
    only_reserved = True

    def opening(self, using: str, opening: Opening) -> str:
        claim = opening.reservations[NAME]
        use(using, claim, opening)
        digest: str = claim.digest
        return digest

    def settling(self, using: str, entry: Entry, state: str | None, outcome: Outcome, *, was_interrupted: bool) -> None:
        if state is not None and not outcome.has_asked:
            release(using, state, entry.request_id)

    def sweeping(self, using: str) -> None:
        delete_expired(using)
