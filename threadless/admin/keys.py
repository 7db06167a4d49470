"""The admin of API keys, for `APIKey` and for any host model that extends `AbstractAPIKey`."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.forms.widgets import Media, Script
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import template_localtime  # type: ignore[attr-defined]
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from threadless.admin.forms import APIKeyForm
from threadless.conf import conf
from threadless.keys.models import AbstractAPIKey, APIKey

_STATUS_LABELS = {"active": _("active"), "expired": _("expired"), "revoked": _("revoked")}


class StatusFilter(admin.SimpleListFilter):
    """Active, expired or revoked; each key is exactly one of them."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(_STATUS_LABELS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        has_expired = Q(expires_at__lte=timezone.now())
        conditions = {
            "active": Q(revoked_at=None) & (Q(expires_at=None) | ~has_expired),
            "expired": Q(revoked_at=None) & has_expired,
            "revoked": ~Q(revoked_at=None),
        }
        condition = conditions.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


class BaseAPIKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Issues, narrows and revokes keys. A host's model may add columns: they join the first fieldset by themselves.

    The secret exists in one response only: the page after the key was added. It is in no message, session or log.
    """

    form = APIKeyForm
    list_display = ("name", "key_hint", "username", "status", "scope_names", "last_used", "expires", "created")
    list_display_links = ("name", "key_hint")
    list_filter = (StatusFilter,)
    list_select_related = ("user",)
    list_per_page = 50
    search_help_text = _("A name, the last four characters of a key, or a user.")
    raw_id_fields = ("user",)
    actions = ("revoke_keys",)
    created_template = "threadless/admin/key_created.html"
    revoke_template = "threadless/admin/revoke_keys.html"

    rights_fields: ClassVar = ("scopes", "allowed_models", "expires_at")
    history_fields: ClassVar = ("key_hint", "status", "last_used_at", "created_at", "created_by", "revoked_at")

    class Media:
        css: ClassVar = {"all": ("threadless/admin.css",)}

    # The list

    @admin.display(description=_("key"), ordering="last4")
    def key_hint(self, key: AbstractAPIKey) -> SafeString:
        return format_html("<code>{}</code>", key.hint)

    @admin.display(description=_("user"), ordering="user")
    def username(self, key: AbstractAPIKey) -> str:
        return str(key.user.get_username())

    @admin.display(description=_("scopes"))
    def scope_names(self, key: AbstractAPIKey) -> str:
        return ", ".join(key.scopes) or "–"

    @admin.display(description=_("status"))
    def status(self, key: AbstractAPIKey) -> SafeString:
        name = "revoked" if key.revoked_at else "expired" if key.is_expired() else "active"
        return format_html('<span class="threadless-badge threadless-{}">{}</span>', name, _STATUS_LABELS[name])

    @admin.display(description=_("last used"), ordering="last_used_at")
    def last_used(self, key: AbstractAPIKey) -> SafeString:
        return _day(key.last_used_at, never=_("never"))

    @admin.display(description=_("expires"), ordering="expires_at")
    def expires(self, key: AbstractAPIKey) -> SafeString:
        return _day(key.expires_at, never=_("never"))

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, key: AbstractAPIKey) -> SafeString:
        return _day(key.created_at)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Name, last four and the user's name, whatever field the host's users have for it."""
        user_model = get_user_model()
        username = user_model._meta.get_field(user_model.USERNAME_FIELD)
        names = [] if username.is_relation else [f"user__{username.name}"]
        return [*super().get_search_fields(request), "name", "last4", *names]

    # The form

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[Any]:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.editor = request.user  # the class is made anew for each request
        return form  # type: ignore[no-any-return]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        placed = {*self.rights_fields, *self.history_fields}
        identity = [field for field in self.get_fields(request, obj) if field not in placed]
        fieldsets: list[Any] = [(None, {"fields": identity}), (_("Rights"), {"fields": self.rights_fields})]
        return fieldsets if obj is None else [*fieldsets, (_("History"), {"fields": self.history_fields})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A key never changes hands: whoever holds the secret would act for somebody else at once."""
        readonly = super().get_readonly_fields(request, obj)
        return readonly if obj is None else (*readonly, "user", *self.history_fields)

    def get_autocomplete_fields(self, request: HttpRequest) -> Any:
        """Search for the user where this site can; else the raw id. Never a list of all users."""
        fields = super().get_autocomplete_fields(request)
        return (*fields, "user") if self._can_search_users(request) else fields

    def _can_search_users(self, request: HttpRequest) -> bool:
        user_model = get_user_model()
        if not self.admin_site.is_registered(user_model):
            return False
        user_admin = self.admin_site.get_model_admin(user_model)
        return bool(user_admin.get_search_fields(request)) and user_admin.has_view_permission(request)

    # A new key

    @sensitive_variables("secret")
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            secret = obj.set_new_secret()
            obj.created_by = request.user
            obj.shown_once = _Opaque(secret)
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """The page with the secret, in place of a redirect: it must not be kept until a next request."""
        base_url = _base_url(request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Store this key now"),
            "original": obj.name,
            "has_view_permission": self.has_view_permission(request, obj),
            "key": obj,
            "secret": obj.shown_once,
            "base_url": base_url,
            "curl": _curl(obj) if base_url else "",
            "media": self.media + Media(js=[Script("threadless/copy.js", defer=True)]),  # type: ignore[list-item]
            "may_change": self.has_change_permission(request, obj),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.created_template, context, headers={"Cache-Control": "no-store"})

    # Revoking

    @admin.action(description=_("Revoke selected keys"), permissions=["change"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Asks first, for it cannot be undone."""
        keys = list(queryset.select_related("user"))
        if request.POST.get("confirmed"):
            self._revoke(request, keys)
            return None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Revoke keys"),
            "original": _("Revoke keys"),
            "has_view_permission": True,
            "alive": [key for key in keys if key.revoked_at is None],
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            "media": self.media,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.revoke_template, context)

    def _revoke(self, request: HttpRequest, keys: list[Any]) -> None:
        alive = [key for key in keys if key.revoked_at is None]
        for key in alive:
            key.revoke()
            self.log_change(request, key, "Revoked.")
        text = ngettext(
            "%(count)d key was revoked. Requests with it are refused from now on.",
            "%(count)d keys were revoked. Requests with them are refused from now on.",
            len(alive),
        )
        self.message_user(request, text % {"count": len(alive)}, messages.SUCCESS)


class _Opaque:
    """Keeps a secret out of tracebacks and debug pages, which show `repr`."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __str__(self) -> str:
        return self._secret


def _day(moment: datetime | None, never: Any = "") -> SafeString:
    """A short date that tells the exact time when pointed at."""
    if moment is None:
        return format_html('<span class="threadless-note">{}</span>', never)
    local: Any = template_localtime(moment)
    exact, day = formats.localize(local), formats.date_format(local, "SHORT_DATE_FORMAT")
    return format_html('<span class="threadless-number" title="{}">{}</span>', exact, day)


def _base_url(request: HttpRequest) -> str:
    """What clients set as their base URL; empty if our routes are not reachable by name."""
    try:
        path = reverse("threadless:chat-completions")
    except NoReverseMatch:
        return ""
    return request.build_absolute_uri(path).rstrip("/").removesuffix("/chat/completions")


def _curl(key: AbstractAPIKey) -> str:
    """A first call to try; the key comes from the shell's environment, not from its history."""
    model = next(iter([*(key.allowed_models or ()), *conf.models]), "MODEL")
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello!"}]}, ensure_ascii=False)
    return (
        'curl "$OPENAI_BASE_URL/chat/completions" \\\n'
        '  -H "Authorization: Bearer $OPENAI_API_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(body)}"
    )


# Django passes over a model that has been swapped out.
admin.site.register(APIKey, BaseAPIKeyAdmin)
