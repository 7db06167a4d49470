"""API keys that nobody needs, or that may do more than they should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from threadless.doctor.finding import Finding, warning
from threadless.keys.adapters import get_api_key_model
from threadless.keys.models import AbstractAPIKey

_UNUSED: Final = timedelta(days=30)
_SHOWN: Final = 5


def check_keys() -> Iterator[Finding]:
    """Look at all keys that are not revoked, if the key model extends ours."""
    model = get_api_key_model()
    if not issubclass(model, AbstractAPIKey):
        return
    now = timezone.now()
    keys: Any = model._default_manager.filter(revoked_at=None)
    over, unused = keys.filter(expires_at__lt=now), keys.filter(last_used_at=None, created_at__lt=now - _UNUSED)
    without = [key for key in keys.only("pk", "name", "scopes") if not key.scopes]
    rest = "Revoke them."
    yield from _report(over, "have expired", "They are refused, and remain in lists.", rest)
    yield from _report(unused, "were never used within 30 days", "If one of them leaks, nobody notices.", rest)
    yield from _report(without, "have no scope", "They are refused everywhere.", "Give them a scope, or revoke them.")
    superusers = keys.filter(user__is_superuser=True) if _has_superusers(model) else ()
    fix = "Issue keys for an ordinary user."
    yield from _report(superusers, "belong to superusers", "They see every model and agent of the platform.", fix)


def _has_superusers(model: Any) -> bool:
    return any(field.name == "is_superuser" for field in model._meta.get_field("user").related_model._meta.fields)


def _report(keys: Any, what: str, why: str, fix: str) -> Iterator[Finding]:
    names = [f"{key.name!r} ({key.pk})" for key in keys]
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield warning("keys", f"Keys that {what}: {', '.join(names[:_SHOWN])}{more}.", why, fix)
