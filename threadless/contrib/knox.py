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

    def authenticate(self, secret: str) -> tuple[Any, Caller]:
        try:
            user, token = TokenAuthentication().authenticate_credentials(secret.encode())
        except AuthenticationFailed as error:
            raise NotAuthenticated("Incorrect token provided.") from error
        return user, self.get_caller(user, token)

    def get_caller(self, user: Any, token: Any) -> Caller:
        """The caller of this token. Override it to return a subclass of `Caller`."""
        # The primary key of a token is its digest. `token_key` is the part that Knox itself shows.
        return Caller(user_id=user.pk, key_id=token.token_key, label="Knox token", scopes=scopes_of(user))
