"""Which scopes a user may use in a session and hand on to keys, and whom a key may be made for."""

from __future__ import annotations

from typing import Any

from threadless.conf import conf


def scopes_of(user: Any) -> frozenset[str]:
    """The scopes that the user's Django permissions name; none by default, all for a superuser."""
    granted = conf.scope_permissions
    return frozenset(scope for scope in conf.scopes if scope in granted and user.has_perm(granted[scope]))


def may_issue_for(creator: Any, user: Any) -> bool:
    """False for a superuser's key made by anybody who is none: the key would see what its maker may not."""
    return bool(getattr(creator, "is_superuser", False)) or not getattr(user, "is_superuser", False)
