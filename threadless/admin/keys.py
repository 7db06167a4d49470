"""The admin of API keys, for `APIKey` and for any host model that extends `AbstractAPIKey`."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.debug import sensitive_variables

from threadless.admin import once
from threadless.admin.forms import APIKeyForm
from threadless.admin.key_columns import KeyColumns
from threadless.admin.key_links import links_of
from threadless.admin.key_pages import KeyPages, Opaque
from threadless.admin.status import AttentionFilter, ScopeFilter, StatusFilter
from threadless.keys.models import AbstractAPIKey, APIKey
from threadless.keys.scopes import may_issue


class BaseAPIKeyAdmin(KeyColumns, KeyPages):
    """Issues, changes, rotates and revokes keys. Columns that a host's model adds appear in the first fieldset.

    Editors may change, rotate and delete the keys that they could issue themselves, and see other keys read-only. They
    may revoke every key that they can see, because revoking takes rights away and cannot be undone.

    The secret is shown once, in the response to the form that adds or rotates the key. It is not stored in the session,
    in a message or in a log.
    """

    form = APIKeyForm
    list_display = ("name_and_hint", "username", "status", "some_models", "last_used")
    list_display_links = ("name_and_hint",)
    list_filter = (StatusFilter, AttentionFilter, ScopeFilter)
    list_select_related = ("user",)
    list_per_page = 50
    search_help_text = _("Search by name, last four characters of the key, or user.")
    raw_id_fields = ("user",)
    actions = ("revoke_keys",)
    change_form_template = "threadless/admin/key_form.html"

    limit_fields: ClassVar = ("requests_per_minute", "tokens_per_minute", "concurrent_calls")
    rights_fields: ClassVar = ("scopes", "allowed_models", "expires_at", *limit_fields)
    readonly_rights_fields: ClassVar = ("scope_names", "model_names", "expires_at", *limit_fields)
    history_fields: ClassVar = (
        "key_hint", "key_id", "status", "last_used_moment", "created_moment", "created_by", "revoked_moment",
    )  # fmt: skip

    class Media:
        css: ClassVar = {"all": ("threadless/admin.css",)}

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
        """Allow deletion of the same keys, as long as they have never been used: see `get_deleted_objects`."""
        return super().has_delete_permission(request, obj) and (obj is None or self.could_issue(request, obj))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Protect keys that have been used. Their users can still be deleted with their keys."""
        deleted, counts, missing, protected = super().get_deleted_objects(objs, request)
        used = [key for key in objs if key.last_used_at is not None]
        reason = _("%(key)s has been used. Revoke it instead, so that its calls keep their key.")
        return deleted, counts, missing, [*protected, *(reason % {"key": key} for key in used)]

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
        return [
            identity,
            self._rights_of(request, obj),
            (pgettext_lazy("key", "History"), {"fields": self.history_fields}),
        ]

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

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Refuse a form that was sent before, and offer what can be done with the key."""
        if object_id is None:
            if request.method == "POST" and (made := once.sent_before(request)) is not None:
                return self._already_made(request, made)
            context = {"form_id": request.POST.get(once.FIELD) or once.new_form_id()}
        else:
            key = self.get_object(request, unquote(object_id))
            context = {} if key is None else self._tools(request, key)
        return super().changeform_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def _tools(self, request: HttpRequest, key: AbstractAPIKey) -> dict[str, Any]:
        """The buttons of the page of a key."""
        may_revoke = key.revoked_at is None and self.has_change_permission(request)
        return {
            "show_delete": key.last_used_at is None,
            "rotate_url": self.key_url("rotate", key) if self.may_rotate(request, key) else "",
            "revoke_url": self.key_url("revoke", key) if may_revoke else "",
            "calls_url": self.calls_url(request, key),
            "key_links": links_of(request, key, self.admin_site.name),
        }

    def _already_made(self, request: HttpRequest, pk: Any) -> HttpResponse:
        text = _("This key was already created. Its secret was shown then and cannot be shown again.")
        self.message_user(request, text, messages.WARNING)
        key = self.get_object(request, str(pk))
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist"
        return HttpResponseRedirect(self.key_url("change", key) if key else reverse(name))

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
        obj.shown_once = Opaque(secret)
        super().save_model(request, obj, form, change)
        once.remember(request, str(obj.pk))

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret instead of the list."""
        return self.secret_page(request, obj, obj.shown_once, _("Save this key now"))


def _changed_columns(key: AbstractAPIKey, form: Any) -> list[str]:
    """Return the changed fields that are columns, and those that Django sets at every save."""
    fields = key._meta.concrete_fields
    return [field.name for field in fields if field.name in form.changed_data or getattr(field, "auto_now", False)]


# Django ignores this if the model is swapped.
admin.site.register(APIKey, BaseAPIKeyAdmin)
