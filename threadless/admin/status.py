"""The status of a key in the admin: a badge and a filter."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from threadless.keys.models import AbstractAPIKey

_LABELS: Final = {"active": _("active"), "no_scope": _("no scope"), "expired": _("expired"), "revoked": _("revoked")}


def status_badge(key: AbstractAPIKey) -> SafeString:
    """Return the status as HTML. A key without scopes is not called active, because every request with it fails."""
    if key.revoked_at:
        name = "revoked"
    elif key.is_expired():
        name = "expired"
    else:
        name = "active" if key.scopes else "no_scope"
    return format_html('<span class="threadless-badge threadless-{}">{}</span>', name, _LABELS[name])


class StatusFilter(admin.SimpleListFilter):
    """Filters keys by status. Each key has exactly one."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(_LABELS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        is_usable = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
        conditions = {
            "active": is_usable & ~Q(scopes=[]),
            "no_scope": is_usable & Q(scopes=[]),
            "expired": Q(revoked_at=None, expires_at__lte=now),
            "revoked": ~Q(revoked_at=None),
        }
        condition = conditions.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)
