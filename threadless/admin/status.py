"""The status of a key in the admin: a badge, and filters."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from threadless.admin.moments import moment
from threadless.keys.models import AbstractAPIKey
from threadless.keys.scopes import known_scopes
from threadless.keys.status import LABELS, UNUSED_AFTER, condition_of, status_of

_EXPIRES_WITHIN: Final = timedelta(days=30)


def status_badge(key: AbstractAPIKey) -> SafeString:
    """The status as HTML, with the time until which it lasts."""
    name = status_of(key)
    text: Any = LABELS[name]
    if name == "expires_soon" and key.expires_at:
        text = _expires_in(key.expires_at - timezone.now())
    badge = format_html('<span class="threadless-badge threadless-{}">{}</span>', name, text)
    if name != "rotating":
        return badge
    note = _("previous secret until")
    return format_html('{}<div class="threadless-note">{} {}</div>', badge, note, moment(key.previous_until))


def _expires_in(rest: timedelta) -> str:
    days, hours = rest.days, max(rest.seconds // 3600, 1)
    if days:
        return ngettext("expires in %(count)d day", "expires in %(count)d days", days) % {"count": days}
    return ngettext("expires in %(count)d hour", "expires in %(count)d hours", hours) % {"count": hours}


class StatusFilter(admin.SimpleListFilter):
    """Filters keys by status. Each key has exactly one."""

    title = _("status")
    parameter_name = "status"
    template = "threadless/admin/filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(LABELS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        status = self.value()
        return queryset.filter(condition_of(status)) if status in LABELS else queryset


class AttentionFilter(admin.SimpleListFilter):
    """Finds keys that somebody should look at, across their status."""

    title = _("attention")
    parameter_name = "attention"
    template = "threadless/admin/filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("expires", _("expires in 30 days")),
            ("unused", _("unused for 90 days")),
            ("never", _("never used")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now: datetime = timezone.now()
        is_alive = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
        conditions = {
            "expires": Q(expires_at__lte=now + _EXPIRES_WITHIN),
            "unused": Q(last_used_at__lte=now - UNUSED_AFTER)
            | Q(last_used_at=None, created_at__lte=now - UNUSED_AFTER),
            "never": Q(last_used_at=None),
        }
        condition = conditions.get(self.value() or "")
        return queryset if condition is None else queryset.filter(is_alive & condition)


class ScopeFilter(admin.SimpleListFilter):
    """Keys with one scope."""

    title = _("scope")
    parameter_name = "scope"
    template = "threadless/admin/filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(scope, scope) for scope in known_scopes()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # As text, because SQLite has no operator for a list that contains a value. Scopes hold no quotes.
        scope = self.value()
        return queryset if scope is None else queryset.filter(scopes__icontains=f'"{scope}"')
