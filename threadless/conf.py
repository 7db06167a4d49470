"""The `THREADLESS` setting, read live: each property is one key of the dict with its default and its meaning.

Values are kept until Django says that the setting has changed, so a test's `override_settings` works: a call asks for
twenty of them. `threadless.checks` judges the values at start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, Final

from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

API_KEY_MODEL: Final = "THREADLESS_API_KEY_MODEL"
"""Stands outside the dict, because `Meta.swappable` needs a top-level setting."""

DEFAULTS: Final[dict[str, Any]] = {
    "BACKENDS": {},
    "MODELS": {},
    "RESOLVER": "threadless.resolvers.SettingsResolver",
    "KEY_ADAPTER": "threadless.keys.adapters.ModelKeyAdapter",
    "USAGE_RECORDER": "threadless.usage.recorder.DatabaseUsageRecorder",
    "TOKEN_COUNTER": "threadless.completions.tokens.estimate_tokens",
    "AUTHENTICATION_CLASSES": [
        "threadless.api.authentication.KeyAuthentication",
        "threadless.api.authentication.SessionAuthentication",
    ],
    "PERMISSION_CLASSES": ["threadless.api.permissions.HasScope"],
    "THROTTLE_CLASSES": ["threadless.api.throttling.KeyRateThrottle", "threadless.api.throttling.ConcurrencyThrottle"],
    "SCOPES": {"CHATS:WRITE": "Send chat completions and list the models."},
    "REQUIRED_SCOPE": "CHATS:WRITE",
    "SCOPE_PERMISSIONS": {"CHATS:WRITE": "threadless.write_chats"},
    "KEY_PREFIX": "tl",
    "MAX_BODY_BYTES": 32 * 1024 * 1024,
    "MAX_MESSAGES": 4096,
    "MAX_DEPTH": 100,
    "MAX_VALUES": 100_000,
    "CONNECT_SECONDS": 10.0,
    "FIRST_BYTE_SECONDS": 300.0,
    "BETWEEN_CHUNKS_SECONDS": 120.0,
    "MAX_CALL_SECONDS": 900.0,
    "GRACE_SECONDS": 5.0,
    "PING_SECONDS": 15.0,
    "STALL_SECONDS": 60.0,
    "GRACEFUL_SECONDS": None,
    "REQUESTS_PER_MINUTE": None,
    "TOKENS_PER_MINUTE": None,
    "CONCURRENT_CALLS_PER_KEY": 50,
    "THROTTLE_CACHE": "default",
}

_import = cache(import_string)
"""Each call asks for a dozen dotted paths."""


class Settings:
    """Typed access to the `THREADLESS` dict. An unknown key there is a system-check error."""

    def __init__(self) -> None:
        setting_changed.connect(self._forget)

    def __getitem__(self, name: str) -> Any:
        return self.given.get(name, DEFAULTS[name])

    def _forget(self, *, setting: str, **kwargs: Any) -> None:
        if setting in ("THREADLESS", API_KEY_MODEL):
            self.__dict__.clear()

    @property
    def given(self) -> Mapping[str, Any]:
        """What the host wrote, without the defaults."""
        value: Mapping[str, Any] = getattr(django_settings, "THREADLESS", {})
        return value

    @cached_property
    def api_key_model(self) -> str:
        """`app_label.Model` of the key table."""
        value: str = getattr(django_settings, API_KEY_MODEL, "threadless.APIKey")
        return value

    @cached_property
    def backends(self) -> Mapping[str, Mapping[str, Any]]:
        """Alias → `BACKEND` (dotted path) and `OPTIONS` (keyword arguments)."""
        value: Mapping[str, Mapping[str, Any]] = self["BACKENDS"]
        return value

    @cached_property
    def models(self) -> Mapping[str, Mapping[str, Any]]:
        """Public model name → fields of `Target`; read by `SettingsResolver`."""
        value: Mapping[str, Mapping[str, Any]] = self["MODELS"]
        return value

    @cached_property
    def resolver(self) -> Callable[[], Any]:
        """Class that turns a model or agent name into a `Target`."""
        return self._imported("RESOLVER")

    @cached_property
    def key_adapter(self) -> Callable[[], Any]:
        """Class that turns a raw key into a user and a `Caller`."""
        return self._imported("KEY_ADAPTER")

    @cached_property
    def usage_recorder(self) -> Callable[[], Any]:
        """Class that opens and settles the usage row of a call."""
        return self._imported("USAGE_RECORDER")

    @cached_property
    def token_counter(self) -> Callable[[str, str], int]:
        """Function `(text, upstream model) -> tokens`, used when the upstream reports no usage."""
        return self._imported("TOKEN_COUNTER")

    @cached_property
    def authentication_classes(self) -> list[type[Any]]:
        """DRF authentication classes of our views; the first one decides the `WWW-Authenticate` header."""
        return self._imported_list("AUTHENTICATION_CLASSES")

    @cached_property
    def permission_classes(self) -> list[type[Any]]:
        """DRF permission classes of our views."""
        return self._imported_list("PERMISSION_CLASSES")

    @cached_property
    def throttle_classes(self) -> list[type[Any]]:
        """DRF throttle classes of our views."""
        return self._imported_list("THROTTLE_CLASSES")

    @cached_property
    def scopes(self) -> Mapping[str, str]:
        """Scope name → description; the names are the host's."""
        value: Mapping[str, str] = self["SCOPES"]
        return value

    @cached_property
    def required_scope(self) -> str:
        """Scope without which none of our endpoints answers."""
        return str(self["REQUIRED_SCOPE"])

    @cached_property
    def scope_permissions(self) -> Mapping[str, str]:
        """Scope → Django permission that gives it to a signed-in session; a scope left out is never given."""
        value: Mapping[str, str] = self["SCOPE_PERMISSIONS"]
        return value

    @cached_property
    def key_prefix(self) -> str:
        """First part of every new secret, for secret scanners and humans."""
        return str(self["KEY_PREFIX"])

    @cached_property
    def max_body_bytes(self) -> int:
        """Largest request body, in bytes."""
        return int(self["MAX_BODY_BYTES"])

    @cached_property
    def max_messages(self) -> int:
        """Largest number of messages in a request."""
        return int(self["MAX_MESSAGES"])

    @cached_property
    def max_depth(self) -> int:
        """Deepest nesting of arrays and objects in a request."""
        return int(self["MAX_DEPTH"])

    @cached_property
    def max_values(self) -> int:
        """Largest number of JSON values in a request: each costs time and memory, however short it is."""
        return int(self["MAX_VALUES"])

    @cached_property
    def connect_seconds(self) -> float:
        """Time to connect to an upstream."""
        return float(self["CONNECT_SECONDS"])

    @cached_property
    def first_byte_seconds(self) -> float:
        """Time from sending a request to the upstream's first byte; a plain call waits its whole answer here."""
        return float(self["FIRST_BYTE_SECONDS"])

    @cached_property
    def between_chunks_seconds(self) -> float:
        """Longest silence of an upstream inside an answer."""
        return float(self["BETWEEN_CHUNKS_SECONDS"])

    @cached_property
    def max_call_seconds(self) -> float:
        """Longest whole call; the ledger's deadline is a minute later."""
        return float(self["MAX_CALL_SECONDS"])

    @cached_property
    def grace_seconds(self) -> float:
        """How long a stream's status line waits for the first chunk, so that an early failure is an honest status."""
        return float(self["GRACE_SECONDS"])

    @cached_property
    def ping_seconds(self) -> float:
        """Silence after which a stream sends a comment line, to keep proxies from cutting it."""
        return float(self["PING_SECONDS"])

    @cached_property
    def stall_seconds(self) -> float:
        """How long a client may read nothing before it counts as gone."""
        return float(self["STALL_SECONDS"])

    @cached_property
    def graceful_seconds(self) -> float | None:
        """Time that running calls have to end when the server stops; None for what the server itself allows."""
        value = self["GRACEFUL_SECONDS"]
        return None if value is None else float(value)

    @cached_property
    def requests_per_minute(self) -> int | None:
        """Requests per minute and caller; None for no limit."""
        return self._optional_int("REQUESTS_PER_MINUTE")

    @cached_property
    def tokens_per_minute(self) -> int | None:
        """Tokens per minute and caller, counted after each call; None for no limit."""
        return self._optional_int("TOKENS_PER_MINUTE")

    @cached_property
    def concurrent_calls_per_key(self) -> int | None:
        """Calls that one caller may have open at once in one server process; None for no limit."""
        return self._optional_int("CONCURRENT_CALLS_PER_KEY")

    @cached_property
    def throttle_cache(self) -> str:
        """Alias in `CACHES` that holds the rate counters; wants a cache shared by all workers."""
        return str(self["THROTTLE_CACHE"])

    def _optional_int(self, name: str) -> int | None:
        value = self[name]
        return None if value is None else int(value)

    def _imported(self, name: str) -> Callable[..., Any]:
        value = self[name]
        imported: Callable[..., Any] = _import(value) if isinstance(value, str) else value
        return imported

    def _imported_list(self, name: str) -> list[type[Any]]:
        values: Sequence[Any] = self[name]
        return [_import(value) if isinstance(value, str) else value for value in values]


conf: Final = Settings()
