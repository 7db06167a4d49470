"""The `THREADLESS` setting. One `Setting` defines each key: its default, its type and its meaning.

The system checks and the tables in the documentation are made from these objects; `python -m
tests.support.settings_table` writes the tables. An optional app defines its keys in a `SettingsGroup` of its own, which
its `AppConfig` lists under `threadless_settings`. Values are kept until Django reports that the setting has changed, so
`override_settings` works in tests: one call reads twenty of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Final, Generic, TypeVar, overload
from zoneinfo import ZoneInfo

from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.utils.translation import gettext_lazy as _

from threadless.setting_types import (
    SECONDS,
    SECONDS_OR_ZERO,
    SettingType,
    boolean,
    choice,
    class_with,
    function,
    is_label,
    is_mapping,
    is_permission,
    list_of,
    mapping,
    optional,
    subclass_of,
    text,
    time_zone,
    whole,
)

T = TypeVar("T")

API_KEY_MODEL: Final = "THREADLESS_API_KEY_MODEL"
"""A separate setting, because `Meta.swappable` needs a top-level setting."""


class Setting(Generic[T]):
    """One key of the `THREADLESS` dict, named like its attribute: `conf.max_depth` reads `MAX_DEPTH`.

    Not a data descriptor: the first read puts the value into the instance's `__dict__`, where later reads find it.
    """

    def __init__(self, default: Any, value_type: SettingType[T], meaning: str) -> None:
        self.default = default
        self.type = value_type
        self.meaning = meaning

    def __set_name__(self, owner: type[SettingsGroup], attribute: str) -> None:
        self.attribute = attribute
        self.name = attribute.upper()

    @overload
    def __get__(self, instance: None, owner: type[SettingsGroup]) -> Setting[T]: ...

    @overload
    def __get__(self, instance: SettingsGroup, owner: type[SettingsGroup]) -> T: ...

    def __get__(self, instance: SettingsGroup | None, owner: type[SettingsGroup]) -> Setting[T] | T:
        if instance is None:
            return self
        value = instance.__dict__[self.attribute] = self.type.convert(instance[self.name])
        return value


class SettingsGroup:
    """Typed access to some keys of the `THREADLESS` dict. The system checks report unknown keys and invalid values."""

    definitions: ClassVar[Mapping[str, Setting[Any]]] = {}
    """The settings of the group by their names, in the order of the class."""

    def __init_subclass__(cls) -> None:
        own = {each.name: each for each in vars(cls).values() if isinstance(each, Setting)}
        cls.definitions = {**cls.definitions, **own}

    def __init__(self) -> None:
        setting_changed.connect(self._forget)

    def __getitem__(self, name: str) -> Any:
        """The value as the host wrote it, or the default."""
        return self.given.get(name, self.definitions[name].default)

    def _forget(self, *, setting: str, **kwargs: Any) -> None:
        if setting in ("THREADLESS", API_KEY_MODEL):
            self.__dict__.clear()

    @property
    def given(self) -> Mapping[str, Any]:
        """What the host wrote, without the defaults."""
        value: Mapping[str, Any] = getattr(django_settings, "THREADLESS", {})
        return value


class Settings(SettingsGroup):
    """The keys of the core."""

    @staticmethod
    def of_django(name: str, default: Any = None) -> Any:
        """One of Django's own settings."""
        return getattr(django_settings, name, default)

    backends = Setting[Mapping[str, Mapping[str, Any]]](
        {},
        mapping("a dict of aliases to dicts", is_mapping),
        "alias → `BACKEND` (dotted path) and `OPTIONS` (keyword arguments)",
    )
    models = Setting[Mapping[str, Mapping[str, Any]]](
        {},
        mapping("a dict of model names to dicts", is_mapping, re.compile(r".+")),
        "public name → `model` (the upstream's name), `backend`, `scope`, `instructions`, `parameters`, `owned_by`, "
        "`price`",
    )
    resolver = Setting(
        "threadless.resolvers.SettingsResolver",
        subclass_of("threadless.resolvers.BaseResolver"),
        "turns the name of a model or agent into a `Target`, and lists them",
    )
    key_adapter = Setting(
        "threadless.keys.adapters.ModelKeyAdapter",
        subclass_of("threadless.keys.adapters.BaseKeyAdapter"),
        "turns a key into a user and a `Caller`",
    )
    usage_recorder = Setting(
        "threadless.usage.recorder.DatabaseUsageRecorder",
        subclass_of("threadless.usage.recorder.BaseUsageRecorder"),
        "stores the usage record of each call",
    )
    call_context = Setting[Callable[[Any], Any] | None](
        None,
        optional(function()),
        "returns a context manager that surrounds each call, in the thread that runs the backend",
    )
    token_counter = Setting[Callable[[str, str], int]](
        "threadless.completions.tokens.estimate_tokens",
        function(),
        "`(text, upstream model) -> tokens`, used if the upstream reports no usage",
    )
    authentication_classes = Setting(
        [
            "threadless.api.authentication.KeyAuthentication",
            "threadless.api.authentication.SessionAuthentication",
        ],
        list_of(class_with("authenticate")),
        "DRF authentication classes; the first one decides the `WWW-Authenticate` header",
    )
    permission_classes = Setting(
        ["threadless.api.permissions.HasScope"],
        list_of(class_with("has_permission")),
        "DRF permission classes",
    )
    throttle_classes = Setting(
        [],
        list_of(class_with("allow_request")),
        "your own DRF throttle classes",
    )
    gates = Setting(
        [
            "threadless.calls.limits.RequestRateGate",
            "threadless.calls.limits.TokenRateGate",
            "threadless.calls.limits.SharedConcurrencyGate",
            "threadless.calls.limits.ConcurrencyGate",
        ],
        list_of(subclass_of("threadless.calls.gates.Gate")),
        "admit or refuse calls, in the order in which they are asked",
    )
    dialects = Setting(
        ["threadless.dialects.chat.ChatDialect"],
        list_of(subclass_of("threadless.dialects.base.Dialect")),
        "APIs that clients can speak; each gets a route",
    )
    unknown_paths = Setting(
        "refuse",
        choice("refuse", "ignore"),
        "other paths below our prefix: refuse them with a 404 in JSON, or leave them to routes that follow in your "
        "`urlpatterns`",
    )
    scopes = Setting[Mapping[str, Any]](
        {"CHATS:WRITE": _("Send chat completions and list the models.")},
        mapping("a dict of scopes (no spaces, no commas) to their descriptions", is_label),
        "scope → description; you choose the names",
    )
    required_scope = Setting("CHATS:WRITE", text("a scope"), "scope that every endpoint requires")
    scope_permissions = Setting[Mapping[str, str]](
        {"CHATS:WRITE": "threadless.write_chats"},
        mapping("a dict of scopes to permissions, each as 'app_label.codename'", is_permission),
        "scope → Django permission that gives it to a signed-in session; sessions never have a scope that is left out",
    )
    key_prefix = Setting(
        "tl",
        text(
            "up to 40 ASCII letters, digits, '_' and '-', beginning with a letter or digit",
            r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}",
        ),
        "first part of each new key, for secret scanners and people",
    )
    max_body_bytes = Setting(16 * 1024 * 1024, whole(1), "maximum size of a request body")
    max_messages = Setting(4096, whole(1), "maximum messages per request")
    max_depth = Setting(100, whole(1, 500), "maximum JSON nesting depth of a request")
    max_values = Setting(
        100_000, whole(1), "maximum JSON values in a request: each costs time and memory, however short it is"
    )
    body_seconds = Setting(60.0, SECONDS, "time for the upload of a request body")
    max_bytes_in_flight = Setting(
        128 * 1024 * 1024,
        whole(1),
        "request bodies and buffered answers of one server process at one time, in bytes; more is refused with a 503",
    )
    connect_seconds = Setting(10.0, SECONDS, "time to connect to an upstream")
    first_byte_seconds = Setting(
        300.0, SECONDS, "time until an upstream's first byte; without streaming, until its whole answer"
    )
    between_chunks_seconds = Setting(120.0, SECONDS, "longest pause within an upstream's answer")
    max_call_seconds = Setting(900.0, SECONDS, "longest duration of a call")
    max_answer_bytes = Setting(64 * 1024 * 1024, whole(1), "maximum size of an upstream's plain answer, decompressed")
    max_event_bytes = Setting(16 * 1024 * 1024, whole(1), "maximum size of one event of an upstream's stream")
    grace_seconds = Setting(
        5.0,
        SECONDS_OR_ZERO,
        "how long a stream's status line waits for the first chunk, so that an early failure has its own status",
    )
    ping_seconds = Setting(15.0, SECONDS, "pause after which a stream sends `: ping`, so that proxies keep it open")
    stall_seconds = Setting(60.0, SECONDS, "how long a client may stop reading before it counts as disconnected")
    graceful_seconds = Setting(
        None,
        optional(SECONDS),
        "how long running calls may continue when the server stops; `None`: as long as it waits, or ten seconds",
    )
    asgi_threads = Setting(
        1000,
        whole(1),
        "maximum threads of a process under `threadless.asgi`; a plain call keeps its thread while it waits",
    )
    requests_per_minute = Setting(
        None, optional(whole(1)), "limit per key, for keys without their own limit; `None`: no limit"
    )
    tokens_per_minute = Setting(
        None,
        optional(whole(1)),
        "limit per key, for keys without their own limit, counted after each call; `None`: no limit",
    )
    concurrent_calls_per_key = Setting(
        50,
        optional(whole(1)),
        "maximum concurrent calls of one key in one server process, for keys without their own limit; `None`: no limit",
    )
    throttle_cache = Setting(
        "default", text("an alias of CACHES"), "cache of the rate counters; all server processes must share it"
    )
    cache_failure = Setting(
        "continue",
        choice("continue", "refuse"),
        "what limits do if that cache cannot be reached: admit calls without counting them, or refuse them with a 503",
    )

    currency = Setting("USD", text("an ISO 4217 code, such as 'EUR'", r"[A-Z]{3}"), "currency of all prices and costs")
    pricer = Setting[Callable[[Any, Any, int | None], int | None]](
        "threadless.pricing.cost_by_price",
        function(),
        "`(target, usage, reported) -> cost` in billionths of the currency, or `None` if it is unknown; `reported` is "
        "the cost that the upstream names",
    )
    read_only = Setting(False, boolean(), "refuse new calls with a 503, without a query; running calls end as usual")
    cost_in_usage = Setting(False, boolean(), "show the cost to clients, as `usage.cost`")
    billing_time_zone = Setting(
        None,
        optional(time_zone()),
        "time zone in which days, weeks and months of budgets and reports begin; `None`: Django's `TIME_ZONE`",
    )
    keep_records_days = Setting(
        None,
        optional(whole(1)),
        "how many days usage records are kept, in whole days of `BILLING_TIME_ZONE`; `None`: forever. Sums of "
        "`threadless.reports` stay",
    )

    @property
    def billing_zone(self) -> ZoneInfo:
        """`BILLING_TIME_ZONE`, or the zone that it stands for."""
        return self.billing_time_zone or ZoneInfo(django_settings.TIME_ZONE)

    @cached_property
    def api_key_model(self) -> str:
        """`app_label.Model` of the key table."""
        value: str = getattr(django_settings, API_KEY_MODEL, "threadless.APIKey")
        return value


SETTINGS: Final = Settings.definitions
"""The settings of the core by their names, in the order of the class."""

conf: Final = Settings()
