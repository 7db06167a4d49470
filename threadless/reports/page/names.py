"""Names for people instead of the IDs that the ledger keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from threadless.admin.targets import names_of as names_of_targets
from threadless.admin.targets import seen_by
from threadless.keys.adapters import get_api_key_model
from threadless.keys.models import AbstractAPIKey
from threadless.reports.models import UsageDay
from threadless.usage.models import UsageRecord

_EMPTY: Mapping[str, Any] = {
    "key_id": _("(no key)"),
    "user_id": _("(no user)"),
    "account": _("(no account)"),
    "error_code": _("(no error)"),
}


def names_of(column: str, values: Collection[Any], request: HttpRequest, using: str) -> dict[Any, str]:
    """The name of each value of a column. Reads at most one row for each value, and one statement for all keys that
    exist."""
    values = [value for value in values if value not in ("", None)]
    found: dict[Any, str] = {}
    if column == "user_id":
        users = get_user_model()._default_manager.in_bulk(values)
        found = {pk: user.get_username() for pk, user in users.items()}
        found |= {value: f"#{value}" for value in values if value not in found}
    elif column == "model":
        found = names_of_targets(values, seen_by(request))
    elif column == "key_id":
        found = _names_of_keys(values)
        labels = {value: _label_of_key(value, using) for value in values if value not in found}
        found |= {value: label for value, label in labels.items() if label}
    elif column == "state":
        found = {state.value: str(state.label) for state in UsageRecord.State}
    elif column == "day":
        found = {value: date_format(value, "SHORT_DATE_FORMAT") for value in values}
    empty = str(_EMPTY.get(column, gettext("(empty)")))
    return {"": empty, None: empty} | {value: found.get(value) or str(value) for value in values}


def _names_of_keys(key_ids: Collection[str]) -> dict[str, str]:
    """The names of the keys that are in our own key table."""
    model: Any = get_api_key_model()
    if not issubclass(model, AbstractAPIKey):
        return {}
    try:
        found = model._default_manager.filter(pk__in=key_ids).values_list("pk", "name")
        return {str(pk): name for pk, name in found}
    except (ValueError, ValidationError):  # a key of another table, such as one that is not a number
        return {}


def _label_of_key(key_id: str, using: str) -> str:
    """The latest name of a key that was deleted or is in another table. One index lookup."""
    records = UsageRecord.objects.using(using).filter(key_id=key_id).order_by("-opened_at")
    label = records.values_list("key_label", flat=True).first()
    if label is None:  # its records were deleted
        days = UsageDay.objects.using(using).filter(key_id=key_id).order_by("-day")
        label = days.values_list("key_label", flat=True).first()
    return label or ""
