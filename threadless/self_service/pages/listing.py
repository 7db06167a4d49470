"""The rows of the list of keys."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import msgspec
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from threadless.keys.models import AbstractAPIKey
from threadless.reports.queries import Period, sums
from threadless.reports.sums import Sums
from threadless.usage.days import today

_SOON: Final = timedelta(days=7)
STATUSES: Final = {
    "active": pgettext_lazy("key", "active"),
    "rotating": _("rotating"),
    "soon": _("expires soon"),
    "powerless": _("no scope"),
    "expired": _("expired"),
    "revoked": _("revoked"),
}


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One key and its use in this month."""

    key: Any
    status: str
    label: Any
    """The status for people."""
    calls: int
    """Calls in this month."""

    @property
    def unused_for(self) -> str:
        """The time since the last use, in one unit."""
        return timesince(self.key.last_used_at, depth=1)

    @property
    def has_ended(self) -> bool:
        """True if the key can no longer be used."""
        return self.status in ("expired", "revoked")


def rows_of(keys: Iterable[Any]) -> list[KeyRow]:
    """The keys that work first, then those that have ended; the newest first in both."""
    listed, last = list(keys), today()
    ids = [str(key.pk) for key in listed]
    used = sums(Period(last.replace(day=1), last), ["key_id"], {"key_id": ids}) if ids else {}
    rows = [_row(key, used.get((str(key.pk),), Sums())) for key in listed]
    return sorted(rows, key=lambda row: row.has_ended)


def _row(key: AbstractAPIKey, used: Sums) -> KeyRow:
    status = status_of(key)
    return KeyRow(key=key, status=status, label=STATUSES[status], calls=used.calls)


def status_of(key: AbstractAPIKey) -> str:
    """One of `STATUSES`: the first that applies, the most serious first."""
    now = timezone.now()
    if key.revoked_at is not None:
        return "revoked"
    if key.is_expired(now):
        return "expired"
    if not key.scopes:
        return "powerless"
    if key.expires_at is not None and key.expires_at - now < _SOON:
        return "soon"
    return "rotating" if key.previous_until is not None and key.previous_until > now else "active"
