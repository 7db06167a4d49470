"""Removes a person from the ledger. The records and their sums stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db import router

from threadless.usage.hooks import ledger_hooks
from threadless.usage.models import UsageRecord

BATCH: Final = 1_000
"""Records per statement, so that calls hardly wait for locks."""


def erase_user(user_id: Any, using: str | None = None) -> Iterator[int]:
    """Set the user of these records to null, and empty the name of the key and the client's request ID.

    Yields the number of changed records after each batch. Then the ledger hooks remove the person from their tables.
    An interrupted run can be repeated. Records of calls that run now may be missed.
    """
    using = using or router.db_for_write(UsageRecord)
    records = UsageRecord.objects.using(using).filter(user_id=user_id)
    while ids := list(records.order_by("-opened_at").values_list("pk", flat=True)[:BATCH]):
        yield records.filter(pk__in=ids).update(user_id=None, key_label="", client_request_id="")
    for hook in ledger_hooks():
        hook.erasing(using, user_id)
