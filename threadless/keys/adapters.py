"""From the key of a request to a user and a `Caller`: the extension point for a host's key table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar, Final

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import models, router
from django.utils import timezone

from threadless.conf import API_KEY_MODEL, conf
from threadless.exceptions import NotAuthenticated
from threadless.keys import secrets
from threadless.keys.lookup import PreparedLookup, find_key, is_plain, prepared
from threadless.keys.models import AbstractAPIKey
from threadless.types import PLATFORM_LIMITS, Caller, Limits

_TOUCH_AFTER: Final = timedelta(minutes=1)
"""`last_used_at` is written at most this often, so that a busy key does not cost a write per call."""


def get_api_key_model() -> type[models.Model]:
    """The key model in use. Raises `ImproperlyConfigured` if the setting names no installed model."""
    try:
        return _model(conf.api_key_model)
    except (ValueError, LookupError) as error:
        raise ImproperlyConfigured(f"{API_KEY_MODEL} names no installed model: {conf.api_key_model!r}.") from error


@cache
def _model(name: str) -> type[models.Model]:
    return apps.get_model(name, require_ready=False)


class BaseKeyAdapter(ABC):
    """Base class for hosts with their own key table. One instance serves one request."""

    @abstractmethod
    def authenticate(self, secret: str) -> tuple[Any, Caller]:
        """The user and the caller of this key.

        Raises `NotAuthenticated` for a key that is unknown, expired or revoked, or whose user is inactive. The
        message reaches the client. Must not log or keep the secret.
        """


class ModelKeyAdapter(BaseKeyAdapter):
    """Reads the model in `THREADLESS_API_KEY_MODEL`, which must extend `AbstractAPIKey`, with one indexed query.

    To pass further columns on, override `get_caller_fields`. List values from other tables in `annotations`.
    """

    annotations: ClassVar[Mapping[str, Any]] = {}
    """Query expressions by name. Each becomes an attribute of the key.

    The lookup is compiled once per process, so these expressions must be the same for all calls. What depends on the
    time or on the current tenant belongs in `get_queryset`, or in a database function such as `Now()`.
    """

    caller_class: type[Caller] = Caller
    """The class of callers: `Caller` or a subclass of the host."""

    def authenticate(self, secret: str) -> tuple[Any, Caller]:
        key = self.get_key(secret)
        self.check_key(key)
        self.touch(key)
        return key.user, self.get_caller(key)

    def get_key(self, secret: str) -> AbstractAPIKey:
        """The key with this secret. Malformed secrets are refused without a query."""
        digest = secrets.digest(secret)
        key: Any = self._find(digest) if secrets.is_well_formed(secret) else None
        if key is None or not key.accepts(digest):
            raise NotAuthenticated("Incorrect API key provided.")
        return key  # type: ignore[no-any-return]

    def get_queryset(self) -> models.QuerySet[Any]:
        """The keys that can be found. The user is joined, unless the queryset selects its columns.

        If you override it, it is called and compiled for each request, which takes 0.2 ms.
        """
        keys: models.QuerySet[Any] = get_api_key_model()._default_manager.get_queryset()
        return keys.annotate(**self.annotations)  # type: ignore[no-any-return]

    @classmethod
    def compiles_at_each_call(cls) -> str:
        """What prevents compiling the lookup once, such as an override of the host. Empty if nothing does."""
        if cls.get_queryset is not ModelKeyAdapter.get_queryset:
            return f"{cls.__qualname__}.get_queryset()"
        manager: Any = get_api_key_model()._default_manager
        return "" if is_plain(manager) else type(manager).__qualname__

    def _find(self, digest: str) -> Any:
        model = get_api_key_model()
        key = (type(self), model, router.db_for_read(model))
        lookup = prepared.get(key)
        if lookup is None:
            if self.compiles_at_each_call():
                return find_key(self.get_queryset(), digest)
            lookup = prepared.setdefault(key, PreparedLookup(self.get_queryset()))
        return lookup.get(digest)

    def check_key(self, key: AbstractAPIKey) -> None:
        """Refuse expired and revoked keys, and keys of inactive users. The message gives the reason."""
        if key.revoked_at is not None:
            raise NotAuthenticated("This API key has been revoked.")
        if key.is_expired():
            raise NotAuthenticated("This API key has expired.")
        if not key.user.is_active:
            raise NotAuthenticated("The user of this API key is inactive.")

    def get_caller(self, key: AbstractAPIKey) -> Caller:
        """The caller, which resolvers, backends, gates and the ledger receive."""
        return self.caller_class(**self.get_caller_fields(key))

    def get_caller_fields(self, key: AbstractAPIKey) -> dict[str, Any]:
        """Keyword arguments of `caller_class`. To add your own: `super().get_caller_fields(key) | {…}`."""
        return {
            "user_id": key.user_id,
            "key_id": str(key.pk),
            "label": key.name,
            "scopes": frozenset(key.scopes),
            "allowed_models": None if key.allowed_models is None else frozenset(key.allowed_models),
            "limits": _limits_of(key),
        }

    def touch(self, key: AbstractAPIKey) -> None:
        """Update `last_used_at`, at most once a minute."""
        now = timezone.now()
        if key.last_used_at is None or now - key.last_used_at >= _TOUCH_AFTER:
            type(key)._default_manager.filter(pk=key.pk).update(last_used_at=now)


def _limits_of(key: AbstractAPIKey) -> Limits:
    requests, tokens, calls = key.requests_per_minute, key.tokens_per_minute, key.concurrent_calls
    if requests is tokens is calls is None:
        return PLATFORM_LIMITS
    return Limits(requests_per_minute=requests, tokens_per_minute=tokens, concurrent_calls=calls)
