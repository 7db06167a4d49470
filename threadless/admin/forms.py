"""The form of API keys, and the fields for scopes and allowed models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from threadless.keys.scopes import known_scopes, may_issue_for, scopes_of

ALL, LISTED, NONE = "all", "listed", "none"
_LIMITS: Final = (
    (ALL, _("All models and agents that the user may use")),
    (NONE, _("None")),
    (LISTED, _("Only these, one per line:")),
)


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


class AllowedModelsWidget(forms.MultiWidget):
    """Radio buttons for the kind of limit, and a text area for the names."""

    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        names = {"rows": 4, "cols": 60, "spellcheck": "false", "aria-label": _("Allowed models, one per line")}
        super().__init__((forms.RadioSelect(choices=_LIMITS), forms.Textarea(names)), attrs)

    def decompress(self, value: list[str] | None) -> list[str]:
        return _inputs_of(value)

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        inputs = super().render(*args, **kwargs)
        label = _("Allowed models")
        return format_html('<div class="threadless-limit" role="group" aria-label="{}">{}</div>', label, inputs)


class AllowedModelsField(forms.MultiValueField):
    """The models that a key is limited to: `None` for all, an empty list for none, otherwise a list of names."""

    widget = AllowedModelsWidget
    default_error_messages: ClassVar = {
        "empty": _("Enter at least one name, or choose another option."),
        "unused": _("The names have no effect with this option. Remove them, or choose “Only these”."),
    }

    def __init__(self, **options: Any) -> None:
        fields = (forms.ChoiceField(choices=_LIMITS), forms.CharField(required=False))
        super().__init__(fields, require_all_fields=False, **options)

    def bound_data(self, data: Any, initial: Any) -> Any:
        # A tuple, because the widget would take a list of two models for submitted data.
        return initial if self.disabled else tuple(data)

    def prepare_value(self, value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else _inputs_of(value)

    def compress(self, data_list: list[str]) -> list[str] | None:
        limit, text = data_list
        names = list(dict.fromkeys(name for line in text.splitlines() if (name := line.strip())))
        if limit == LISTED and not names:
            raise ValidationError(self.error_messages["empty"], code="empty")
        if limit != LISTED and names:
            raise ValidationError(self.error_messages["unused"], code="unused")
        return None if limit == ALL else names

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.clean(data) != self.clean(_inputs_of(initial)))
        except ValidationError:
            return True


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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "expires_at" in self.fields:
            self.fields["expires_at"].help_text = _("Leave empty for a key that does not expire.")
        scopes = self.fields.get("scopes")
        if isinstance(scopes, ScopesField):
            scopes.limit(held=scopes_of(self.editor), present=self.instance.scopes)

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


def _inputs_of(allowed_models: list[str] | None) -> list[str]:
    """Return the selected limit and the text of the names."""
    if allowed_models is None:
        return [ALL, ""]
    return [LISTED, "\n".join(allowed_models)] if allowed_models else [NONE, ""]


def _label(scope: str, *, is_locked: bool) -> str:
    description = known_scopes().get(scope, _("This platform no longer has this scope."))
    note = format_html(' <em class="threadless-note">{}</em>', _("You do not hold this scope.")) if is_locked else ""
    return format_html('<code>{}</code> <span class="threadless-note">{}</span>{}', scope, description, note)
