"""Keys of djangorestframework-api-key: `"KEY_ADAPTER": "threadless.contrib.rest_framework_api_key.APIKeyAdapter"`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework_api_key.models import APIKey

from threadless.conf import conf
from threadless.exceptions import NotAuthenticated
from threadless.keys.adapters import BaseKeyAdapter
from threadless.types import Caller


class APIKeyAdapter(BaseKeyAdapter):
    """The package's keys have no user and no scopes, so each key has `REQUIRED_SCOPE`.

    If you extend the package's `AbstractAPIKey`, set `model` in a subclass. The fields `user` and `scopes` of your
    model are used if they exist.
    """

    model: Any = APIKey
    caller_class: type[Caller] = Caller
    """The class of callers: `Caller` or a subclass of the host."""

    def authenticate(self, secret: str) -> tuple[Any, Caller]:
        try:
            key = self.model.objects.get_from_key(secret)
        except self.model.DoesNotExist:
            raise NotAuthenticated("Incorrect API key provided.") from None
        if key.has_expired:
            raise NotAuthenticated("This API key has expired.")
        user = getattr(key, "user", None)
        if user is not None and not user.is_active:
            raise NotAuthenticated("The user of this API key is inactive.")
        return user or AnonymousUser(), self.get_caller(key, user)

    def get_caller(self, key: Any, user: Any) -> Caller:
        """The caller of this key, which resolvers, backends, gates and the ledger receive."""
        return self.caller_class(**self.get_caller_fields(key, user))

    def get_caller_fields(self, key: Any, user: Any) -> dict[str, Any]:
        """Keyword arguments of `caller_class`. To add your own: `super().get_caller_fields(key, user) | {…}`."""
        scopes = frozenset(key.scopes) if hasattr(key, "scopes") else frozenset({conf.required_scope})
        # The package's primary key contains the hash of the secret, which must not be stored in the ledger.
        user_id = None if user is None else user.pk
        return {"user_id": user_id, "key_id": key.prefix, "label": key.name, "scopes": scopes}
