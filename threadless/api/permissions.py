"""Checks the scopes of the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from threadless.api.authentication import caller_of
from threadless.conf import conf
from threadless.exceptions import InsufficientScope
from threadless.types import Caller, Target

if TYPE_CHECKING:
    # A host may name our class in DRF's settings, which DRF imports while it loads its own views.
    from rest_framework.views import APIView


class HasScope(BasePermission):
    """Requires `REQUIRED_SCOPE` for every endpoint, and the target's own scope for a call to it.

    A view may name another scope as `required_scope`; with an empty one, it is open to every valid key.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = caller_of(request)
        if scope := getattr(view, "required_scope", conf.required_scope):
            require_scope(caller, scope)
        return True

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        if isinstance(obj, Target) and obj.scope:
            require_scope(caller_of(request), obj.scope)
        return True


def require_scope(caller: Caller, scope: str) -> None:
    """Raise `InsufficientScope` unless the caller has this scope."""
    if scope not in caller.scopes:
        raise InsufficientScope(f"You have insufficient permissions for this operation. Missing scope: {scope}.")
