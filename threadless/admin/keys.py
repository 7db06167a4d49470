"""The admin of API keys, for `APIKey` and for any host model that extends `AbstractAPIKey`."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.forms.widgets import Media, Script
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import formats
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import template_localtime  # type: ignore[attr-defined]
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from threadless.admin.forms import APIKeyForm
from threadless.admin.status import StatusFilter, status_badge
from threadless.conf import conf
from threadless.keys.models import AbstractAPIKey, APIKey
from threadless.keys.scopes import may_issue


class BaseAPIKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Issues, changes and revokes keys. Columns that a host's model adds appear in the first fieldset.

    Editors may change and delete the keys that they could issue themselves, and see other keys read-only. They may
    revoke every key that they can see, because revoking takes rights away and cannot be undone.

    The secret is shown once, in the response to the form that adds the key. It is not stored in the session, in a
    message or in a log.
    """

    form = APIKeyForm
    list_display = ("name", "key_hint", "username", "status", "scope_names", "last_used", "expires", "created")
    list_display_links = ("name", "key_hint")
    list_filter = (StatusFilter,)
    list_select_related = ("user",)
    list_per_page = 50
    search_help_text = _("Search by name, last four characters of the key, or user.")
    raw_id_fields = ("user",)
    actions = ("revoke_keys",)
    created_template = "threadless/admin/key_created.html"
    revoke_template = "threadless/admin/revoke_keys.html"

    limit_fields: ClassVar = ("requests_per_minute", "tokens_per_minute", "concurrent_calls")
    rights_fields: ClassVar = ("scopes", "allowed_models", "expires_at", *limit_fields)
    readonly_rights_fields: ClassVar = ("scope_names", "model_names", "expires_at", *limit_fields)
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

    @admin.display(description=_("allowed models"))
    def model_names(self, key: AbstractAPIKey) -> str:
        return str(_("all")) if key.allowed_models is None else ", ".join(key.allowed_models) or str(_("none"))

    @admin.display(description=_("status"))
    def status(self, key: AbstractAPIKey) -> SafeString:
        return status_badge(key)

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
        """Search by name, last four characters and the host's `USERNAME_FIELD`."""
        user_model = get_user_model()
        username = user_model._meta.get_field(user_model.USERNAME_FIELD)
        names = [] if username.is_relation else [f"user__{username.name}"]
        return [*super().get_search_fields(request), "name", "last4", *names]

    # Rights

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow changes only to keys that the editor could issue, so that an edit cannot give more than a new key."""
        return super().has_change_permission(request, obj) and (obj is None or self.could_issue(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow deletion of the same keys. Deleting removes the record of who held a key; revoking keeps it."""
        return super().has_delete_permission(request, obj) and (obj is None or self.could_issue(request, obj))

    def could_issue(self, request: HttpRequest, key: AbstractAPIKey) -> bool:
        """Return whether the editor may add a key for the same user with the same scopes."""
        if request.user.is_superuser:
            return True  # also for keys with scopes that nobody can grant
        return self.has_add_permission(request) and may_issue(request.user, key.user, key.scopes)

    # The form

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[Any]:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.editor = request.user  # Django creates the class for this request
        return form  # type: ignore[no-any-return]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Suggest the editor as the user of a new key."""
        return {"user": request.user.pk, **super().get_changeform_initial_data(request)}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        placed = {*self.rights_fields, *self.history_fields}
        identity: Any = (None, {"fields": [field for field in self.get_fields(request, obj) if field not in placed]})
        if obj is None:
            return [identity, (_("Rights"), {"fields": self.rights_fields})]
        return [identity, self._rights_of(request, obj), (_("History"), {"fields": self.history_fields})]

    def _rights_of(self, request: HttpRequest, key: AbstractAPIKey) -> Any:
        if self.has_change_permission(request, key):
            return _("Rights"), {"fields": self.rights_fields}
        fields: dict[str, Any] = {"fields": self.readonly_rights_fields}
        if self.has_change_permission(request):
            fields["description"] = _("You cannot change this key because you could not issue it. You can revoke it.")
        return _("Rights"), fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The user of a key is fixed, because everybody who has the secret would act as the new user."""
        readonly = super().get_readonly_fields(request, obj)
        return readonly if obj is None else (*readonly, "user", *self.history_fields)

    def get_autocomplete_fields(self, request: HttpRequest) -> Any:
        """Offer a search for users if this site has one. Without one the form asks for the ID of the user."""
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
        """Give a new key its secret. Of an existing key, write only the columns that the form has changed.

        Writing the whole row would undo a revocation that was committed after the row was read.
        """
        if change:
            obj.save(update_fields=_changed_columns(obj, form))
            return
        secret = obj.set_new_secret()
        obj.created_by = request.user
        obj.shown_once = _Opaque(secret)
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret in this response. A redirect would require storing it until the next request."""
        base_url = _base_url(request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Save this key now"),
            "original": obj.name,
            "has_view_permission": self.has_view_permission(request, obj),
            "key": obj,
            "model_names": self.model_names(obj),
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
        """Ask for confirmation, then revoke the keys."""
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


def _changed_columns(key: AbstractAPIKey, form: Any) -> list[str]:
    """Return the changed fields that are columns, and those that Django sets at every save."""
    fields = key._meta.concrete_fields
    return [field.name for field in fields if field.name in form.changed_data or getattr(field, "auto_now", False)]


class _Opaque:
    """Hides a secret from tracebacks and debug pages, which show `repr`."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __str__(self) -> str:
        return self._secret


def _day(moment: datetime | None, never: Any = "") -> SafeString:
    """Return the date as HTML, with the exact time as its tooltip."""
    if moment is None:
        return format_html('<span class="threadless-note">{}</span>', never)
    local: Any = template_localtime(moment)
    exact, day = formats.localize(local), formats.date_format(local, "SHORT_DATE_FORMAT")
    return format_html('<span class="threadless-number" title="{}">{}</span>', exact, day)


def _base_url(request: HttpRequest) -> str:
    """Return the base URL for clients, or an empty string if the host does not include our routes."""
    try:
        path = reverse("threadless:chat-completions")
    except NoReverseMatch:
        return ""
    return request.build_absolute_uri(path).rstrip("/").removesuffix("/chat/completions")


def _curl(key: AbstractAPIKey) -> str:
    """Return a curl command. It reads the key from the environment, to keep it out of the shell's history."""
    model = next(iter([*(key.allowed_models or ()), *conf.models]), "MODEL")
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello!"}]}, ensure_ascii=False)
    return (
        'curl "$OPENAI_BASE_URL/chat/completions" \\\n'
        '  -H "Authorization: Bearer $OPENAI_API_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(body)}"
    )


# Django ignores this if the model is swapped.
admin.site.register(APIKey, BaseAPIKeyAdmin)
