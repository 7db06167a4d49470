"""Access tokens of django-oauth-toolkit.

An authentication class, because a token may be bound to the address that is called. Tokens that it does not know are
left to the next class, so that both kinds can be used side by side:

    "AUTHENTICATION_CLASSES": [
        "threadless.contrib.oauth2_provider.OAuth2TokenAuthentication",
        "threadless.api.authentication.KeyAuthentication",
    ]
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from rest_framework.request import Request

from threadless.api.underlying import without_form
from threadless.exceptions import NotAuthenticated
from threadless.types import Caller


class OAuth2TokenAuthentication(OAuth2Authentication):  # type: ignore[misc]  # the package has no types
    """Scopes are the token's. A token of the client credentials grant belongs to its application and to no user."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        # The package would look for a token in the body too, and parse it for that before the key is judged.
        found = super().authenticate(without_form(request))
        if found is None:
            return None
        user, token = found
        if user is not None and not user.is_active:
            raise NotAuthenticated("The user of this access token is inactive.")
        return user or AnonymousUser(), self.get_caller(user, token)

    def get_caller(self, user: Any, token: Any) -> Caller:
        """The value object that backends, resolvers and the ledger see.

        The key id names application and user, because tokens come and go.
        """
        application, user_id = token.application, None if user is None else user.pk
        return Caller(
            user_id=user_id,
            key_id=f"oauth-{token.application_id}-{'' if user_id is None else user_id}",
            label=application.name if application else "OAuth token",
            scopes=frozenset(token.scope.split()),
        )
