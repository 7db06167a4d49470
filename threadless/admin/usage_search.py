"""What the search box of the list of calls finds: a request ID, or names of keys, users, accounts and models."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from threadless.keys.adapters import get_api_key_model
from threadless.keys.models import AbstractAPIKey

_MAX_LEADS: Final = 20
"""Each costs one index lookup a page."""
_MAX_NAMED: Final = 500


class Found(NamedTuple):
    """Conditions of which one must be met. Each has an index; `condition` has none and must be met as well."""

    leads: list[Q]
    condition: Q


def find(term: str, rows: QuerySet[Any]) -> Found:
    """What the term means. A request ID excludes everything else."""
    request = Q(request_id=term)
    if rows.filter(request).exists():
        return Found([request], Q())
    keys, users = _keys_named(term), _users_named(term)
    exact = [lead for lead in (Q(model=term), Q(account=term)) if rows.filter(lead).exists()]
    leads = [*(Q(key_id=str(key)) for key in keys), *(Q(user=user) for user in users), *exact]
    if not leads:  # perhaps a key that was deleted
        return Found([Q()], Q(key_label__icontains=term))
    if len(leads) > _MAX_LEADS:
        return Found([Q()], Q(key_label__icontains=term) | Q(user__in=users))
    return Found(leads, Q())


def _keys_named(name: str) -> list[Any]:
    """Keys with this name or, if there is none, with names that contain it."""
    model: Any = get_api_key_model()
    if not issubclass(model, AbstractAPIKey):
        return []
    keys = model._default_manager.order_by("pk").values_list("pk", flat=True)
    return list(keys.filter(name__iexact=name)[:_MAX_NAMED] or keys.filter(name__icontains=name)[:_MAX_NAMED])


def _users_named(name: str) -> list[Any]:
    """Users with this name or, if there is none, with names that begin with it."""
    model: Any = get_user_model()
    field = model._meta.get_field(model.USERNAME_FIELD)
    if field.is_relation:
        return []
    users = model._default_manager.order_by("pk").values_list("pk", flat=True)
    exact = users.filter(**{field.name: name})[:1]
    return list(exact or users.filter(**{f"{field.name}__istartswith": name})[:_MAX_NAMED])
