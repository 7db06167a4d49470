"""Pages of a key beside its form: the secret, which is shown once; rotating; revoking."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms.widgets import Media, Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from threadless.admin.key_columns import model_names
from threadless.admin.moments import moment
from threadless.admin.snippets import base_url_of, snippets_for
from threadless.keys.models import AbstractAPIKey, StaleKey

OVERLAPS: Final = (
    (0, _("It ends at once")),
    (1, _("1 hour")),
    (24, _("24 hours")),
    (24 * 7, _("7 days")),
)
"""How long the previous secret of a rotated key may continue to work, in hours."""


class Opaque:
    """Hides a secret from tracebacks and debug pages, which show `repr`."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __str__(self) -> str:
        return self._secret


class KeyPages(admin.ModelAdmin):  # type: ignore[type-arg]
    """The part of `BaseAPIKeyAdmin` that shows a secret, rotates and revokes."""

    created_template = "threadless/admin/key_created.html"
    revoke_template = "threadless/admin/revoke_keys.html"
    rotate_template = "threadless/admin/rotate_key.html"

    def get_urls(self) -> list[Any]:
        """Add the pages to rotate and to revoke one key."""
        views = {"rotate": self.rotate_view, "revoke": self.revoke_view}
        own = [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=self._route(name))
            for name, view in views.items()
        ]
        return own + super().get_urls()

    def _route(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    def key_url(self, name: str, key: AbstractAPIKey) -> str:
        """Address of a page of the key: "change", "rotate", "revoke"."""
        return reverse(f"{self.admin_site.name}:{self._route(name)}", args=[quote(str(key.pk))])

    def calls_url(self, request: HttpRequest, key: AbstractAPIKey) -> str:
        """Address of the list of the key's calls; empty if the reader may not see it."""
        if not request.user.has_perm("threadless.view_usagerecord"):
            return ""
        try:
            return f"{reverse(f'{self.admin_site.name}:threadless_usagerecord_changelist')}?key_id={key.pk}"
        except NoReverseMatch:
            return ""

    def _page(self, request: HttpRequest, template: str, title: Any, key: Any, **context: Any) -> TemplateResponse:
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "original": key or title,
            "has_view_permission": True,
            "key": key,
            "media": self.media + Media(js=[Script("threadless/copy.js", defer=True)]),  # type: ignore[list-item]
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, shared | context, headers={"Cache-Control": "no-store"})

    # The secret

    @sensitive_variables()
    def secret_page(self, request: HttpRequest, key: AbstractAPIKey, secret: Opaque, title: Any) -> HttpResponse:
        """Show the secret in this response. A redirect would require storing it until the next request."""
        return self._page(
            request,
            self.created_template,
            title,
            key,
            secret=secret,
            base_url=base_url_of(request),
            snippets=snippets_for(key, str(secret), base_url_of(request)),
            model_names=model_names(key),
            previous_until=moment(key.previous_until),
            expires_at=moment(key.expires_at),
            may_change=self.has_change_permission(request, key),
            change_url=self.key_url("change", key),
        )

    # Rotating

    def may_rotate(self, request: HttpRequest, key: AbstractAPIKey) -> bool:
        """Rotating shows a secret, so it requires the right to issue the key. Keys that have ended are not rotated."""
        is_alive = key.revoked_at is None and not key.is_expired()
        return is_alive and self.has_change_permission(request, key)

    @sensitive_variables("secret")
    def rotate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the overlap, then show the new secret."""
        key = self._key(request, object_id)
        if not self.may_rotate(request, key):
            raise PermissionDenied
        if request.method != "POST":
            context = {"overlaps": OVERLAPS, "change_url": self.key_url("change", key)}
            return self._page(request, self.rotate_template, _("Rotate this key"), key, **context)
        hours = request.POST.get("overlap", "")
        if hours not in {str(each) for each, _ in OVERLAPS}:
            return HttpResponseRedirect(self.key_url("rotate", key))
        try:
            if request.POST.get("current") != key.last4:
                raise StaleKey
            secret = Opaque(key.rotate(timedelta(hours=int(hours))))
        except StaleKey:
            text = _("The key was not rotated again: it has changed since the form was opened.")
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(self.key_url("change", key))
        self.log_change(request, key, f"Rotated. The previous secret works for {hours} hours.")
        return self.secret_page(request, key, secret, _("Save the new secret now"))

    # Revoking

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for confirmation, then revoke one key."""
        key = self._key(request, object_id)
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            self._revoke(request, [key])
            return HttpResponseRedirect(self.key_url("change", key))
        return self._confirm_revoking(request, [key], self.key_url("change", key))

    @admin.action(description=_("Revoke selected keys"), permissions=["change"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask for confirmation, then revoke the keys."""
        keys = list(queryset.select_related("user"))
        if request.POST.get("confirmed"):
            self._revoke(request, keys)
            return None
        return self._confirm_revoking(request, keys, reverse(f"{self.admin_site.name}:{self._route('changelist')}"))

    def _confirm_revoking(self, request: HttpRequest, keys: list[Any], back_url: str) -> HttpResponse:
        alive = [(key, moment(key.last_used_at)) for key in keys if key.revoked_at is None]
        context = {"alive": alive, "back_url": back_url, "action_checkbox_name": ACTION_CHECKBOX_NAME}
        title = _("Revoke keys") if len(keys) > 1 else _("Revoke this key")
        return self._page(request, self.revoke_template, title, None, **context)

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

    def _key(self, request: HttpRequest, object_id: str) -> Any:
        """The key, if the reader may see it. Hosts limit the keys with `get_queryset`."""
        key = self.get_object(request, unquote(object_id))
        if key is None:
            raise Http404
        if not self.has_view_permission(request, key):
            raise PermissionDenied
        return key
