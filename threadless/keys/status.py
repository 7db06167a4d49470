"""The status of a key: what is wrong with it, or that it works. The admin and the commands use the same words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from threadless.keys.models import AbstractAPIKey

EXPIRES_SOON: Final = timedelta(days=7)
UNUSED_AFTER: Final = timedelta(days=90)

LABELS: Final = {
    "revoked": _("revoked"),
    "expired": _("expired"),
    "inactive_user": _("user inactive"),
    "no_scope": _("no scope"),
    "no_model": _("no model"),
    "expires_soon": _("expires soon"),
    "rotating": _("rotating"),
    "never_used": _("never used"),
    "active": pgettext_lazy("key", "active"),
}
"""Each key has exactly one status: the first that applies. Keys with the first five are refused."""


def status_of(key: AbstractAPIKey, now: datetime | None = None) -> str:
    """The name of the status. Reads the user of the key."""
    moment = now or timezone.now()
    until = key.previous_until
    applies = {
        "revoked": key.revoked_at is not None,
        "expired": key.is_expired(moment),
        "inactive_user": not key.user.is_active,
        "no_scope": not key.scopes,
        "no_model": key.allowed_models == [],
        "expires_soon": key.is_expired(moment + EXPIRES_SOON),
        "rotating": until is not None and until > moment,
        "never_used": key.last_used_at is None,
    }
    return next((name for name, is_so in applies.items() if is_so), "active")


def condition_of(status: str, now: datetime | None = None) -> Q:
    """The condition for keys with this status. Raises `KeyError` for an unknown one."""
    conditions = _conditions(now or timezone.now())
    found: Q = conditions[status]
    for name, earlier in conditions.items():
        if name == status:
            break
        found &= ~earlier
    return found


def _conditions(now: datetime) -> dict[str, Any]:
    """What each status requires, if none of those before it applies."""
    return {
        "revoked": Q(revoked_at__isnull=False),
        "expired": Q(expires_at__isnull=False, expires_at__lte=now),
        "inactive_user": Q(user__is_active=False),
        "no_scope": Q(scopes=[]),
        "no_model": Q(allowed_models__isnull=False, allowed_models=[]),
        "expires_soon": Q(expires_at__isnull=False, expires_at__lte=now + EXPIRES_SOON),
        "rotating": Q(previous_until__isnull=False, previous_until__gt=now),
        "never_used": Q(last_used_at__isnull=True),
        "active": Q(),
    }
