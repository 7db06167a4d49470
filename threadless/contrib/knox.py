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
    """A Knox token stands for a sign-in, so it may do what its user may do in a session.

    It is read from `Authorization: Bearer`, whatever `AUTH_HEADER_PREFIX` the host's own views want.
    """

    def authenticate(self, secret: str) -> tuple[Any, Caller]:
        try:
            user, token = TokenAuthentication().authenticate_credentials(secret.encode())
        except AuthenticationFailed as error:
            raise NotAuthenticated("Incorrect token provided.") from error
        return user, self.get_caller(user, token)

    def get_caller(self, user: Any, token: Any) -> Caller:
        """The value object that backends, resolvers and the ledger see."""
        # The primary key of a token is its digest; its first characters are what Knox itself shows.
        return Caller(user_id=user.pk, key_id=token.token_key, label="Knox token", scopes=scopes_of(user))
