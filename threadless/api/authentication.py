"""Who calls: an API key in `Authorization: Bearer`, or a signed-in session with CSRF enforced."""

from __future__ import annotations

from typing import Any

from django.views.decorators.debug import sensitive_variables
from rest_framework import authentication
from rest_framework.request import Request

from threadless.api.underlying import without_form
from threadless.conf import conf
from threadless.exceptions import NotAuthenticated
from threadless.keys.scopes import scopes_of
from threadless.types import Caller


class KeyAuthentication(authentication.BaseAuthentication):
    """The host's own keys, through its key adapter. Another scheme than `Bearer` is left to the next class."""

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        header = request.META.get("HTTP_AUTHORIZATION")
        if not header:
            return None
        scheme, _, secret = header.strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        adapter = conf.key_adapter()
        return adapter.authenticate(secret.strip())  # type: ignore[no-any-return]

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """A browser session; DRF enforces CSRF. Its scopes are those that the user's Django permissions name."""

    def enforce_csrf(self, request: Request) -> None:
        """By the header alone: Django would look for the token in a form first, which is the body we have not read."""
        super().enforce_csrf(without_form(request))  # type: ignore[arg-type]  # DRF wants what Django's check wants


def caller_of(request: Request) -> Caller:
    """The caller of an authenticated request; raises `NotAuthenticated`.

    A host's own authentication class may put a `Caller` or an object with an `as_caller()` method in `request.auth`;
    with anything else the user counts like one in a session.
    """
    auth = request.auth
    if isinstance(auth, Caller):
        return auth
    if hasattr(auth, "as_caller"):
        return auth.as_caller()  # type: ignore[no-any-return]
    user = request.user
    if user is None or not user.is_authenticated:
        raise NotAuthenticated("You did not provide an API key. Send it as 'Authorization: Bearer YOUR_KEY'.")
    return Caller(user_id=user.pk, label="session", scopes=scopes_of(user))
