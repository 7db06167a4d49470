"""Models and agents on the pages of the staff: what a user or key sees, and names instead of IDs."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from django.http import HttpRequest

from threadless.conf import conf
from threadless.keys.adapters import ModelKeyAdapter
from threadless.keys.scopes import known_scopes, scopes_of
from threadless.resolvers import targets
from threadless.types import Caller, Target

logger = logging.getLogger("threadless.admin")


def seen_by(request: HttpRequest) -> list[Target]:
    """What the signed-in user may see."""
    return _listed(Caller(user_id=request.user.pk, scopes=scopes_of(request.user)))


def seen_by_key(key: Any) -> list[Target]:
    """What the key may call."""
    return _listed(_caller(key))


def offered_to_key(key: Any) -> list[Target]:
    """What the key could be limited to: everything that its user may see."""
    caller = msgspec.structs.replace(_caller(key), allowed_models=None, scopes=frozenset(known_scopes()))
    return _listed(caller)


def names_of(ids: Iterable[str], seen: Iterable[Target]) -> dict[str, str]:
    """The name of each model or agent for people: of those seen, or that the resolver tells the staff; else the ID."""
    names: dict[str, str] = {target.id: target.name for target in seen if target.name}
    asked = list(dict.fromkeys(ids))
    names |= _told([each for each in asked if each not in names])
    return {each: names.get(each) or each for each in asked}


def _told(ids: Collection[str]) -> Mapping[str, str]:
    """A resolver that fails must not make the pages of the staff fail."""
    try:
        return conf.resolver().names(ids) if ids else {}
    except Exception:
        logger.exception("The resolver could not name models and agents.")
        return {}


def _caller(key: Any) -> Caller:
    adapter = conf.key_adapter()
    return (adapter if isinstance(adapter, ModelKeyAdapter) else ModelKeyAdapter()).get_caller(key)


def _listed(caller: Caller) -> list[Target]:
    """A resolver that fails must not make the pages of the staff fail."""
    try:
        return targets(caller)
    except Exception:
        logger.exception("The resolver could not list the models of user %s.", caller.user_id)
        return []
