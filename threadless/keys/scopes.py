"""Which scopes a user holds, and which keys a user may issue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.core.exceptions import PermissionDenied
from django.db import transaction

from threadless.conf import conf
from threadless.extensions import additions

ISSUE_FOR_OTHERS: Final = "threadless.issue_keys_for_others"


class Scope(NamedTuple):
    """A scope that an installed app adds. The host may describe it, and map it to a permission, in its settings."""

    name: str
    description: Any
    permission: str
    """The Django permission that gives it to a signed-in session, as `app_label.codename`."""


def known_scopes() -> dict[str, Any]:
    """All scopes and their descriptions: those of `SCOPES`, then those of installed apps."""
    added: Iterable[Scope] = additions("threadless_scopes")
    return {**conf.scopes, **{each.name: each.description for each in added if each.name not in conf.scopes}}


def scope_permissions() -> dict[str, str]:
    """The Django permission that gives each scope to a session. Scopes that are not listed cannot be given."""
    added: Iterable[Scope] = additions("threadless_scopes")
    return {**{each.name: each.permission for each in added}, **conf.scope_permissions}


def scopes_of(user: Any) -> frozenset[str]:
    """Return the scopes that the user may use in a session and may grant to keys.

    `SCOPE_PERMISSIONS` maps each scope to a Django permission. A user without permissions has no scopes, and a
    superuser has every scope that is mapped.
    """
    granted = scope_permissions()
    return frozenset(scope for scope in known_scopes() if scope in granted and user.has_perm(granted[scope]))


def may_issue_for(creator: Any, user: Any) -> bool:
    """Return whether `creator` may issue a key that acts as `user`.

    A key sees everything that its user sees. Therefore a key for another user requires the permission
    `threadless.issue_keys_for_others`, and a key for a superuser requires a superuser.
    """
    if getattr(creator, "is_superuser", False) or creator.pk == user.pk:
        return True
    return not getattr(user, "is_superuser", False) and bool(creator.has_perm(ISSUE_FOR_OTHERS))


def check_may_issue(creator: Any, user: Any, scopes: Iterable[str]) -> None:
    """Raise `PermissionDenied` unless `creator` may issue a key for `user` with these scopes."""
    if excess := set(scopes) - scopes_of(creator):
        raise PermissionDenied(f"A key cannot hold scopes that its creator lacks: {', '.join(sorted(excess))}.")
    if not may_issue_for(creator, user):
        raise PermissionDenied("The creator is not allowed to issue keys for this user.")


def may_issue(creator: Any, user: Any, scopes: Iterable[str]) -> bool:
    """Return whether `creator` may issue a key for `user` with these scopes."""
    return set(scopes) <= scopes_of(creator) and may_issue_for(creator, user)


def permission_name(scope: str) -> str:
    """The name of the permission that gives the scope to a session, as the admin shows it; empty if there is none."""
    from django.contrib.auth.models import Permission  # cannot be imported before all apps are loaded

    label, _, codename = scope_permissions().get(scope, "").partition(".")
    found = Permission.objects.filter(content_type__app_label=label, codename=codename)
    try:
        return found.values_list("name", flat=True).first() or ""
    except transaction.TransactionManagementError:  # under `ATOMIC_REQUESTS`, DRF has marked the request for a rollback
        return ""
