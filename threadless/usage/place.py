"""Where the ledger of the present tenant is. Primary keys of keys and users are unique only there."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, router

from threadless.db.tenants import place
from threadless.usage.models import UsageRecord


def ledger_place() -> str:
    """A name for it; empty for a platform without tenants."""
    found = place(router.db_for_write(UsageRecord))
    return "" if found == DEFAULT_DB_ALIAS else found
