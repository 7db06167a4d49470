"""The columns of the list of keys, and the facts on the page of a key."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.utils import formats
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import template_localtime  # type: ignore[attr-defined]
from django.utils.translation import gettext_lazy as _

from threadless.admin.moments import moment
from threadless.admin.status import status_badge
from threadless.keys.models import AbstractAPIKey

_SHOWN_MODELS: Final = 2


class KeyColumns:
    """Columns of `BaseAPIKeyAdmin`."""

    @admin.display(description=_("key"), ordering="last4")
    def key_hint(self, key: AbstractAPIKey) -> SafeString:
        return format_html("<code>{}</code>", key.hint)

    @admin.display(description=_("key ID"))
    def key_id(self, key: AbstractAPIKey) -> str:
        return str(key.pk)

    @admin.display(description=_("name"), ordering="name")
    def name_and_hint(self, key: AbstractAPIKey) -> SafeString:
        return format_html('{}<br><code class="threadless-note">{}</code>', key.name, key.hint)

    @admin.display(description=_("user"), ordering="user")
    def username(self, key: AbstractAPIKey) -> str:
        return str(key.user.get_username())

    @admin.display(description=_("scopes"))
    def scope_names(self, key: AbstractAPIKey) -> str:
        return ", ".join(key.scopes) or "–"

    @admin.display(description=_("allowed models"))
    def model_names(self, key: AbstractAPIKey) -> str:
        return model_names(key)

    @admin.display(description=_("models"))
    def some_models(self, key: AbstractAPIKey) -> SafeString | str:
        names = key.allowed_models or ()
        shown, rest = ", ".join(names[:_SHOWN_MODELS]), len(names) - _SHOWN_MODELS
        if not names:
            return model_names(key)
        more = format_html('<div class="threadless-note">+ {}</div>', rest) if rest > 0 else ""
        return format_html('<div class="threadless-line" title="{}">{}</div>{}', ", ".join(names), shown, more)

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

    @admin.display(description=_("last used at"))
    def last_used_moment(self, key: AbstractAPIKey) -> SafeString | str:
        return moment(key.last_used_at)

    @admin.display(description=_("created at"))
    def created_moment(self, key: AbstractAPIKey) -> SafeString | str:
        return moment(key.created_at)

    @admin.display(description=_("revoked at"))
    def revoked_moment(self, key: AbstractAPIKey) -> SafeString | str:
        return moment(key.revoked_at)


def model_names(key: AbstractAPIKey) -> str:
    """The allowed models in words."""
    return str(_("all")) if key.allowed_models is None else ", ".join(key.allowed_models) or str(_("none"))


def _day(when: datetime | None, never: Any = "") -> SafeString:
    """The date as HTML, with the exact time as its tooltip."""
    if when is None:
        return format_html('<span class="threadless-note">{}</span>', never)
    local: Any = template_localtime(when)
    exact, day = formats.localize(local), formats.date_format(local, "SHORT_DATE_FORMAT")
    return format_html('<span class="threadless-number" title="{}">{}</span>', exact, day)
