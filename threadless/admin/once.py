"""Marks forms that may be sent once. A browser that reloads the page of a new key sends the form again."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.utils.crypto import get_random_string

FIELD: Final = "form_id"
_SESSION: Final = "threadless_sent_forms"
_REMEMBERED: Final = 50


def new_form_id() -> str:
    """A value for the hidden input of a form."""
    return get_random_string(20)


def sent_before(request: HttpRequest) -> Any:
    """What `remember` stored for this form, or None."""
    return request.session.get(_SESSION, {}).get(request.POST.get(FIELD))


def remember(request: HttpRequest, value: Any) -> None:
    """Mark the form of this request as sent. `value` is JSON, such as the primary key of what it made."""
    form_id = request.POST.get(FIELD, "")[:100]
    if form_id:
        sent = {**request.session.get(_SESSION, {}), form_id: value}
        request.session[_SESSION] = dict(list(sent.items())[-_REMEMBERED:])
