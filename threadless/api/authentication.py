"""Authentication by an API key in `Authorization: Bearer`, or by a signed-in session with CSRF protection."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, Final

from django.views.decorators.debug import sensitive_variables
from rest_framework import authentication
from rest_framework.request import Request

from threadless import signals
from threadless.api.underlying import django_request, without_form
from threadless.conf import conf
from threadless.exceptions import NotAuthenticated, WrongType
from threadless.keys.scopes import scopes_of
from threadless.types import Caller

_SETS: Final = (frozenset, AbstractSet)
"""The first is what callers usually have. It is recognized without a look through the subclasses of the second."""


class KeyAuthentication(authentication.BaseAuthentication):
    """Authenticates API keys with the configured key adapter. Leaves other schemes than `Bearer` to the next class."""

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        header = django_request(request).META.get("HTTP_AUTHORIZATION")
        if not header:
            return None
        scheme, _, secret = header.strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        adapter = conf.key_adapter()
        found: Any = adapter.authenticate(secret.strip())
        if not (isinstance(found, tuple) and len(found) == 2):
            raise WrongType(adapter, "authenticate", "a user and a Caller", found)
        user, caller = found[0], _checked(found[1], adapter, "authenticate")
        signals.key_used.send_robust(sender=None, user=user, caller=caller)
        return user, caller

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """Authenticates browser sessions; DRF enforces CSRF. The scopes follow from the user's Django permissions."""

    def enforce_csrf(self, request: Request) -> None:
        """Check only the header. Django would first look for the token in a form, and so read the body."""
        super().enforce_csrf(without_form(request))  # type: ignore[arg-type]  # the types of DRF and Django differ


def caller_of(request: Request) -> Caller:
    """The caller of an authenticated request; raises `NotAuthenticated`.

    A host's own authentication class may put a `Caller` or an object with an `as_caller()` method in `request.auth`;
    with any other value the user is treated as in a session.
    """
    auth = request.auth
    if isinstance(auth, Caller):
        return _checked(auth, request.successful_authenticator, "authenticate")
    if hasattr(auth, "as_caller"):
        return _checked(auth.as_caller(), auth, "as_caller")
    user = request.user
    if user is None or not user.is_authenticated:
        raise NotAuthenticated("You did not provide an API key. Send it as 'Authorization: Bearer YOUR_KEY'.")
    return Caller(user_id=user.pk, label="session", scopes=scopes_of(user))


def _checked(caller: Any, source: Any, method: str) -> Caller:
    """The caller. A text in place of its scopes or models would allow every part of that text."""
    if not isinstance(caller, Caller):
        raise WrongType(source, method, "a Caller", caller)
    if not isinstance(caller.scopes, _SETS):
        raise WrongType(source, method, "a Caller whose scopes are a frozenset", caller.scopes)
    if caller.allowed_models is not None and not isinstance(caller.allowed_models, _SETS):
        raise WrongType(source, method, "a Caller whose allowed_models are None or a frozenset", caller.allowed_models)
    return caller
