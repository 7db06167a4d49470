"""The key form: scopes as checkboxes within the editor's own rights, allowed models one to a line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from threadless.conf import conf
from threadless.keys.scopes import may_issue_for, scopes_of


class ScopeCheckboxes(forms.CheckboxSelectMultiple):
    """Checkboxes of which some are out of the editor's reach."""

    locked: frozenset[str] = frozenset()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if str(value) in self.locked:
            option["attrs"]["disabled"] = True
        return option


class ScopesField(forms.MultipleChoiceField):
    """The scopes of a key. What the editor lacks can be neither granted nor, where the key has it, taken away."""

    widget = ScopeCheckboxes(attrs={"class": "threadless-scopes"})
    default_error_messages: ClassVar = {"not_held": _("You cannot grant scopes that you do not hold: %(scopes)s.")}

    def limit(self, *, held: Iterable[str], present: Iterable[str]) -> None:
        """Fit the field to the editor's own scopes and to those that the key already has."""
        self.held = frozenset(held)
        self.kept = frozenset(present) - self.held
        offered = dict.fromkeys([*conf.scopes, *sorted(self.kept)])
        self.choices = [(scope, _label(scope, is_locked=scope not in self.held)) for scope in offered]
        self.widget.locked = frozenset(offered) - self.held

    def clean(self, value: Any) -> list[str]:
        chosen = frozenset(super().clean(value))
        if excess := chosen - self.held - self.kept:
            message = self.error_messages["not_held"]
            raise ValidationError(message, code="not_held", params={"scopes": ", ".join(sorted(excess))})
        return sorted(chosen | self.kept)

    def has_changed(self, initial: Any, data: Any) -> bool:
        # A browser does not send the boxes that it shows as locked.
        return super().has_changed(initial, sorted({*(data or ()), *self.kept}))


class LinesField(forms.CharField):
    """A list of names, one to a line; None if there is none."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str] | None:  # type: ignore[override]
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        return list(dict.fromkeys(name for line in lines if (name := line.strip()))) or None


class APIKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Adds and changes keys of any model that extends `AbstractAPIKey`; `editor` is set by the admin."""

    editor: ClassVar[Any] = None

    scopes = ScopesField(
        label=_("Scopes"),
        required=False,
        help_text=_("What the key may do. A key with no scope may do nothing."),
    )
    allowed_models = LinesField(
        label=_("Allowed models"),
        required=False,
        help_text=_("Models and agents that the key is limited to, one to a line. Empty: all that the user may see."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "expires_at" in self.fields:
            self.fields["expires_at"].help_text = _("Empty: the key works until it is revoked.")
        scopes = self.fields.get("scopes")
        if isinstance(scopes, ScopesField):
            scopes.limit(held=scopes_of(self.editor), present=self.instance.scopes)

    def clean_user(self) -> Any:
        """A key sees what its user sees, so it must not be a way up."""
        user = self.cleaned_data["user"]
        if not may_issue_for(self.editor, user):
            raise ValidationError(_("Only a superuser can make a key for a superuser."), code="superuser")
        return user

    def clean_expires_at(self) -> Any:
        """A new key must have some life ahead; an old one may be ended by a moment that has passed."""
        expires_at = self.cleaned_data["expires_at"]
        if self.instance.pk is None and expires_at is not None and expires_at <= timezone.now():
            raise ValidationError(_("The key would be expired from the start."), code="past")
        return expires_at


def _label(scope: str, *, is_locked: bool) -> str:
    description = conf.scopes.get(scope, _("No longer a scope of this platform."))
    note = format_html(' <em class="threadless-note">{}</em>', _("You do not hold this scope.")) if is_locked else ""
    return format_html('<code>{}</code> <span class="threadless-note">{}</span>{}', scope, description, note)
