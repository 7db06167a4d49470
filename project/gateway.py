"""The integration of threadless: with a block in `settings.py` and a line in `urls.py`, this is all of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast

from django.db.models import Exists, OuterRef

from project import llm
from project.accounts.models import ApiKey, Membership, organisation_id_of
from threadless.exceptions import ModelNotFound, NotAuthenticated
from threadless.keys.adapters import ModelKeyAdapter
from threadless.keys.models import AbstractAPIKey
from threadless.resolvers import BaseResolver
from threadless.types import Caller, Target


class PlatformKeyAdapter(ModelKeyAdapter):
    """Authenticates keys of `accounts.ApiKey`. A key stops working when its user leaves the organisation."""

    annotations = {
        "is_member": Exists(Membership.objects.filter(user=OuterRef("user"), organisation=OuterRef("organisation")))
    }

    def check_key(self, key: AbstractAPIKey) -> None:
        super().check_key(key)
        if not getattr(key, "is_member", False):
            raise NotAuthenticated("The user of this API key has left its organisation.")

    def get_caller_fields(self, key: AbstractAPIKey) -> dict[str, Any]:
        return super().get_caller_fields(key) | {"account": str(cast("ApiKey", key).organisation_id or "")}


class PlatformResolver(BaseResolver):
    """Finds models and agents by the same rule as the platform's own pages."""

    def resolve(self, name: str, caller: Caller) -> Target:
        target = llm.find_assistant(name, caller.user_id, organisation_of(caller))
        if target is None:
            raise ModelNotFound(name)
        return target

    def list(self, caller: Caller) -> Iterable[Target]:
        return llm.assistants(caller.user_id, organisation_of(caller))

    def names(self, ids: Collection[str]) -> Mapping[str, str]:
        return llm.names_of_agents(ids)


def organisation_of(caller: Caller) -> int | None:
    """The organisation of the caller: the key's, or for a signed-in session the user's."""
    return int(caller.account) if caller.account else organisation_id_of(caller.user_id)
