"""The field for the expiry of a key: never, after a number of days, or at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import to_current_timezone
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

NEVER, AT = "never", "at"
_DAYS: Final = (30, 90, 365)
_CHOICES: Final = (
    (NEVER, _("Never")),
    ("30", _("30 days from now")),
    ("90", _("90 days from now")),
    ("365", _("A year from now")),
    (AT, _("At this time:")),
)
_FORMATS: Final = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")
"""Browsers send the first or the second one."""


class ExpiryWidget(forms.MultiWidget):
    """Radio buttons, and the browser's input for date and time."""

    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        when = {"type": "datetime-local", "aria-label": _("Time of expiry")}
        widgets = (forms.RadioSelect(choices=_CHOICES), forms.DateTimeInput(when, format=_FORMATS[0]))
        super().__init__(widgets, attrs)

    def decompress(self, value: datetime | None) -> list[Any]:
        return [NEVER, None] if value is None else [AT, to_current_timezone(value)]


class ExpiryField(forms.MultiValueField):
    """A time, or `None` for never."""

    widget = ExpiryWidget
    default_error_messages: ClassVar = {"no_time": _("Enter date and time.")}

    def __init__(self, **options: Any) -> None:
        fields = (
            forms.ChoiceField(choices=_CHOICES, required=False),
            forms.DateTimeField(required=False, input_formats=_FORMATS),
        )
        super().__init__(fields, require_all_fields=False, **options)

    def compress(self, data_list: list[Any]) -> datetime | None:
        choice, moment = data_list or (NEVER, None)
        if choice.isdecimal():
            return timezone.now() + timedelta(days=int(choice))
        if choice == AT and moment is None:
            raise ValidationError(self.error_messages["no_time"], code="no_time")
        return moment if choice == AT else None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            new = self.clean(data)
        except ValidationError:
            return True
        if new is None or initial is None:
            return new is not initial
        # The input shows minutes.
        return bool(new.replace(second=0, microsecond=0) != initial.replace(second=0, microsecond=0))
