"""Tokens of django-rest-knox: `"KEY_ADAPTER": "threadless.contrib.knox.KnoxKeyAdapter"`."""

from __future__ import annotations

from typing import Any

from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from threadless.exceptions import NotAuthenticated
from threadless.keys.adapters import BaseKeyAdapter
from threadless.keys.scopes import scopes_of
from threadless.types import Caller


class KnoxKeyAdapter(BaseKeyAdapter):
    """A Knox token represents a sign-in, so it has the scopes that its user has in a session.

    It is read from `Authorization: Bearer`; `AUTH_HEADER_PREFIX` applies only to the host's own views.
    """

    caller_class: type[Caller] = Caller
    """The class of callers: `Caller` or a subclass of the host."""

    def authenticate(self, secret: str) -> tuple[Any, Caller]:
        try:
            user, token = TokenAuthentication().authenticate_credentials(secret.encode())
        except AuthenticationFailed as error:
            raise NotAuthenticated("Incorrect token provided.") from error
        return user, self.get_caller(user, token)

    def get_caller(self, user: Any, token: Any) -> Caller:
        """The caller of this token, which resolvers, backends, gates and the ledger receive."""
        return self.caller_class(**self.get_caller_fields(user, token))

    def get_caller_fields(self, user: Any, token: Any) -> dict[str, Any]:
        """Keyword arguments of `caller_class`. To add your own: `super().get_caller_fields(user, token) | {…}`."""
        # The primary key of a token is its digest. `token_key` is the part that Knox itself shows.
        return {"user_id": user.pk, "key_id": token.token_key, "label": "Knox token", "scopes": scopes_of(user)}
