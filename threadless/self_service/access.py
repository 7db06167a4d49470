"""What a caller may read: the calls of the own key, or with a scope those of the account."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from threadless.keys.scopes import Scope
from threadless.types import Caller

ACCOUNT_SCOPE: Final = Scope(
    "USAGE:READ", _("Read the usage of the whole account."), "threadless_self_service.read_account_usage"
)


def may_read_account(caller: Caller) -> bool:
    """True if the caller may read the calls of other keys of its account."""
    return ACCOUNT_SCOPE.name in caller.scopes


def own_calls(caller: Caller) -> dict[str, Any]:
    """Selects the calls of this key; for a session, the user's calls without a key."""
    if caller.key_id:
        return {"key_id": caller.key_id}
    return {"user_id": caller.user_id, "key_id": ""}


def readable_calls(caller: Caller) -> dict[str, Any]:
    """Selects all calls that the caller may read. For a caller without an account, these are the user's."""
    if not may_read_account(caller):
        return own_calls(caller)
    if caller.account:
        return {"account": caller.account}
    return own_calls(caller) if caller.user_id is None else {"user_id": caller.user_id}
