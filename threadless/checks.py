"""System checks of the settings. Each message has a stable id; docs/reference/checks.md lists all of them.

The first round checks the type of each value. The second round looks further into settings whose type is right. No
message shows a value from `BACKENDS`, because options hold secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, get_args

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.memcached import PyMemcacheCache
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from threadless.api.checks import check_routes
from threadless.backends.base import BaseChatBackend, build_backend
from threadless.conf import API_KEY_MODEL, Setting, SettingsGroup, conf
from threadless.db import checks as db_checks  # noqa: F401  (registers itself)
from threadless.extensions import additions
from threadless.keys.adapters import ModelKeyAdapter, get_api_key_model
from threadless.keys.checks import check_key_lookup
from threadless.keys.models import AbstractAPIKey
from threadless.keys.scopes import known_scopes
from threadless.pricing import faults_of_price
from threadless.setting_types import Requirement
from threadless.types import Target, TargetKind
from threadless.usage.checks import check_ledger_hooks, check_places

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(("name", "description", "instructions", "owned_by"), (str, Promise)),
    **dict.fromkeys(("parameters", "data"), (Mapping,)),
    "tools": (list, tuple),
    "created": (int,),
    "max_output_tokens": (int, type(None)),
}
"""The types of a model's fields, apart from those that are checked by their values."""


@register("threadless")
def check_settings(**kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Everything in `THREADLESS` and `THREADLESS_API_KEY_MODEL`."""
    given: Any = conf.given
    if not isinstance(given, Mapping):
        return [Error("THREADLESS must be a dict.", id="threadless.E001")]
    groups: list[SettingsGroup] = [conf, *additions("threadless_settings")]
    known = {name for group in groups for name in group.definitions}
    messages = [_unknown_setting(name, known) for name in given if name not in known]
    valid = set()
    for group in groups:
        faults = {name: setting.type.find_fault(group[name]) for name, setting in group.definitions.items()}
        valid |= {name for name, fault in faults.items() if not fault}
        messages += [_invalid_value(group.definitions[name], fault) for name, fault in faults.items() if fault]
        messages += [message for name in group.definitions if name in valid for message in _check_imports(group, name)]
    for names, check in SECOND_ROUND:
        if valid.issuperset(names):
            messages += check()
    return messages


def _error(name: str, message: str, check_id: str, hint: str | None = None) -> CheckMessage:
    return Error(f"THREADLESS[{name!r}]{message}", hint=hint, id=check_id)


def _unknown_setting(name: Any, known: Collection[str]) -> CheckMessage:
    close = get_close_matches(str(name).upper(), known, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else None
    return Error(f"THREADLESS has no setting {name!r}.", hint=hint, id="threadless.E002")


def _invalid_value(setting: Setting[Any], fault: str) -> CheckMessage:
    return _error(setting.name, f" must be {setting.type.description}, {fault}.", "threadless.E003")


def _check_imports(group: SettingsGroup, name: str) -> Iterator[CheckMessage]:
    requirement, value = group.definitions[name].type.requirement, group[name]
    if requirement is not None:
        for each in value if isinstance(value, list | tuple) else [value]:
            yield from _check_import(name, each, requirement)


def _check_import(name: str, value: Any, requirement: Requirement) -> Iterator[CheckMessage]:
    try:
        found = import_string(value) if isinstance(value, str) else value
    except ImportError as error:
        yield _error(name, f" cannot be imported: {error}", "threadless.E004")
        return
    if fault := requirement(found):
        shown = value if isinstance(value, str) else getattr(value, "__qualname__", type(value).__name__)
        yield _error(name, f": {shown!r} {fault}.", "threadless.E005")


# The second round


def _check_key_model() -> Iterator[CheckMessage]:
    try:
        model = get_api_key_model()
    except ImproperlyConfigured as error:
        yield Error(str(error), id="threadless.E006")
        return
    if not _uses_key_model():
        return
    if not issubclass(model, AbstractAPIKey):
        hint = f"To use another key table, replace {ModelKeyAdapter.__name__} in THREADLESS['KEY_ADAPTER']."
        yield Error(f"{API_KEY_MODEL} must name a model that extends AbstractAPIKey.", hint=hint, id="threadless.E006")
    elif missing := sorted(_names_of_fields(AbstractAPIKey) - _names_of_fields(model)):
        text = f"{API_KEY_MODEL}: {model._meta.label} has removed fields of AbstractAPIKey: {', '.join(missing)}."
        yield Error(text, hint="Keep all of them, and add your own.", id="threadless.E006")


def _uses_key_model() -> bool:
    """Whether the key adapter is ours, or extends ours."""
    try:
        adapter: Any = conf.key_adapter
    except ImportError:  # reported by the check of the setting
        return False
    return isinstance(adapter, type) and issubclass(adapter, ModelKeyAdapter)


def _names_of_fields(model: Any) -> set[str]:
    return {field.name for field in model._meta.fields} - {"id"}


def _check_backends() -> Iterator[CheckMessage]:
    if not conf.backends:
        hint = "Every completion fails without a backend. Configure THREADLESS['BACKENDS']['default']."
        yield CheckWarning("THREADLESS['BACKENDS'] is empty.", hint=hint, id="threadless.W001")
    for alias, params in conf.backends.items():
        if unknown := sorted(set(params) - {"BACKEND", "OPTIONS"}):
            text = f"[{alias!r}] has unknown keys: {', '.join(map(repr, unknown))}."
            yield _error("BACKENDS", text, "threadless.E007", "A backend has the keys 'BACKEND' and 'OPTIONS'.")
        yield from _check_backend(alias)


def _check_backend(alias: str) -> Iterator[CheckMessage]:
    try:
        backend: Any = build_backend(alias)
    except ImproperlyConfigured as error:
        yield Error(str(error), id="threadless.E007")
        return
    if isinstance(backend, BaseChatBackend):
        yield from backend.check()
    else:
        yield _error("BACKENDS", f"[{alias!r}] is not a subclass of BaseChatBackend.", "threadless.E005")


def _check_models() -> Iterator[CheckMessage]:
    for name, params in conf.models.items():
        for fault in _faults_of_model(params):
            yield _error("MODELS", f"[{name!r}] {fault}", "threadless.E008")


def _faults_of_model(params: Mapping[str, Any]) -> Iterator[str]:
    known = _target_fields() - {"id"}
    for field in sorted(set(params) - known):
        yield f"has an unknown field {field!r}. Known fields: {', '.join(sorted(known))}."
    if not params.get("model"):
        yield "must have a 'model', the name of the model at the upstream."
    if (alias := params.get("backend", "default")) not in list(conf.backends):
        yield f"has an unknown backend {alias!r}."
    if (scope := params.get("scope")) and scope not in list(known_scopes()):
        yield f"has an unknown scope {scope!r}."
    if (price := params.get("price")) is not None:
        yield from (f"has a price {fault}." for fault in faults_of_price(price))
    if (kind := params.get("kind", "model")) not in get_args(TargetKind):
        yield f"has an invalid kind {kind!r}. It must be 'model' or 'agent'."
    wrong = {field: each for field, each in params.items() if not isinstance(each, _TYPES.get(field, object))}
    yield from (f"has a value of the wrong type {type(each).__name__!r} in {field!r}." for field, each in wrong.items())


def _target_fields() -> set[str]:
    try:
        resolver: Any = conf.resolver
    except ImportError:  # reported by the check of the setting
        resolver = None
    return set(getattr(resolver, "target_class", Target).__struct_fields__)


def _check_scopes() -> Iterator[CheckMessage]:
    known = known_scopes()
    if conf.required_scope not in known:
        yield _error("REQUIRED_SCOPE", f": {conf.required_scope!r} is not in SCOPES.", "threadless.E009")
    for scope in sorted(set(conf.scope_permissions) - set(known)):
        yield _error("SCOPE_PERMISSIONS", f": {scope!r} is not in SCOPES.", "threadless.E010")


def _check_throttle_cache() -> Iterator[CheckMessage]:
    alias = conf.throttle_cache
    has_limit = conf.requests_per_minute is not None or conf.tokens_per_minute is not None
    if alias not in caches.settings:
        yield _error("THROTTLE_CACHE", f": {alias!r} is not in CACHES.", "threadless.E011")
    elif has_limit:
        yield from _check_counting(alias, import_string(caches.settings[alias]["BACKEND"]))


def _check_counting(alias: str, cache: type[BaseCache]) -> Iterator[CheckMessage]:
    if issubclass(cache, LocMemCache | DummyCache):
        text = f"THREADLESS['THROTTLE_CACHE']: server processes do not share {alias!r}, so each allows the full limits."
        hint = "Name a cache that all server processes share, such as Redis."
        yield CheckWarning(text, hint=hint, id="threadless.W003")
    elif cache.incr is BaseCache.incr:
        text = f"THREADLESS['THROTTLE_CACHE']: {alias!r} does not count atomically, so counts are lost under load."
        yield CheckWarning(text, hint="Name a cache in Redis or Memcached.", id="threadless.W006")
    elif issubclass(cache, PyMemcacheCache) and _is_silent(caches.settings[alias]):
        text = f"THREADLESS['THROTTLE_CACHE']: {alias!r} hides failures of Memcached, so calls are admitted uncounted."
        hint = "Set 'OPTIONS': {'retry_attempts': 0, 'dead_timeout': 1} for this cache."
        yield CheckWarning(text, hint=hint, id="threadless.W011")


def _is_silent(settings: Mapping[str, Any]) -> bool:
    """True if pymemcache returns nothing, instead of an error, while it waits to try a failed server again."""
    options = settings.get("OPTIONS", {})
    return bool(options.get("retry_attempts", 2) or options.get("ignore_exc"))


SECOND_ROUND: Final[tuple[tuple[tuple[str, ...], Callable[[], Iterable[CheckMessage]]], ...]] = (
    (("KEY_ADAPTER",), _check_key_model),
    (("KEY_ADAPTER",), check_key_lookup),
    (("USAGE_RECORDER",), check_ledger_hooks),
    ((), check_places),
    (("BACKENDS",), _check_backends),
    (("MODELS", "BACKENDS", "SCOPES", "RESOLVER"), _check_models),
    (("SCOPES", "REQUIRED_SCOPE", "SCOPE_PERMISSIONS"), _check_scopes),
    (("UNKNOWN_PATHS", "DIALECTS"), check_routes),
    (("THROTTLE_CACHE", "REQUESTS_PER_MINUTE", "TOKENS_PER_MINUTE"), _check_throttle_cache),
)
"""Checks, each with the settings that must be valid before it can run."""
