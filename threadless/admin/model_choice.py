"""The field for the models and agents that a key is limited to: all, none, or some of those that its user may see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from threadless.types import Target

ALL, LISTED, NONE = "all", "listed", "none"
_LIMITS: Final = (
    (ALL, _("All models and agents that the user may use, also future ones")),
    (NONE, _("No model or agent")),
    (LISTED, _("Only these:")),
)


class AllowedModelsWidget(forms.MultiWidget):
    """Radio buttons for the kind of limit, and a checkbox for each model and agent."""

    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        names = forms.CheckboxSelectMultiple(attrs={"class": "threadless-models"})
        super().__init__((forms.RadioSelect(choices=_LIMITS), names), attrs)

    def decompress(self, value: list[str] | None) -> list[Any]:
        return inputs_of(value)

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        inputs = super().render(*args, **kwargs)
        label = _("Allowed models")
        return format_html('<div class="threadless-limit" role="group" aria-label="{}">{}</div>', label, inputs)


class _Names(forms.MultipleChoiceField):
    """Accepts every name: `APIKeyForm` knows which ones the user may see, and names the others in its message."""

    def valid_value(self, value: Any) -> bool:
        return True


class AllowedModelsField(forms.MultiValueField):
    """`None` for all, an empty list for none, otherwise a list of IDs."""

    widget = AllowedModelsWidget
    default_error_messages: ClassVar = {
        "empty": _("Choose at least one model or agent, or choose another option."),
        "unused": _("The chosen models have no effect with this option. Clear them, or choose “Only these”."),
        "unseen": _("The user may not see: %(names)s."),
    }

    def __init__(self, **options: Any) -> None:
        fields = (forms.ChoiceField(choices=_LIMITS), _Names(required=False))
        super().__init__(fields, require_all_fields=False, **options)

    def offer(self, targets: Iterable[Target], kept: Iterable[str]) -> None:
        """Set the choices: what the user may see, and what the key has already although the user may not see it."""
        choices = {target.id: _label(target) for target in targets}
        choices |= {name: _unseen(name) for name in kept if name not in choices}
        self.offered = frozenset(choices)
        names: Any = self.widget.widgets[1]
        names.choices = list(choices.items())

    def check(self, names: list[str] | None) -> None:
        """Raise `ValidationError` if there are names that are not offered."""
        if unseen := [name for name in names or () if name not in self.offered]:
            message = self.error_messages["unseen"]
            raise ValidationError(message, code="unseen", params={"names": ", ".join(unseen)})

    def bound_data(self, data: Any, initial: Any) -> Any:
        # A tuple, because the widget would take a list of two models for submitted data.
        return initial if self.disabled else tuple(data)

    def prepare_value(self, value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else inputs_of(value)

    def compress(self, data_list: list[Any]) -> list[str] | None:
        limit, names = data_list
        chosen = list(dict.fromkeys(names or ()))
        if limit == LISTED and not chosen:
            raise ValidationError(self.error_messages["empty"], code="empty")
        if limit != LISTED and chosen:
            raise ValidationError(self.error_messages["unused"], code="unused")
        return None if limit == ALL else chosen

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            new = self.clean(data)
        except ValidationError:
            return True
        if new is None or initial is None:
            return new is not initial
        return set(new) != set(initial)


def inputs_of(allowed_models: list[str] | None) -> list[Any]:
    """The selected limit and the names."""
    if allowed_models is None:
        return [ALL, []]
    return [LISTED, allowed_models] if allowed_models else [NONE, []]


def _label(target: Target) -> SafeString:
    if not target.name:
        return format_html("<code>{}</code>", target.id)
    return format_html('{} <code class="threadless-note">{}</code>', target.name, target.id)


def _unseen(name: str) -> SafeString:
    note = _("The user may not see this one, so calls to it fail.")
    return format_html('<code>{}</code> <em class="threadless-note">{}</em>', name, note)
