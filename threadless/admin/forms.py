"""The form of API keys, and the field for scopes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from threadless.admin.expiry import ExpiryField
from threadless.admin.model_choice import AllowedModelsField
from threadless.admin.targets import offered_to_key
from threadless.keys.scopes import known_scopes, may_issue_for, scopes_of


class ScopeCheckboxes(forms.CheckboxSelectMultiple):
    """Checkboxes, some of them disabled."""

    locked: frozenset[str] = frozenset()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if str(value) in self.locked:
            option["attrs"]["disabled"] = True
        return option


class ScopesField(forms.MultipleChoiceField):
    """The scopes of a key. Scopes that the editor does not hold can be neither granted nor removed."""

    widget = ScopeCheckboxes(attrs={"class": "threadless-scopes"})
    default_error_messages: ClassVar = {"not_held": _("You cannot grant scopes that you do not hold: %(scopes)s.")}

    def limit(self, *, held: Iterable[str], present: Iterable[str]) -> None:
        """Set the scopes that the editor holds and those that the key has already."""
        self.held = frozenset(held)
        self.kept = frozenset(present) - self.held
        offered = dict.fromkeys([*known_scopes(), *sorted(self.kept)])
        self.choices = [(scope, _label(scope, is_locked=scope not in self.held)) for scope in offered]
        self.widget.locked = frozenset(offered) - self.held

    def clean(self, value: Any) -> list[str]:
        chosen = frozenset(super().clean(value))
        if excess := chosen - self.held - self.kept:
            message = self.error_messages["not_held"]
            raise ValidationError(message, code="not_held", params={"scopes": ", ".join(sorted(excess))})
        return sorted(chosen | self.kept)

    def has_changed(self, initial: Any, data: Any) -> bool:
        # Browsers do not send disabled checkboxes.
        return super().has_changed(initial, sorted({*(data or ()), *self.kept}))


class APIKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Adds and changes keys of any model that extends `AbstractAPIKey`. The admin sets `editor` to the signed-in user.

    The form decides what a new key may hold. Whether `editor` may change an existing key is decided by
    `BaseAPIKeyAdmin.has_change_permission`.
    """

    editor: ClassVar[Any] = None

    scopes = ScopesField(
        label=_("Scopes"),
        required=False,
        help_text=_("What the key may do. A key without scopes is refused everywhere."),
    )
    allowed_models = AllowedModelsField(label=_("Allowed models"))
    expires_at = ExpiryField(label=_("Expires"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes = self.fields.get("scopes")
        if isinstance(scopes, ScopesField):
            scopes.limit(held=scopes_of(self.editor), present=self.instance.scopes)
        self._offer_models({"user_id": self.data.get(self.add_prefix("user")) or self.initial.get("user")})

    def _offer_models(self, columns: dict[str, Any]) -> None:
        """Offer what a key with these columns could call."""
        field = self.fields.get("allowed_models")
        if not isinstance(field, AllowedModelsField):
            return
        present = self.instance
        key = self._meta.model(**columns) if present._state.adding else present
        field.offer(offered_to_key(key) if self._may_issue(key) else (), present.allowed_models or ())

    def _may_issue(self, key: Any) -> bool:
        """Names of models may be private, and the user of a new key can come from the address of the page."""
        try:
            return key.user_id is not None and may_issue_for(self.editor, key.user)
        except (ObjectDoesNotExist, ValueError, ValidationError):
            return False

    def clean_allowed_models(self) -> Any:
        """Refuse models that the chosen user may not see. Those that the key has already may stay."""
        names, field = self.cleaned_data["allowed_models"], self.fields["allowed_models"]
        if self.instance._state.adding:
            columns = {each.name for each in self._meta.model._meta.concrete_fields} - {"allowed_models"}
            self._offer_models({name: value for name, value in self.cleaned_data.items() if name in columns})
        if isinstance(field, AllowedModelsField):
            field.check(names)
        return names

    def clean_user(self) -> Any:
        """Refuse users whom the editor may not issue keys for."""
        user = self.cleaned_data["user"]
        if not may_issue_for(self.editor, user):
            raise ValidationError(_("You are not allowed to issue keys for this user."), code="user")
        return user

    def clean_expires_at(self) -> Any:
        """Refuse a new key that has expired already. An existing key may be ended by a time in the past."""
        expires_at = self.cleaned_data["expires_at"]
        if self.instance._state.adding and expires_at is not None and expires_at <= timezone.now():
            raise ValidationError(_("Choose a time in the future."), code="past")
        return expires_at


def _label(scope: str, *, is_locked: bool) -> str:
    description = known_scopes().get(scope, _("This platform no longer has this scope."))
    note = format_html(' <em class="threadless-note">{}</em>', _("You do not hold this scope.")) if is_locked else ""
    return format_html('<code>{}</code> <span class="threadless-note">{}</span>{}', scope, description, note)
