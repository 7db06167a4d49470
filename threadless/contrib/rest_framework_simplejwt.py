"""Tokens of simplejwt: `"KEY_ADAPTER": "threadless.contrib.rest_framework_simplejwt.JWTAdapter"`."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.authentication import JWTAuthentication

from threadless.exceptions import NotAuthenticated
from threadless.keys.adapters import BaseKeyAdapter
from threadless.types import Caller


class JWTAdapter(BaseKeyAdapter):
    """Scopes come from a claim of the token: a string with spaces (RFC 8693) or a list. A token may have no scopes."""

    scope_claim = "scope"
    authentication_class: Any = JWTAuthentication
    caller_class: type[Caller] = Caller
    """The class of callers: `Caller` or a subclass of the host."""

    def authenticate(self, secret: str) -> tuple[Any, Caller]:
        authentication = self.authentication_class()
        try:
            token = authentication.get_validated_token(secret.encode())
            user = authentication.get_user(token)
        except AuthenticationFailed as error:
            raise NotAuthenticated("Incorrect or expired token provided.") from error
        return user, self.get_caller(user, token)

    def get_caller(self, user: Any, token: Any) -> Caller:
        """The caller of this token, which resolvers, backends, gates and the ledger receive."""
        return self.caller_class(**self.get_caller_fields(user, token))

    def get_caller_fields(self, user: Any, token: Any) -> dict[str, Any]:
        """Keyword arguments of `caller_class`. To add your own: `super().get_caller_fields(user, token) | {…}`.

        There is no key id: limits are counted per key id, and a user can get a new token for every call.
        """
        given = token.get(self.scope_claim) or ()
        scopes = frozenset(given.split() if isinstance(given, str) else given)
        return {"user_id": user.pk, "label": "JSON web token", "scopes": scopes}
