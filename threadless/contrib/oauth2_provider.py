"""Access tokens of django-oauth-toolkit.

This is an authentication class, because a token may be bound to the address that is called. Unknown tokens are left to
the next class, so tokens and keys work side by side:

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
    """Uses the scopes of the token. A token of the client credentials grant has an application and no user."""

    caller_class: type[Caller] = Caller
    """The class of callers: `Caller` or a subclass of the host."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        if not request.META.get("HTTP_AUTHORIZATION"):
            return None  # the package would also accept a token in the address, which servers log
        # The package also looks for a token in the body, and would parse it before the token is checked.
        found = super().authenticate(without_form(request))
        if found is None:
            return None
        user, token = found
        if user is not None and not user.is_active:
            raise NotAuthenticated("The user of this access token is inactive.")
        return user or AnonymousUser(), self.get_caller(user, token)

    def get_caller(self, user: Any, token: Any) -> Caller:
        """The caller of this token, which resolvers, backends, gates and the ledger receive."""
        return self.caller_class(**self.get_caller_fields(user, token))

    def get_caller_fields(self, user: Any, token: Any) -> dict[str, Any]:
        """Keyword arguments of `caller_class`. To add your own: `super().get_caller_fields(user, token) | {…}`.

        The key id consists of application and user, because tokens are renewed.
        """
        application, user_id = token.application, None if user is None else user.pk
        return {
            "user_id": user_id,
            "key_id": f"oauth-{token.application_id}-{'' if user_id is None else user_id}",
            "label": application.name if application else "OAuth token",
            "scopes": frozenset(token.scope.split()),
        }
