"""The forms of a key: what the customer may choose, with the own rights and the platform's limits as the ceiling."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from threadless.conf import conf
from threadless.keys.scopes import known_scopes, scopes_of
from threadless.self_service.conf import conf as own_conf
from threadless.types import Target

_DAYS: Final = (30, 90, 365)
_NEVER: Final = "never"
_CEILINGS: Final = {
    "requests_per_minute": "requests_per_minute",
    "tokens_per_minute": "tokens_per_minute",
    "concurrent_calls": "concurrent_calls_per_key",
}
"""Field → the setting that no key of a customer may exceed."""
OVERLAPS: Final = (
    (0, _("ends now")),
    (1, _("works for one more hour")),
    (24, _("works for one more day")),
    (168, _("works for seven more days")),
)
"""Hours for which the old secret of a rotated key still works."""


class KeyForm(forms.Form):
    """A new key. It never has rights that its creator lacks."""

    name = forms.CharField(max_length=100, label=_("Name"), help_text=_("What the key is for, such as “laptop”."))
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"), widget=forms.CheckboxSelectMultiple, help_text=_("What the key may do.")
    )
    allowed_models = forms.MultipleChoiceField(
        label=_("Models and agents"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("None chosen: the key may use all that you may use, also future ones."),
    )
    expires = forms.ChoiceField(label=_("Expires"))
    requests_per_minute = forms.IntegerField(label=_("Requests per minute"), required=False, min_value=1)
    tokens_per_minute = forms.IntegerField(label=_("Tokens per minute"), required=False, min_value=1)
    concurrent_calls = forms.IntegerField(label=_("Concurrent calls"), required=False, min_value=1)
    nonce = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, *args: Any, user: Any, targets: list[Target], **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)
        held, known = scopes_of(user), known_scopes()
        self._choose("scopes", [(name, text) for name, text in known.items() if name in held])
        self._choose("allowed_models", [(target.id, target.name or target.id) for target in targets])
        self._choose("expires", _expiries())
        for name, setting in _CEILINGS.items():
            self._limit(name, getattr(conf, setting))

    def _choose(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def _limit(self, name: str, ceiling: int | None) -> None:
        field: Any = self.fields[name]
        if ceiling is None:
            field.help_text = _("Empty: no limit.")
            return
        field.help_text = _("At most %(number)s. Empty: this number.") % {"number": ceiling}
        field.validators = [MinValueValidator(1), MaxValueValidator(ceiling)]
        field.widget.attrs["max"] = ceiling

    def key_fields(self) -> dict[str, Any]:
        """The columns of the new key."""
        cleaned, days = self.cleaned_data, self.cleaned_data["expires"]
        return {
            "name": cleaned["name"],
            "scopes": cleaned["scopes"],
            "allowed_models": cleaned["allowed_models"] or None,
            "expires_at": None if days == _NEVER else timezone.now() + timedelta(days=int(days)),
            **{name: cleaned[name] for name in _CEILINGS},
        }


class RotateForm(forms.Form):
    """How long the old secret still works."""

    overlap = forms.TypedChoiceField(label=_("The old secret"), coerce=int, choices=OVERLAPS, initial=24)
    nonce = forms.CharField(widget=forms.HiddenInput, max_length=64)


def _expiries() -> list[tuple[str, Any]]:
    longest = own_conf.max_key_days
    days = [each for each in _DAYS if longest is None or each <= longest]
    if longest is not None and longest not in days:
        days.append(longest)
    choices: list[tuple[str, Any]] = [
        (str(each), ngettext("in %(days)d day", "in %(days)d days", each) % {"days": each}) for each in days
    ]
    return choices if longest is not None else [*choices, (_NEVER, _("never"))]
