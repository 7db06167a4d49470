"""The statements on used keys. The primary key of the table decides which of two parallel calls is the first."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NoReturn

from django.utils import timezone

from threadless.idempotency.claims import Claim
from threadless.idempotency.conf import conf
from threadless.idempotency.errors import IdempotencyConflict, IdempotencyKeyReused
from threadless.idempotency.models import UsedKey
from threadless.usage.base import Opening
from threadless.usage.hooks import TryAgain
from threadless.usage.models import UsageRecord

BATCH: Final = 1_000
"""Keys per statement, so that calls hardly wait for locks."""
_BATCHES_PER_SWEEP: Final = 20


def use(using: str, claim: Claim, opening: Opening) -> None:
    """Use the key for this call, in its transaction. Raises `IdempotencyConflict` or `IdempotencyKeyReused`."""
    keys = UsedKey.objects.using(using)
    kept_until = opening.opened_at + timedelta(hours=conf.idempotency_hours)
    wanted = UsedKey(
        digest=claim.digest,
        fingerprint=claim.fingerprint,
        request_id=opening.request_id,
        expires_at=max(kept_until, opening.deadline),
    )
    # The insert comes first. It waits for a parallel call with the same key, and SQLite can then not fail to write.
    keys.bulk_create([wanted], ignore_conflicts=True)
    found = keys.filter(pk=claim.digest).first()
    if found is None:  # it was deleted in between
        raise TryAgain
    if found.request_id == wanted.request_id:
        return
    if found.expires_at > timezone.now():
        _refuse(using, found, claim)
    if not keys.filter(pk=found.pk, request_id=found.request_id).update(
        fingerprint=wanted.fingerprint, request_id=wanted.request_id, expires_at=wanted.expires_at
    ):
        raise TryAgain


def release(using: str, digest: str, request_id: str) -> None:
    """Forget the key of this call, which another call may then use."""
    UsedKey.objects.using(using).filter(pk=digest, request_id=request_id).delete()


def delete_expired(using: str) -> None:
    """Delete keys that have expired, a limited number of them."""
    expired = UsedKey.objects.using(using).filter(expires_at__lte=timezone.now())
    for _ in range(_BATCHES_PER_SWEEP):
        digests = list(expired.order_by("expires_at").values_list("pk", flat=True)[:BATCH])
        expired.filter(pk__in=digests).delete()
        if len(digests) < BATCH:
            return


def _refuse(using: str, found: UsedKey, claim: Claim) -> NoReturn:
    if found.fingerprint != claim.fingerprint:
        raise IdempotencyKeyReused
    records = UsageRecord.objects.using(using)
    if records.filter(request_id=found.request_id, state=UsageRecord.State.OPEN).exists():
        raise IdempotencyConflict.running()
    raise IdempotencyConflict.ended(found.request_id)
